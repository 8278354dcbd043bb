from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from rageval.errors import DeclarationError, ExecutionError
from rageval.models.base import ChatReply, ChatRequest, Message, Token
from rageval.models.cache import CachedChat
from rageval.models.replies import request_key
from rageval.models.scripted import ScriptedChat
from rageval.types import Usage

T = TypeVar("T")
HIT = Usage(1, 1, 11, 0, 3, free_calls=1, free_prompt_tokens=11, free_completion_tokens=3)  # of `echo`


def request(text: str = "hello", **more: object) -> ChatRequest:
    return ChatRequest((Message("user", text),), "test@1", 16, **more)  # type: ignore[arg-type]


def echo(wanted: ChatRequest) -> ChatReply:
    tokens = (Token("yes", (("yes", -0.5), ("é是\ud800", -2.25))), Token("\ufffd"))
    return ChatReply(wanted.messages[-1].content, "length", tokens, Usage(1, 0, 11, 5, 3))


def name(wanted: ChatRequest) -> str:
    """What a usage calls the request to a scripted model."""
    return request_key("scripted", wanted)[:16]


def counts(usage: Usage) -> Usage:
    """Without the requests' names."""
    return replace(usage, requests={})


def using(model: ScriptedChat, path: Path, work: Callable[[CachedChat], Awaitable[T]]) -> T:
    async def run() -> T:
        cached = CachedChat(model, path)
        try:
            return await work(cached)
        finally:
            await cached.close()

    return asyncio.run(run())


def ask(model: ScriptedChat, path: Path, wanted: ChatRequest) -> ChatReply:
    return using(model, path, lambda cached: cached.complete(wanted))


def test_reply_survives_the_process_and_costs_nothing(tmp_path: Path) -> None:
    model = ScriptedChat(echo)
    path = tmp_path / "new" / "replies.sqlite"
    first = ask(model, path, request())
    second = ask(model, path, request())
    requests = {name(request()): (1, 11, 3)}
    assert first == replace(echo(request()), usage=Usage(1, 0, 11, 5, 3, requests=requests))
    assert second == replace(first, usage=replace(HIT, requests=requests))
    assert len(model.requests) == 1


def test_only_some_replies_count(tmp_path: Path) -> None:
    """An empty set lets no earlier reply count; one that comes replaces it, and is used from then on."""
    path, model, only = tmp_path / "replies.sqlite", ScriptedChat(echo), set[str]()
    ask(model, path, request())

    async def twice() -> list[int]:
        cached = CachedChat(model, path, only=only)
        found = cached.find(request())
        usages = [(await cached.complete(request())).usage for _ in range(2)]
        await cached.close()
        return [0 if found is None else 1, *(usage.cached_calls for usage in usages)]

    assert asyncio.run(twice()) == [0, 0, 1]
    assert len(model.requests) == 2
    assert len(only) == 1
    ask(model, path, request())
    assert len(model.requests) == 2


@pytest.mark.parametrize(
    "other",
    [
        request("hello "),
        request(temperature=0.1),
        request(schema={"type": "object"}),
        request(top_logprobs=1),
        request(sample=1),
        replace(request(), prompt="test@2"),
        replace(request(), max_tokens=17),
        replace(request(), messages=(Message("system", "hello"),)),
    ],
)
def test_whatever_changes_the_request_changes_the_key(tmp_path: Path, other: ChatRequest) -> None:
    model = ScriptedChat(echo)
    ask(model, tmp_path / "c", request())
    assert ask(model, tmp_path / "c", other).usage.calls == 1
    assert model.requests == [request(), other]


def test_identity_is_part_of_the_key(tmp_path: Path) -> None:
    ask(ScriptedChat(echo, "one"), tmp_path / "c", request())
    assert ask(ScriptedChat(echo, "two"), tmp_path / "c", request()).usage.calls == 1
    assert counts(ask(ScriptedChat(echo, "one"), tmp_path / "c", request()).usage) == HIT


def test_order_of_keys_in_a_schema_does_not_matter(tmp_path: Path) -> None:
    ask(ScriptedChat(echo), tmp_path / "c", request(schema={"a": 1, "b": 2}))
    assert counts(ask(ScriptedChat(echo), tmp_path / "c", request(schema={"b": 2, "a": 1})).usage) == HIT


def test_contains_asks_no_model(tmp_path: Path) -> None:
    async def work(cached: CachedChat) -> None:
        assert cached.find(request()) is None
        await cached.complete(request())
        found = cached.find(request())
        assert found is not None
        assert replace(found, usage=counts(found.usage)) == replace(echo(request()), usage=HIT)
        assert cached.find(request(sample=1)) is None

    model = ScriptedChat(echo, concurrency=7)
    using(model, tmp_path / "c", work)
    assert len(model.requests) == 1


def test_failures_and_filtered_replies_are_not_kept(tmp_path: Path) -> None:
    answers: list[str | ChatReply | Exception] = [ExecutionError("busy"), ChatReply("ha", "content_filter"), "good"]
    model = ScriptedChat(lambda _: answers.pop(0))
    with pytest.raises(ExecutionError, match="busy"):
        ask(model, tmp_path / "c", request())
    assert ask(model, tmp_path / "c", request()).text == "ha"
    assert ask(model, tmp_path / "c", request()).text == "good"
    again = ask(model, tmp_path / "c", request())
    assert again == ChatReply("good", usage=Usage(1, 1, free_calls=1, requests={name(request()): (1, 0, 0)}))


def test_equal_requests_in_flight_are_sent_once(tmp_path: Path) -> None:
    async def work(cached: CachedChat) -> list[ChatReply]:
        return await asyncio.gather(*(cached.complete(request(str(i % 3))) for i in range(30)))

    model = ScriptedChat(echo, delay_s=0.02)
    replies = using(model, tmp_path / "c", work)
    assert sorted(sent.messages[0].content for sent in model.requests) == ["0", "1", "2"]
    assert [reply.text for reply in replies] == [str(i % 3) for i in range(30)]
    used = sum((reply.usage for reply in replies), Usage())
    assert counts(used) == Usage(3, 27, 33, 15, 9)
    assert used.requests == {name(request(text)): (1, 11, 3) for text in "012"}


def test_failure_in_flight_reaches_all_who_wait(tmp_path: Path) -> None:
    async def work(cached: CachedChat) -> list[ChatReply | BaseException]:
        return await asyncio.gather(*(cached.complete(request()) for _ in range(5)), return_exceptions=True)

    model = ScriptedChat(lambda _: ExecutionError("busy"), delay_s=0.01)
    assert [type(outcome) for outcome in using(model, tmp_path / "c", work)] == [ExecutionError] * 5
    assert len(model.requests) == 1


def test_cancelling_one_waiter_leaves_the_reply_to_the_others(tmp_path: Path) -> None:
    async def work(cached: CachedChat) -> ChatReply:
        first = asyncio.create_task(cached.complete(request()))
        second = asyncio.create_task(cached.complete(request()))
        await asyncio.sleep(0.01)
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
        return await second

    model = ScriptedChat(echo, delay_s=0.05)
    assert using(model, tmp_path / "c", work).text == "hello"
    assert len(model.requests) == 1


def test_closing_ends_what_nobody_waits_for_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As when a run stops at a refusal while other calls are in flight."""

    async def work(cached: CachedChat) -> None:
        waiter = asyncio.create_task(cached.complete(request()))
        await asyncio.sleep(0.01)
        waiter.cancel()
        await cached.close()
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(work(CachedChat(ScriptedChat(echo, delay_s=0.03), tmp_path / "c")))
    assert caplog.records == []


def corrupt_text(path: Path) -> None:
    path.write_text("this is no database, but it is long enough to have a header of a hundred bytes " * 9)


def corrupt_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def foreign(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE somebody_elses (data TEXT)")


def newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version=99")


@pytest.mark.parametrize("damage", [corrupt_text, corrupt_middle, truncate, foreign, newer])
def test_damaged_or_foreign_file_is_set_aside_and_rebuilt(
    tmp_path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "replies.sqlite"
    for n in (1, 2):
        ask(ScriptedChat(echo), path, request())
        damage(path)
        damaged = path.read_bytes()
        with caplog.at_level(logging.WARNING, "rageval"):
            assert ask(ScriptedChat(echo), path, request()).usage.calls == 1
        assert (tmp_path / f"replies.sqlite.corrupt-{n}").read_bytes() == damaged
        assert f"replies.sqlite.corrupt-{n}" in caplog.records[-1].getMessage()
        assert counts(ask(ScriptedChat(echo), path, request()).usage) == HIT


def test_empty_file_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "c").touch()
    ask(ScriptedChat(echo), tmp_path / "c", request())
    assert not list(tmp_path.glob("*corrupt*"))


def test_unreadable_row_is_asked_again_and_healed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ask(ScriptedChat(echo), tmp_path / "c", request())
    with contextlib.closing(sqlite3.connect(tmp_path / "c", isolation_level=None)) as other:
        other.execute("UPDATE replies SET reply = '{}'")
    assert ask(ScriptedChat(echo), tmp_path / "c", request()).usage.calls == 1
    assert "cannot be read" in caplog.text
    assert counts(ask(ScriptedChat(echo), tmp_path / "c", request()).usage) == HIT


def test_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "c", tmp_path / "folder"):
        with pytest.raises(DeclarationError, match="cannot be written") as caught:
            CachedChat(ScriptedChat(echo), path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("identity", ["", " ", None, 7, "<Model object at 0x7fd389899980>"])
def test_a_model_without_a_readable_identity_is_refused(identity: Any, tmp_path: Path) -> None:
    with pytest.raises(
        DeclarationError, match=r"ScriptedChat: found .* as its identity, expected the names of model and"
    ):
        CachedChat(ScriptedChat(echo, identity), tmp_path / "c")
    assert not (tmp_path / "c").exists()


CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from rageval.errors import DeclarationError
from rageval.models.base import ChatReply, ChatRequest, Message
from rageval.models.cache import CachedChat
from rageval.models.scripted import ScriptedChat

def request(i):
    return ChatRequest((Message("user", str(i)),), "test@1", 16)

def reply(wanted):
    print("asked", wanted.messages[0].content, flush=True)
    return "reply " + wanted.messages[0].content

async def main(path, n, delay):
    cached = CachedChat(ScriptedChat(reply, delay_s=float(delay)), Path(path))
    for i in range(int(n)):
        await cached.complete(request(i))
        print("kept", i, flush=True)
    await cached.close()
"""


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD + code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_what_was_kept_is_not_asked_again_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "c"
    killed = child("asyncio.run(main(*sys.argv[1:]))", path, 10_000, 0.001)
    assert killed.stdout is not None
    lines = list(itertools.islice(killed.stdout, 100))
    killed.send_signal(signal.SIGKILL)
    lines += killed.stdout.readlines()
    killed.wait()
    killed.stdout.close()
    assert killed.stderr is not None
    killed.stderr.close()
    kept = sum(line.startswith("kept") for line in lines)
    assert killed.returncode == -signal.SIGKILL
    assert 49 <= kept < 10_000

    async def work(cached: CachedChat) -> list[ChatReply]:
        return [await cached.complete(request(str(i))) for i in range(kept + 2)]

    model = ScriptedChat(lambda wanted: "reply " + wanted.messages[0].content)
    replies = using(model, path, work)
    assert [reply.text for reply in replies] == [f"reply {i}" for i in range(kept + 2)]
    assert all(counts(reply.usage) == Usage(1, 1, free_calls=1) for reply in replies[:kept])
    assert len(model.requests) <= 2
    assert not list(tmp_path.glob("*corrupt*"))


def test_several_processes_share_one_file(tmp_path: Path) -> None:
    children = [child("asyncio.run(main(*sys.argv[1:]))", tmp_path / "c", 200, 0) for _ in range(3)]
    for one in children:
        _, errors = one.communicate(timeout=60)
        assert (one.returncode, errors) == (0, "")
    with contextlib.closing(sqlite3.connect(tmp_path / "c")) as database:
        assert database.execute("SELECT COUNT(*), COUNT(DISTINCT key) FROM replies").fetchone() == (200, 200)


LIMITED = """
import resource
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    asyncio.run(main(sys.argv[1], 100, 0))
except DeclarationError as error:
    print("DeclarationError", error)
"""


def test_full_disk_at_open_is_told(tmp_path: Path) -> None:
    output, errors = child(LIMITED, tmp_path / "c", 1000).communicate(timeout=60)
    assert output.startswith("DeclarationError")
    assert "cannot be written" in output
    assert errors == ""


def test_disk_that_fills_up_later_loses_no_reply(tmp_path: Path) -> None:
    output, errors = child(LIMITED, tmp_path / "c", 150_000).communicate(timeout=60)
    assert output.count("kept") == 100
    assert "a reply could not be kept" in errors


def test_opening_waits_for_another_writer(tmp_path: Path) -> None:
    ask(ScriptedChat(echo), tmp_path / "c", request())
    holder = child(
        "import sqlite3, time\nc = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE')\n"
        "print('holding', flush=True); time.sleep(0.3); c.execute('COMMIT')",
        tmp_path / "c",
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holding\n"
    assert ask(ScriptedChat(echo), tmp_path / "c", request("other")).usage.calls == 1
    holder.communicate(timeout=60)


def test_repr_and_traits(tmp_path: Path) -> None:
    async def work(cached: CachedChat) -> None:
        assert cached.identity == "me"
        assert cached.concurrency == 7
        assert str(tmp_path / "c") in repr(cached)

    using(ScriptedChat(echo, "me", concurrency=7), tmp_path / "c", work)


def test_reasoning_of_a_model_of_your_own_is_never_part_of_a_reply(tmp_path: Path) -> None:
    tokens = tuple(map(Token, ("<think>", "no", "</think>", "\n", "yes")))
    thinking = ScriptedChat(lambda _: ChatReply("<think>no</think>\nyes", tokens=tokens))
    for _ in range(2):
        reply = ask(thinking, tmp_path / "chat.sqlite", request())
        assert (reply.text, reply.reasoning, reply.tokens) == ("yes", "no", (Token("yes"),))
    assert len(thinking.requests) == 1
    with pytest.raises(ExecutionError, match="scripted: the reply was cut off in the model's reasoning"):
        ask(ScriptedChat(lambda _: "<think>no"), tmp_path / "chat.sqlite", request("other"))
