"""A reply's body as a `ChatReply`: forms of content, finish reasons, log-probabilities and usage."""

from __future__ import annotations

from typing import Any

import pytest

from rageval.errors import ExecutionError
from rageval.models.base import ChatReply, Token
from rageval.models.structured import yes_probability
from rageval.models.wire import NoTextError, OutOfRoomError, UnfinishedError, first_word, read_completion


def body(content: Any = "yes", finish_reason: Any = "stop", logprobs: Any = None, **more: Any) -> dict[str, Any]:
    usage = more.pop("usage", {"prompt_tokens": 9, "completion_tokens": 20})
    choice = {"finish_reason": finish_reason, "message": {"content": content, **more}, "logprobs": logprobs}
    return {"choices": [choice], "usage": usage}


def read(*args: Any, **more: Any) -> ChatReply:
    return read_completion(body(*args, **more), "here")


def token(text: str, **top: float | None) -> dict[str, Any]:
    return {"token": text, "top_logprobs": [{"token": name, "logprob": value} for name, value in top.items()]}


THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}


@pytest.mark.parametrize(
    ("content", "beside", "text", "reasoning"),
    [
        ("yes", {}, "yes", ""),
        (" yes\n", {}, " yes\n", ""),
        ([{"type": "text", "text": "ye"}, {"type": "text", "text": "s"}], {}, "yes", ""),
        ([{"type": "output_text", "text": "yes"}, {"type": "image_url", "image_url": {}}, None], {}, "yes", ""),
        ([THINKING, {"type": "text", "text": "\nyes"}], {}, "yes", "Hm."),
        ("\n\nyes", {"reasoning_content": "Hm."}, "yes", "Hm."),
        ("yes", {"reasoning": "Hm.", "reasoning_details": [{}]}, "yes", "Hm."),
        ("yes", {"reasoning_content": None, "reasoning": ""}, "yes", ""),
        ("<think>Hm.</think>yes", {"reasoning_content": ""}, "yes", "Hm."),
    ],
)
def test_content_and_reasoning(content: Any, beside: dict[str, Any], text: str, reasoning: str) -> None:
    reply = read(content, **beside)
    assert (reply.text, reply.reasoning) == (text, reasoning)


@pytest.mark.parametrize(
    ("said", "means"),
    [("eos", "stop"), ("eos_token", "stop"), (None, "stop"), ("model_length", "length"),
     ("sensitive", "content_filter"), ("tool_calls", "tool_calls"), ("new_one", "new_one")],
)  # fmt: skip
def test_finish_reasons(said: str | None, means: str) -> None:
    assert read("yes", said).finish_reason == means


@pytest.mark.parametrize("content", [None, "", " \n", []])
@pytest.mark.parametrize(
    ("said", "error"),
    [("stop", UnfinishedError), (None, UnfinishedError), ("error", UnfinishedError), ("load", UnfinishedError),
     ("length", OutOfRoomError), ("content_filter", NoTextError), ("sensitive", NoTextError)],
)  # fmt: skip
def test_no_text(content: Any, said: str | None, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^here: .* \(finish reason") as caught:
        read(content, said)
    assert type(caught.value) is error


@pytest.mark.parametrize("said", ["error", "abort", "network_error", "insufficient_system_resource"])
def test_a_text_that_broke_off_is_no_reply(said: str) -> None:
    with pytest.raises(UnfinishedError, match=f"broke off.*{said}"):
        read("Par", said)


def test_no_choices_are_a_break_and_other_bodies_are_not() -> None:
    for choices in ([], None):
        with pytest.raises(UnfinishedError, match="no choices"):
            read_completion({"choices": choices}, "here")
    with pytest.raises(ExecutionError, match="not a chat completion") as caught:
        read_completion({"id": 1}, "here")
    assert type(caught.value) is ExecutionError


@pytest.mark.parametrize(("content", "more"), [("<think>Hm", {}), ("", {"reasoning": "Hm"}), ([THINKING], {})])
def test_reasoning_cut_off_tells_what_it_cost(content: Any, more: dict[str, Any]) -> None:
    with pytest.raises(OutOfRoomError) as caught:
        read(content, "length", **more)
    usage = caught.value.usage
    assert (usage.calls, usage.completion_tokens, usage.reasoning_tokens, caught.value.reasoned) == (1, 20, 20, True)


TOP = (("yes", -0.1), ("no", -2.5))


@pytest.mark.parametrize(
    ("logprobs", "alternatives"),
    [
        ({"content": [token("yes", no=-2.5, yes=-0.1)]}, TOP),
        ({"content": [token("yes", yes=-0.1, no=-2.5, x=-9999.0, y=None, z=float("-inf"))]}, TOP),
        ({"tokens": ["yes"], "token_logprobs": [-0.1], "top_logprobs": [{"yes": -0.1, "no": -2.5}]}, TOP),
        ({"tokens": ["yes"], "token_logprobs": [-0.1]}, TOP[:1]),
        ({"tokens": ["yes"], "token_logprobs": [None]}, ()),
        ({"content": [{"token": "yes", "top_logprobs": None}]}, ()),
        ({"content": [{"token": "yes", "logprob": None}]}, ()),
    ],
)
def test_forms_of_log_probabilities(logprobs: Any, alternatives: tuple[tuple[str, float], ...]) -> None:
    assert read(logprobs=logprobs).tokens == (Token("yes", alternatives),)


@pytest.mark.parametrize(
    "logprobs", [None, {}, [], {"content": None}, {"content": []}, {"content": [3]}, {"content": [{"text": "yes"}]},
                 "x", {"tokens": ["yes"], "token_logprobs": []}, {"content": [token("yes", yes="far")]}],  # type: ignore[arg-type]
)  # fmt: skip
def test_log_probabilities_that_cannot_be_read_are_as_if_absent(logprobs: Any) -> None:
    assert (read(logprobs=logprobs).text, read(logprobs=logprobs).tokens) == ("yes", ())


def test_the_first_token_is_that_of_the_answer_behind_the_reasoning() -> None:
    """The thought is surer of no than the answer is: vLLM lists the tokens of both."""
    thought = [token("no", no=-0.01, yes=-4.6), token(" way"), token("</think>"), token("\n\n")]
    reply = read("no way</think>\n\nyes", logprobs={"content": [*thought, token("yes", yes=-0.1, no=-2.5), token(".")]})
    assert [one.text for one in reply.tokens] == ["yes", "."]
    beside = read("yes", reasoning="no way", logprobs={"content": [*thought, token("yes", yes=-0.1, no=-2.5)]})
    assert beside.tokens == (Token("yes", TOP),)
    # exp(-0.1) / (exp(-0.1) + exp(-2.5)) = 0.904837 / 0.986922
    assert yes_probability(beside) == pytest.approx(0.916827, abs=1e-6)
    assert read("yes", reasoning="Hm", logprobs={"content": [token("else")]}).tokens == ()


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"completion_tokens": 20, "completion_tokens_details": {"reasoning_tokens": 15}}, (0, 0, 20, 15)),
        ({"prompt_tokens": 9, "completion_tokens": 20, "reasoning_tokens": 15}, (9, 0, 20, 15)),
        ({"prompt_tokens": 9, "completion_tokens": 20, "prompt_cache_hit_tokens": 4}, (9, 4, 20, 0)),
        ({"prompt_tokens": 9, "completion_tokens": 20, "prompt_token_details": {"cached_tokens": 4}}, (9, 4, 20, 0)),
        ({"prompt_tokens": 9.0, "completion_tokens": None, "cached_tokens": "x"}, (9, 0, 0, 0)),
        ({"prompt_tokens": "9", "completion_tokens": -1, "prompt_tokens_details": []}, (0, 0, 0, 0)),
        (None, (0, 0, 0, 0)),
        ([], (0, 0, 0, 0)),
    ],
)  # fmt: skip
def test_usage_in_all_its_forms(usage: Any, counts: tuple[int, int, int, int]) -> None:
    found = read(usage=usage).usage
    assert found.calls == 1
    assert (found.prompt_tokens, found.cached_tokens, found.completion_tokens, found.reasoning_tokens) == counts


def test_reasoning_that_is_not_counted_is_estimated_by_its_share_of_the_characters() -> None:
    assert read("yes!", reasoning="123456" * 2).usage.reasoning_tokens == 15  # 12 of 16 characters of 20 tokens


@pytest.mark.parametrize(
    ("text", "word"), [("Yes, because", "Yes"), ("“是”，因为", "“是"), ("**No**.", "**No"), ("?", "?"), ("yes", "yes")]
)
def test_the_first_word(text: str, word: str) -> None:
    reply = first_word(ChatReply(text, tokens=(Token("a"), Token("b"))))
    assert (reply.text, reply.tokens) == (word, (Token("a"),))
