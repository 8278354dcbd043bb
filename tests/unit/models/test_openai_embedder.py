"""The refusals are bodies of the services' own: docs pages and users' logs of OpenAI, DashScope, Zhipu, SiliconFlow,
TEI, llama.cpp, Gemini and Infinity.
"""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from rageval.errors import DeclarationError, ExecutionError, ModelError, RagevalError
from rageval.models.base import Vectors
from rageval.models.known_models import KnownModel
from rageval.models.openai_embedder import InputType, OpenAIEmbedder
from rageval.models.vector_cache import CachedEmbedder
from rageval.models.vector_reply import PartlyEmbeddedError
from tests.flow.fake_server import Canned, FakeServer, Received, embeddings, fault, friendly

Rule = Callable[[list[str], dict[str, Any]], Canned | None]


def refusing(rule: Rule) -> Callable[[Received], Canned]:
    """A service with a rule: what it answers to these texts, None where it embeds them."""
    return lambda received: rule(received.payload["input"], received.payload) or friendly(received)


def embed(
    server: FakeServer, texts: list[str], kind: Literal["query", "passage"] = "passage", **options: Any
) -> tuple[Vectors, OpenAIEmbedder]:
    async def run() -> tuple[Vectors, OpenAIEmbedder]:
        embedder = OpenAIEmbedder(server.base_url, "fake", **{"max_retries": 0, **options})
        try:
            return await embedder.embed(texts, kind), embedder
        finally:
            await embedder.close()

    return asyncio.run(run())


def sizes(server: FakeServer) -> list[int]:
    return [len(received.payload["input"]) for received in server.received]


def unit(text: str) -> np.ndarray:
    """What `friendly` answers to a text, of unit length."""
    vector = np.array([len(text), sum(map(ord, text)) % 97, 1.0])
    return vector / np.linalg.norm(vector)


def test_vectors_are_in_order_and_of_unit_length() -> None:
    with FakeServer() as server:
        vectors, _ = embed(server, ["a", "bb", "ccc", "dddd", "eeeee"], batch=2)
        assert sorted(sizes(server)) == [1, 2, 2]
        assert set(server.received[0].payload) == {"model", "input"}  # what nobody asked for is not sent
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [unit(n * c) for n, c in enumerate("abcde", 1)], rtol=1e-6)


def test_order_of_the_reply_does_not_matter() -> None:
    data = [{"index": 1, "embedding": [0.0, 2.0]}, {"index": 0, "embedding": [5.0, 0.0]}]
    with FakeServer(lambda _: Canned({"data": data})) as server:
        np.testing.assert_array_equal(embed(server, ["x", "y"])[0], [[1.0, 0.0], [0.0, 1.0]])


def test_no_texts_need_no_call() -> None:
    with FakeServer() as server:
        assert embed(server, [])[0].shape[0] == 0
        assert server.calls == 0


@pytest.mark.parametrize(
    "data", [[], [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}], {"oops": 1}]
)
def test_bad_embeddings_are_a_failure(data: object) -> None:
    with FakeServer(lambda _: Canned({"data": data})) as server, pytest.raises(ExecutionError):
        embed(server, ["x"])


def test_failure_of_one_batch_is_told_plainly() -> None:
    with FakeServer(lambda _: fault(401)) as server, pytest.raises(RagevalError) as caught:
        embed(server, ["x", "y", "z"], batch=1)
    assert type(caught.value) is ModelError


def test_missing_key_is_told_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGEVAL_TEST_KEY", " ")
    with pytest.raises(DeclarationError, match=r"https://models\.example/v1: .* RAGEVAL_TEST_KEY"):
        OpenAIEmbedder("https://models.example/v1", "fake", "RAGEVAL_TEST_KEY")


# What is sent


def test_settings_are_sent_and_are_part_of_the_identity() -> None:
    settings: dict[str, Any] = {
        "dimensions": 3,
        "encoding_format": "base64",
        "query_prefix": "query: ",
        "passage_prefix": "passage: ",
        "input_type": InputType("retrieval.query", "retrieval.passage", field="task"),
    }
    with FakeServer() as server:
        _, embedder = embed(server, ["a"], "query", **settings)
        embed(server, ["a"], "passage", **settings)
        query, passage = (received.payload for received in server.received)
    assert query == {
        "model": "fake",
        "input": ["query: a"],
        "dimensions": 3,
        "encoding_format": "base64",
        "task": "retrieval.query",
    }
    assert (passage["input"], passage["task"]) == (["passage: a"], "retrieval.passage")
    plain = OpenAIEmbedder(server.base_url, "fake").identity
    changed: list[dict[str, Any]] = [
        {"dimensions": 3},
        {"query_prefix": "query: "},
        {"passage_prefix": "query: "},
        {"max_tokens": 8},
        {"input_type": InputType("a", "b")},
        {"input_type": InputType("a", "c")},
    ]
    identities = {OpenAIEmbedder(server.base_url, "fake", **change).identity for change in changed}
    assert len({plain, embedder.identity, *identities}) == 2 + len(changed)
    for same in ({"encoding_format": "base64"}, {"batch": 2}, {"concurrency": 1}):
        assert OpenAIEmbedder(server.base_url, "fake", **same).identity == plain  # type: ignore[arg-type]


def test_calls_are_split_by_tokens_too() -> None:
    """Each text takes 5 tokens (a word of 25 letters); two of them are the most that 12 tokens hold."""
    with FakeServer() as server:
        embed(server, [letter * 25 for letter in "abcde"], batch_tokens=12)
        assert sorted(sizes(server)) == [1, 2, 2]


def test_base64_is_read_whatever_was_asked_for() -> None:
    vector = base64.b64encode(struct.pack("<2f", 3.0, 4.0)).decode()
    with FakeServer(lambda _: Canned({"data": [{"embedding": vector, "index": 0}]})) as server:
        np.testing.assert_allclose(embed(server, ["x"])[0], [[0.6, 0.8]], rtol=1e-6)


# Calls that are too large


@pytest.mark.parametrize(
    ("most", "answer"),
    [
        (10, fault(400, "Value error, batch size is invalid, it should not be larger than 10.: input.contents")),
        (64, fault(400, "input数组最大不得超过64条", code="1214")),
        (32, Canned({"message": "batch size 100 > maximum allowed batch size 32", "code": 422}, 422)),
        (48, fault(400, "at most 48 requests can be in one batch")),
        (25, fault(400, "Requested 400000 tokens, max 300000 tokens per request", code="max_tokens_per_request")),
    ],
    ids=["dashscope", "zhipu", "tei", "gemini", "openai"],
)
def test_a_batch_that_is_too_large_is_sent_in_smaller_ones(most: int, answer: Canned) -> None:
    texts = [f"text {n}" for n in range(100)]
    with FakeServer(refusing(lambda sent, _: answer if len(sent) > most else None)) as server:
        vectors, embedder = embed(server, texts, batch=100, concurrency=1)
        first = sizes(server)
        assert max(first[2:]) <= most * 2 if most == 25 else max(first[1:]) == most
        again = len(first)
        asyncio.run(embedder.embed(texts, "passage"))
        assert max(sizes(server)[again:]) == most  # what was refused once is not tried again
    np.testing.assert_allclose(vectors, [unit(text) for text in texts], rtol=1e-6)


def test_a_refusal_in_unknown_words_is_taken_for_the_number_where_smaller_calls_pass() -> None:
    answer = Canned({"code": 20015, "message": "The parameter is invalid. Please check again.", "data": None}, 400)
    with FakeServer(refusing(lambda sent, _: answer if len(sent) > 32 else None)) as server:
        vectors, embedder = embed(server, [str(n) for n in range(64)])
        assert sizes(server) == [64, 32, 32]
        asyncio.run(embedder.embed([str(n) for n in range(64)], "passage"))
        assert sizes(server)[3:] == [32, 32]
    assert vectors.shape == (64, 3)


def test_a_service_that_refuses_everything_is_asked_a_few_times_only() -> None:
    with (
        FakeServer(lambda _: fault(400, "no such thing")) as server,
        pytest.raises(ExecutionError, match="no such thi"),
    ):
        embed(server, [str(n) for n in range(64)])
    assert sizes(server) == [64, 32, 16, 8, 4, 2, 1]


def test_one_text_that_is_refused_fails_alone() -> None:
    answer = fault(400, "Input data may contain inappropriate content.", code="data_inspection_failed")
    with (
        FakeServer(refusing(lambda sent, _: answer if "bad" in sent else None)) as server,
        pytest.raises(PartlyEmbeddedError, match=r"1 of 8 texts got no vector; 'bad': .*inappropriate") as caught,
    ):
        embed(server, [*"abc", "bad", *"efgh"])
    assert sorted(caught.value.vectors) == [0, 1, 2, 4, 5, 6, 7]
    np.testing.assert_allclose(caught.value.vectors[4], unit("e"), rtol=1e-6)


# Texts that are too long

LONG = "One two three four. " * 40  # 5 tokens a sentence, 200 in all


def too_long(sent: list[str], limit: int) -> bool:
    """Whether a text takes more tokens than the limit: words and full stops."""
    return any(len(text.replace(".", " .").split()) > limit for text in sent)


def test_a_text_is_cut_at_a_sentence_and_counted() -> None:
    with FakeServer() as server:
        _, embedder = embed(server, [LONG, "Short.", LONG], max_tokens=23, passage_prefix="passage: ")
        (sent,) = (received.payload["input"] for received in server.received)
    # "passage" counts 2 and ":" 1, so four sentences of 5 fit.
    assert sent == ["passage: " + "One two three four. " * 3 + "One two three four.", "passage: Short.", sent[0]]
    assert embedder.notes == (f"{embedder.identity}: texts that were cut at 23 tokens to be embedded: 1",)


def test_a_text_is_refused_where_that_is_set() -> None:
    with FakeServer() as server, pytest.raises(PartlyEmbeddedError, match="more than the 20 tokens") as caught:
        embed(server, ["a", LONG, "b"], max_tokens=20, truncate="refuse")
    assert sorted(caught.value.vectors) == [0, 2]
    assert [received.payload["input"] for received in server.received] == [["a", "b"]]


@pytest.mark.parametrize(
    "answer",
    [
        Canned({"message": "Input validation error: `inputs` must have less than 50 tokens. Given: 200"}, 422),
        fault(400, "Invalid 'input[0]': maximum input length is 50 tokens."),
        fault(400, "Range of input length should be [1, 50]"),
        fault(400, "This model's maximum context length is 50 tokens. However, your messages resulted in 200 tokens."),
    ],
    ids=["tei", "openai", "dashscope", "vllm"],
)
def test_a_text_that_the_service_finds_too_long_is_cut_at_the_limit_that_it_names(
    answer: Canned, caplog: pytest.LogCaptureFixture
) -> None:
    with FakeServer(refusing(lambda sent, _: answer if too_long(sent, 50) else None)) as server:
        vectors, embedder = embed(server, ["a", LONG, "b"])
        assert sizes(server) == [3, 3]
        asyncio.run(embedder.embed(["c", LONG + "x."], "passage"))
        assert sizes(server) == [3, 3, 2]
    np.testing.assert_allclose(vectors[1], unit(("One two three four. " * 10).strip()), rtol=1e-6)
    assert embedder.notes == (f"{embedder.identity}: texts that were cut at 50 tokens to be embedded: 2",)
    assert caplog.text.count("takes texts of 50 tokens") == 1


def test_a_text_is_cut_further_where_the_service_names_no_limit() -> None:
    with FakeServer(
        refusing(lambda sent, _: fault(400, "The input is too long.") if too_long(sent, 90) else None)
    ) as server:
        vectors, _ = embed(server, ["a", LONG])
    assert np.isfinite(vectors).all()
    kept = server.received[-1].payload["input"][0]
    assert LONG.startswith(kept)
    assert kept.endswith(".")


def test_a_text_that_the_service_finds_too_long_fails_where_nothing_may_be_cut() -> None:
    answer = Canned({"message": "`inputs` must have less than 50 tokens. Given: 200", "code": 422}, 422)
    with (
        FakeServer(refusing(lambda sent, _: answer if too_long(sent, 50) else None)) as server,
        pytest.raises(PartlyEmbeddedError, match=r"1 of 3 .* must have less than 50 tokens"),
    ):
        embed(server, ["a", LONG, "b"], truncate="refuse")


def test_cutting_that_is_not_told_shows_in_the_tokens(caplog: pytest.LogCaptureFixture) -> None:
    def cutting(received: Received) -> Canned:
        answer = embeddings([[1.0, 2.0] for _ in received.payload["input"]])
        return Canned({**answer.body, "usage": {"prompt_tokens": 512 * len(received.payload["input"])}})  # type: ignore[dict-item]

    with FakeServer(cutting) as server:
        _, embedder = embed(server, [LONG * 5, LONG * 6])
    assert "cuts texts at 512 tokens without saying so" in caplog.text
    assert embedder.notes == (
        f"{embedder.identity}: texts of more than 512 tokens, which it cuts without saying so: 2",
    )


# Fields that are refused


@pytest.mark.parametrize(
    ("field", "value", "answer"),
    [
        ("dimensions", 256, fault(400, "This model does not support specifying dimensions.", param="dimensions")),
        ("encoding_format", "base64", fault(400, "Unknown parameter: 'encoding_format'.", code="unknown_parameter")),
        ("dimensions", 8, Canned({"detail": [{"type": "extra_forbidden", "loc": ["body", "dimensions"]}]}, 422)),
    ],
)
def test_a_field_is_left_out_once_it_was_refused(
    field: str, value: object, answer: Canned, caplog: pytest.LogCaptureFixture
) -> None:
    with FakeServer(refusing(lambda _, payload: answer if field in payload else None)) as server:
        settings: dict[str, Any] = {field: value}
        _, embedder = embed(server, ["a"], **settings)
        asyncio.run(embedder.embed(["b"], "query"))
        assert [field in received.payload for received in server.received] == [True, False, False]
    assert caplog.text.count(f"leaves out {field} from now on") == 1


def test_dimensions_that_are_ignored_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with FakeServer() as server:
        assert embed(server, ["a", "b"], dimensions=2)[0].shape == (2, 3)
    assert "ignores dimensions: its vectors have 3 numbers, not 2" in caplog.text


def test_what_is_learned_serves_the_next_embedder(tmp_path: Path) -> None:
    answer = fault(400, "batch size is invalid, it should not be larger than 10")
    file = tmp_path / "endpoints.json"
    with FakeServer(refusing(lambda sent, _: answer if len(sent) > 10 else None)) as server:
        for _ in range(2):
            identity = OpenAIEmbedder(server.base_url, "fake").identity
            embed(server, [str(n) for n in range(20)], known=KnownModel(identity, "embed", file))
        assert sizes(server) == [20, 10, 10, 10, 10]


# Vectors that are none


def test_a_bad_vector_is_one_texts_failure_and_the_others_are_kept(tmp_path: Path) -> None:
    def answer(received: Received) -> Canned:
        vectors = [[1.0, 2.0, 3.0] if text == "odd" else [1.0, float(len(text))] for text in received.payload["input"]]
        return embeddings(
            [
                [float("nan"), 1.0] if text == "nan" else v
                for text, v in zip(received.payload["input"], vectors, strict=True)
            ]
        )

    async def run(server: FakeServer) -> None:
        cached = CachedEmbedder(OpenAIEmbedder(server.base_url, "fake"), tmp_path)
        with pytest.raises(ExecutionError, match=r"2 of 4 texts got no vector; 'nan': .* not finite"):
            await cached.embed(["a", "nan", "bb", "odd"], "passage")
        calls = server.calls
        assert (await cached.embed(["bb", "a"], "passage")).shape == (2, 2)
        assert server.calls == calls  # what came was kept
        with pytest.raises(ExecutionError, match="the vector has 3 numbers, those before it 2"):
            await cached.embed(["odd"], "passage")
        await cached.close()

    with FakeServer(answer) as server:
        asyncio.run(run(server))


def test_cut_texts_are_counted_when_the_cache_has_their_vectors(tmp_path: Path) -> None:
    async def run(server: FakeServer) -> tuple[str, ...]:
        embedder = OpenAIEmbedder(server.base_url, "fake", max_tokens=20)
        cached = CachedEmbedder(embedder, tmp_path, watch=embedder.watch)
        await cached.embed([LONG, "b"], "passage")
        await cached.close()
        return cached.notes

    with FakeServer() as server:
        first, second = (asyncio.run(run(server)) for _ in range(2))
        assert server.calls == 1
    assert first == second
    assert first[0].endswith("texts that were cut at 20 tokens to be embedded: 1")
