"""What settings of llama.cpp are worth with the packaged model, on the calls that `make demo` makes.

Run from the project's root, on an idle machine (an hour or so; name settings to try fewer):

    .venv/bin/python benchmarks/perf/local_model.py [SETTING ...]

`make demo` must have run: its replies say which calls it makes. Each setting answers these calls again in their order,
in a process of its own; where it has several slots, as many calls are under way at once. Writes
`local_model.md` beside this file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from subprocess import PIPE, run
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from judge_cost import machine, own_versions

from rageval.experiment.plan import load_experiment
from rageval.experiment.run import run_experiment
from rageval.models.base import ChatReply, ChatRequest, Message
from rageval.models.cache import CachedChat
from rageval.models.local import LocalChat

FILE = Path(__file__).parents[1] / "quickstart.yaml"
xllamacpp: Any = import_module("xllamacpp")
NOTHING = xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NONE
NGRAM_SIMPLE = xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE
CACHE_TYPES = xllamacpp.ggml_type


@dataclass(frozen=True)
class Setting:
    """What is changed, in words and in llama.cpp's parameters. A name with dots is a field of a field."""

    words: str
    fields: Mapping[str, Any]
    slots: int = 1


@dataclass(frozen=True)
class Taken:
    """What the calls took with one setting, and what was replied."""

    seconds: float
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    replies: list[str]


def lookup(found: int, guessed: int) -> Setting:
    """Speculative decoding: where the last `found` tokens stand earlier in prompt or reply, the tokens after them there
    are the guess.
    """
    return Setting(
        f"{found} tokens looked up, {guessed} guessed",
        {
            "speculative.types": [NGRAM_SIMPLE],
            "speculative.ngram_simple.size_n": found,
            "speculative.ngram_simple.size_m": guessed,
        },
    )


SETTINGS = {
    "today": Setting("as LocalChat sets it: 4 tokens looked up, 8 guessed", {}),
    "plain": Setting("nothing looked up", {"speculative.types": [NOTHING]}),
    "lookup-6-12": lookup(6, 12),
    "lookup-4-8": lookup(4, 8),
    "lookup-3-6": lookup(3, 6),
    "lookup-3-16": lookup(3, 16),
    "flash": Setting(
        "flash attention on", {"flash_attn_type": xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED}
    ),
    "no-flash": Setting(
        "flash attention off", {"flash_attn_type": xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED}
    ),
    "cache-8bit": Setting(
        "keys and values in 8 bits",
        {"cache_type_k": CACHE_TYPES.GGML_TYPE_Q8_0, "cache_type_v": CACHE_TYPES.GGML_TYPE_Q8_0},
    ),
    "small-batch": Setting("batches of 128 tokens", {"n_ubatch": 128}),
    "no-poll": Setting("threads sleep while they wait", {"cpuparams.poll": 0, "cpuparams_batch.poll": 0}),
    "slots-2": Setting("two slots", {"n_parallel": 2, "n_ctx": 8192}, slots=2),
    "slots-2-unified": Setting("two slots, one cache", {"n_parallel": 2, "n_ctx": 8192, "kv_unified": True}, slots=2),
    "slots-4": Setting("four slots", {"n_parallel": 4, "n_ctx": 16384}, slots=4),
}


def demo_calls(results: Path) -> list[ChatRequest]:
    """The calls of `make demo`, each once, in its order. `results` is where its replies are kept."""
    asked: dict[str, ChatRequest] = {}
    complete = CachedChat.complete

    async def noting(chat: CachedChat, request: ChatRequest) -> ChatReply:
        asked.setdefault(repr(request), request)
        return await complete(chat, request)

    with (
        patch.object(CachedChat, "complete", noting),
        load_experiment(FILE, results / "cache") as experiment,
        tempfile.TemporaryDirectory() as scratch,
    ):
        run_experiment(experiment, Path(scratch))
    return [*asked.values()]


def changed(params: Any, fields: Mapping[str, Any]) -> Any:
    """llama.cpp's parameters with some of them changed."""
    for path, value in fields.items():
        owner = params
        *above, name = path.split(".")
        for part in above:
            owner = getattr(owner, part)
        setattr(owner, name, value)
    return params


def load_with(fields: Mapping[str, Any]) -> Callable[[], Any]:
    """In place of the import of xllamacpp: the same module, but for a server that changes its parameters."""
    server = xllamacpp.Server
    return lambda: SimpleNamespace(**{**vars(xllamacpp), "Server": lambda params: server(changed(params, fields))})


async def replay(requests: Sequence[ChatRequest], setting: Setting) -> Taken:
    """The calls again. Loading the model is not counted."""
    chat = LocalChat()
    chat._thread._executor = ThreadPoolExecutor(setting.slots)  # pyright: ignore[reportPrivateUsage]
    with patch("rageval.models.local.import_llama_cpp", load_with(setting.fields)):
        await chat.complete(ChatRequest((Message("user", "Hello"),), "hello@1", 1))
        began = time.perf_counter()
        gate = asyncio.Semaphore(setting.slots)

        async def one(request: ChatRequest) -> ChatReply:
            async with gate:
                return await chat.complete(request)

        replies = await asyncio.gather(*map(one, requests))
        seconds = time.perf_counter() - began
    await chat.close()
    return Taken(
        seconds,
        sum(reply.usage.prompt_tokens for reply in replies),
        sum(reply.usage.cached_tokens for reply in replies),
        sum(reply.usage.completion_tokens for reply in replies),
        [reply.text for reply in replies],
    )


def measured(name: str, calls: Path) -> Taken:
    """One setting in a process of its own."""
    done = run([sys.executable, __file__, "--replay", name, str(calls)], stdout=PIPE, text=True, check=True)
    return Taken(**json.loads(done.stdout))


def to_request(kept: dict[str, Any]) -> ChatRequest:
    return ChatRequest(**{**kept, "messages": tuple(Message(**message) for message in kept["messages"])})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("settings", nargs="*", metavar="SETTING", help=", ".join(SETTINGS))
    parser.add_argument("--replay", nargs=2, metavar=("SETTING", "CALLS"), help=argparse.SUPPRESS)
    parser.add_argument("--results", type=Path, default=Path("results"), help="where `make demo` kept its replies")
    parser.add_argument("--part", type=int, help="of the demo's calls, the first so many alone")
    options = parser.parse_args()
    if options.replay:
        name, calls = options.replay
        requests = [to_request(kept) for kept in json.loads(Path(calls).read_text(encoding="utf-8"))]
        print(json.dumps(asdict(asyncio.run(replay(requests, SETTINGS[name])))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        calls = Path(scratch) / "calls.json"
        asked = demo_calls(options.results)[: options.part]
        calls.write_text(json.dumps([asdict(request) for request in asked]), encoding="utf-8")
        taken: dict[str, Taken] = {}
        for name in options.settings or SETTINGS:
            taken[name] = measured(name, calls)
            print(name, round(taken[name].seconds, 1), taken[name].completion_tokens, flush=True)
    first = next(iter(taken.values()))
    lines = [
        "| setting | seconds | of the first | prompt tokens read | written | replies as in the first |",
        "|---|---|---|---|---|---|",
        *(
            f"| {SETTINGS[name].words} | {one.seconds:.0f} | {one.seconds / first.seconds:.2f} | "
            f"{one.prompt_tokens - one.cached_tokens:,} | {one.completion_tokens:,} | "
            f"{sum(a == b for a, b in zip(one.replies, first.replies, strict=True))} of {len(first.replies)} |"
            for name, one in taken.items()
        ),
    ]
    which = f"The first {options.part} calls" if options.part else "The calls"
    about = (
        f"{which} of `make demo` again, in its order. The first row is the measure. {machine()}, xllamacpp "
        f"{version('xllamacpp')}, {own_versions()}."
    )
    text = "\n".join(["# Settings of llama.cpp with the packaged model", "", about, "", *lines, ""])
    print(text)
    if not options.settings:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
