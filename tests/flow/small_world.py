"""A small benchmark in two languages, a model that answers any rageval prompt by a fixed rule, and ways to run both."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from rageval.models.base import ChatReply, ChatRequest
from rageval.types import Language, Usage
from tests.flow.fake_server import Canned, Received, completion, embeddings
from tests.unit.scripts import as_json, numbered, only, spelled, verdict, verdict_table

DOCUMENTS = {
    "arlen": "Mount Arlen is 2310 metres high. Its summit was first reached in 1871 by two sisters.",
    "brone": "The river Brone is 95 kilometres long. It flows into Lake Corva near the town of Delmar.",
    "delmar": "Delmar has 8400 inhabitants. Most of them work in the salt mines of Mount Arlen.",
    "corva": "Lake Corva is 61 metres deep. Its water is too salty to drink.",
    "qingshi": "青石山高一千八百米。山顶的寺庙建于一六〇二年。",
    "lanjiang": "蓝江全长三百公里，在白沙镇流入东湖。",
    "baisha": "白沙镇有两万居民，多数人以捕鱼为生。",
    "donghu": "东湖最深处四十米，湖中盛产银鱼。",
}
QUESTIONS = {
    "en-1": "How high is Mount Arlen?",
    "en-2": "Into which lake does the river Brone flow?",
    "en-none": "Who painted the ceiling of the Delmar theatre?",
    "zh-1": "青石山顶的寺庙建于哪一年？",
    "zh-2": "蓝江在哪里流入东湖？",
    "zh-none": "白沙镇的图书馆有多少本书？",
}
LABELS = {
    "en-1": {"arlen": 2, "delmar": 0},
    "en-2": {"brone": 2, "corva": 1},
    "zh-1": {"qingshi": 1},
    "zh-2": {"lanjiang": 1},
}
PIPELINES = [
    {"naive": {"k": 2}},
    {"rag_fusion": {"k": 2, "n": 2}},
    {"hyde": {"k": 2}},
    {"multi_vector": {"k": 2, "views": ["sentences", "summaries"]}},
    {"self_rag": {"k": 2}},
]
METRICS = ["ndcg@10", "recall@2", "faithfulness", "answer_relevance", "context_relevance"]


def write_benchmark(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "card.yaml").write_text("name: small\nlicense: CC0-1.0\n", encoding="utf-8")
    write_lines(folder / "documents.jsonl", [{"id": name, "text": text} for name, text in DOCUMENTS.items()])
    write_lines(
        folder / "questions.jsonl",
        [
            {"id": name, "text": text, "tags": ["unanswerable"] if name.endswith("none") else []}
            for name, text in QUESTIONS.items()
        ],
    )
    rows = [f"{question}\t{document}\t{grade}\n" for question, g in LABELS.items() for document, grade in g.items()]
    (folder / "labels.tsv").write_text("question_id\tdocument_id\tgrade\n" + "".join(rows), encoding="utf-8")
    return folder


def write_lines(path: Path, records: Sequence[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")


def write_experiment(folder: Path, base_url: str, *, model: Mapping[str, object] | None = None, **changes: Any) -> Path:
    """`folder/experiment.yaml`, with its benchmark beside it where there is none yet; None removes a key."""
    if not (folder / "small").exists():
        write_benchmark(folder / "small")
    endpoint = {"provider": "openai", "base_url": base_url, "model": "fake", "concurrency": 4, **(model or {})}
    content = {
        "benchmark": "small",
        "pipelines": PIPELINES,
        "metrics": METRICS,
        "models": {"chat": endpoint, "embed": {k: endpoint[k] for k in ("provider", "base_url", "model")}},
        "seed": 7,
        **changes,
    }
    path = folder / "experiment.yaml"
    path.write_text(
        yaml.safe_dump({k: v for k, v in content.items() if v is not None}, sort_keys=False), encoding="utf-8"
    )
    return path


def reply_to(prompt: str, *, schema: Mapping[str, Any] | None, wants_logprobs: bool) -> ChatReply:
    """What the model says, decided by the prompt's words alone: text, yes or no, or JSON in the form of the schema."""
    digest = hashlib.sha256(prompt.encode()).digest()
    usage = Usage(calls=1, prompt_tokens=len(prompt), completion_tokens=5)
    if schema is not None:
        return replace(_json_reply(prompt, digest, schema["properties"]), usage=usage)
    if wants_logprobs:
        return replace(spelled(verdict(_odds(digest[0]), _language(prompt))), usage=usage)
    english = (
        f"The salt lake {digest[0]} lies at Delmar, is cold, deep, and full of fish [1]."  # too long for one claim
    )
    return ChatReply(f"{english}\n东湖{digest[1]}在白沙镇。", usage=usage)


def _json_reply(prompt: str, digest: bytes, properties: Mapping[str, Any]) -> ChatReply:
    """Claims, nuggets, the only text that is allowed, or one of the words under each number."""
    if "text" in properties:
        return only(properties["text"]["enum"][0], lambda piece: -(ord(piece) % 7) / 2)
    if "claims" in properties:
        claims = [f"Claim {digest[0]} holds.", f"第{digest[1]}条成立。"][: 1 + digest[2] % 2]
        return ChatReply(as_json(claims=claims))
    if "nuggets" in properties:
        vital, okay = properties["nuggets"]["items"]["properties"]["importance"]["enum"]
        facts = [(f"Fact {digest[0]} holds.", vital), (f"事实{digest[1]}成立。", okay)]
        return ChatReply(as_json(nuggets=[{"text": text, "importance": word} for text, word in facts]))
    odds = [_odds(byte) for byte in digest[: sum(map(str.isdecimal, properties))]]
    words: list[str] = properties["1"]["enum"]
    if len(words) == 2:
        return verdict_table(*odds, language=_language(prompt))
    return ChatReply(numbered([words[int(p * len(words))] for p in odds]))


def _odds(byte: int) -> float:
    return 0.02 + 0.96 * math.sqrt(byte / 255)  # yes twice as often as no


def _language(prompt: str) -> Language:
    """Of the instruction, which ends the prompt."""
    return "en" if prompt.rpartition("\n")[2].isascii() else "zh"


def scripted_reply(request: ChatRequest) -> ChatReply:
    """For `ScriptedChat`."""
    prompt = request.messages[-1].content
    return reply_to(prompt, schema=request.schema, wants_logprobs=request.top_logprobs > 0)


def respond(received: Received) -> Canned:
    """For `FakeServer`: the same replies, and embeddings that depend on the text alone."""
    if received.path == "/v1/embeddings":
        return embeddings([_vector(text) for text in received.payload["input"]])
    payload = received.payload
    reply = reply_to(
        payload["messages"][-1]["content"], schema=asked_schema(payload), wants_logprobs=payload.get("logprobs", False)
    )
    return completion(reply.text, tokens=reply.tokens)


def asked_schema(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The JSON schema in a request to the server."""
    return payload["response_format"]["json_schema"]["schema"] if "response_format" in payload else None


def _vector(text: str) -> list[float]:
    """Counts of characters in 32 bins: texts that share many are close."""
    vector = [0.01] * 32
    for character in text:
        vector[ord(character) % 32] += 1.0
    return vector


_MIND_CTRL_C = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from rageval.cli.app import main; main()"
)


def start_rageval(*arguments: object, first: str = "") -> subprocess.Popen[str]:
    """Run the command line in a process of its own, without keys or proxies of the machine that tests run on, after
    the statements `first`.

    It minds Ctrl-C even where the tests run in the background of a shell, which lets its children ignore that.
    """
    environment = {k: v for k, v in os.environ.items() if not k.upper().endswith(("_PROXY", "_KEY"))}
    return subprocess.Popen(
        [sys.executable, "-c", first + _MIND_CTRL_C, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def run_folders(out: Path) -> dict[str, Path]:
    """By the name of the pipeline."""
    return {
        json.loads((path / "manifest.json").read_text())["label"].partition("(")[0]: path
        for path in (out / "runs").iterdir()
    }


def drop_costs(line: dict[str, Any]) -> None:
    """Take time and usage out of a line of a run's log."""
    line.pop("latency_s", None)
    line.pop("usage", None)
    for step in line.get("steps", ()):
        step.pop("usage", None)


def results(out: Path) -> dict[str, Any]:
    """Of every pipeline: scores.json to the byte, and the last response to each question without time and cost."""
    found: dict[str, Any] = {}
    for name, folder in run_folders(out).items():
        responses = {line.pop("question_id"): line for line in read_jsonl(folder / "responses.jsonl")}
        for line in responses.values():
            drop_costs(line)
        found[name] = (folder / "scores.json").read_bytes(), responses
    return found


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@dataclass
class Interrupter:
    """Answers as `respond` does, and stops the process with Ctrl-C when call number `at` arrives; later ones hang."""

    respond: Callable[[Received], Canned]
    at: int
    process: subprocess.Popen[str] | None = None
    calls: int = 0

    def __call__(self, received: Received) -> Canned:
        self.calls += 1
        if self.process is not None and self.calls == self.at:
            self.process.send_signal(signal.SIGINT)
        hangs = self.process is not None and self.calls >= self.at
        return replace(self.respond(received), delay_s=60.0 if hangs else 0.0)
