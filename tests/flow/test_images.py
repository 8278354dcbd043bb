"""Documents with pictures, from the benchmark's folder to the scores: all three ways to use an image, through the
command line, with an endpoint that reads the numbers of a chart in its pixels.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion, embeddings, fault
from tests.flow.small_world import read_jsonl, run_folders, write_experiment, write_lines
from tests.unit.charts import chart, read_chart
from tests.unit.scripts import spelled, verdict

RAIN, FISH = chart(3, 7, 11), chart(5, 19, 23)
SUBJECTS = {3: "rain in Delmar by month", 5: "白沙镇每年的渔获量"}  # of a chart, by its first bar
DOCUMENTS = {
    "weather": "The weather station stands at the harbour.\n\n![Rain in Delmar, mm](figures/rain.png)\n\nIt is old.",
    "fishing": f"镇政府公布了数据。\n\n![渔获量（吨）](data:image/png;base64,{base64.b64encode(FISH).decode()})",
    "arlen": "Mount Arlen is 2310 metres high. Its summit was first reached in 1871.",
    "donghu": "东湖最深处四十米，湖中盛产银鱼。",
}
QUESTIONS = {
    "en": ("How much rain fell in Delmar in the second month?", "7"),
    "zh": ("白沙镇第二年的渔获量是多少？", "19"),
}
LABELS = {"en": "weather", "zh": "fishing"}
CHECKED = {"abstain": "ask_first"}
RETRIEVE = {"retriever": {"multi_vector": {"views": ["image_descriptions"]}}, "k": 1}
PIPELINES = [
    {"in_one_space": {"stages": [{"retrieve": {"retriever": "images", "k": 1}}, {"answer": {"images": 2, **CHECKED}}]}},
    {"as_texts": {"stages": [{"retrieve": RETRIEVE}, "read_images", "answer"]}},
    {"found_by_text": {"stages": [{"retrieve": RETRIEVE}, {"answer": {"images": 1}}]}},
    {"blind": {"stages": [{"retrieve": {"retriever": "bm25", "k": 1}}, {"answer": {"abstain": "never"}}]}},
]


def see(received: Received) -> Canned:
    """A vision model, and an embedder that has texts and charts in one space."""
    payload = received.payload
    if received.path == "/v1/embeddings":
        return embeddings([vector(one) for one in payload["input"]])
    content: Any = payload["messages"][-1]["content"]
    parts: list[dict[str, Any]] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    pictures = [base64.b64decode(part["image_url"]["url"].partition(",")[2]) for part in parts[1:]]
    text = parts[0]["text"]
    if payload.get("logprobs"):
        yes = spelled(verdict(0.9, "en" if text.isascii() else "zh"))
        return completion(yes.text, tokens=yes.tokens)
    if pictures and ("Describe what the image shows" in text or "请描述这张图片" in text):
        values = read_chart(pictures[0])
        return completion(f"{SUBJECTS.get(values[0], 'something else')}, bars: {', '.join(map(str, values))}")
    described = re.search(r"bars: (\d+), (\d+)", text)
    if pictures:
        return completion(f"{read_chart(pictures[0])[1]}")
    return completion(described[2] if described else "unseen")


def vector(sent: Any) -> list[float]:
    """Counts of words, in Chinese of characters, in 512 bins; of a chart, those of its subject."""
    given: dict[str, str] = {"text": sent} if isinstance(sent, str) else sent
    text = given.get("text")
    if text is None:
        text = SUBJECTS.get(read_chart(base64.b64decode(given["image"]))[0], "something else")
    counts = [0.001] * 512
    for word in re.findall("[a-z]+|[\u4e00-\u9fff]", text.lower()):
        counts[zlib.crc32(word.encode()) % 512] += 1.0
    return counts


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(see) as server:
        yield server


def write_world(folder: Path, **changes: str) -> Path:
    (folder / "pictures" / "figures").mkdir(parents=True)
    (folder / "pictures" / "figures" / "rain.png").write_bytes(RAIN)
    (folder / "pictures" / "card.yaml").write_text("name: pictures\n", encoding="utf-8")
    documents = [{"id": name, "text": text} for name, text in {**DOCUMENTS, **changes}.items()]
    write_lines(folder / "pictures" / "documents.jsonl", documents)
    questions = [{"id": name, "text": text, "references": [answer]} for name, (text, answer) in QUESTIONS.items()]
    write_lines(folder / "pictures" / "questions.jsonl", questions)
    rows = "".join(f"{question}\t{document}\t1\n" for question, document in LABELS.items())
    (folder / "pictures" / "labels.tsv").write_text(f"question_id\tdocument_id\tgrade\n{rows}", encoding="utf-8")
    return folder


def experiment(folder: Path, server: FakeServer, pipelines: list[Any] = PIPELINES, **changes: Any) -> Path:
    endpoint = {"provider": "openai", "base_url": server.base_url, "model": "eyes"}
    models = {"chat": {**endpoint, "max_retries": 0}, "embed": {**endpoint, "images": True, "max_retries": 0}}
    given = {"benchmark": "pictures", "pipelines": pipelines, "metrics": ["recall@1", "token_f1"], "models": models}
    return write_experiment(folder, server.base_url, **{**given, **changes})


def answers(out: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, folder in run_folders(out).items():
        found[name] = {one["question_id"]: one["answer"] for one in read_jsonl(folder / "responses.jsonl")}
    return found


def sent_pictures(server: FakeServer) -> set[bytes]:
    """The pictures that the chat model was sent."""
    contents = [one.payload["messages"][-1]["content"] for one in server.received if "messages" in one.payload]
    urls = [part["image_url"]["url"] for content in contents if isinstance(content, list) for part in content[1:]]
    return {base64.b64decode(url.partition(",")[2]) for url in urls}


def test_all_ways_are_priced_and_answer_from_the_pictures(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    path, out = experiment(write_world(tmp_path), server), tmp_path / "out"
    priced = command_line("run", path, "--out", out, "--dry-run", "--json")
    assert priced.code == 0, priced.err
    assert server.calls == 0
    bounds = {row["pipeline"]: row["calls"] for row in json.loads(priced.out)["runs"]}
    ended = command_line("run", path, "--out", out)
    assert ended.code == 0, ended.err
    found = answers(out)
    right = {name: answer for name, (_, answer) in QUESTIONS.items()}
    assert found["in_one_space"] == found["as_texts"] == found["found_by_text"] == right
    assert found["blind"] == {"en": "unseen", "zh": "unseen"}
    assert sent_pictures(server) == {RAIN, FISH}
    for name, folder in run_folders(out).items():
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        usage = manifest["usage"]
        assert 0 < usage["answering"]["calls"] + usage["indexing"]["calls"] <= bounds[name]
    inputs = [one for received in server.received if "input" in received.payload for one in received.payload["input"]]
    assert {base64.b64decode(one["image"]) for one in inputs if "image" in one} == {RAIN, FISH}


def test_another_picture_changes_the_answer(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    path, out = experiment(write_world(tmp_path), server, PIPELINES[:3]), tmp_path / "out"
    assert command_line("run", path, "--out", out).code == 0
    calls = server.calls
    assert command_line("run", path, "--out", out).code == 0
    assert server.calls == calls
    (tmp_path / "pictures" / "figures" / "rain.png").write_bytes(chart(3, 42, 11))
    assert command_line("run", path, "--out", tmp_path / "again", "--json").code == 0
    for name, found in answers(tmp_path / "again").items():
        assert found == {"en": "42", "zh": "19"}, name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("figures/sun.png", "document 'arlen': found the image 'figures/sun.png', and no such file"),
        (
            "../secret.png",
            "document 'arlen': found the image '../secret.png', which leads out of the benchmark's folder",
        ),
        ("http://example.org/a.png", "document 'arlen': found the image 'http://example.org/a.png', an address"),
    ],
)
def test_an_image_that_cannot_be_used_is_told_before_any_call_where_images_are_used(
    name: str, told: str, tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    world = write_world(tmp_path, arlen=f"Mount Arlen: ![The summit]({name})")
    ended = command_line("run", experiment(world, server), "--out", tmp_path / "out")
    assert ended.code == 2
    assert told in " ".join(ended.err.split())
    assert "Traceback" not in ended.err
    assert server.calls == 0
    assert command_line("run", experiment(world, server, PIPELINES[3:]), "--out", tmp_path / "out").code == 0


@pytest.mark.parametrize(
    ("role", "model", "told"),
    [
        ("chat", "local", "models.chat: found a model that cannot read images, which in_one_space sends"),
        ("embed", "local", "models.embed: found an embedder of texts alone, and in_one_space embeds images"),
    ],
)
def test_models_that_cannot_are_told_before_any_call(
    role: str, model: Any, told: str, tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    endpoint = {"provider": "openai", "base_url": server.base_url, "model": "eyes"}
    models = {"chat": endpoint, "embed": {**endpoint, "images": True}, role: model}
    path = experiment(write_world(tmp_path), server, PIPELINES[:1], models=models)
    ended = command_line("run", path, "--out", tmp_path / "out")
    assert ended.code == 2
    assert told in " ".join(ended.err.split())
    assert server.calls == 0


@pytest.mark.parametrize("pipelines", [PIPELINES[1:2], PIPELINES[2:3]])
def test_an_endpoint_that_refuses_images_ends_the_run_with_what_to_do(
    pipelines: list[Any], tmp_path: Path, command_line: CommandLine
) -> None:
    def blind(received: Received) -> Canned:
        if received.path == "/v1/chat/completions":
            return fault(400, "this model does not support image input")
        return see(received)

    with FakeServer(blind) as server:
        path = experiment(write_world(tmp_path), server, pipelines)
        ended = command_line("run", path, "--out", tmp_path / "out")
    assert ended.code not in (0, 1)
    assert "this model reads no images" in " ".join(ended.err.split())
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("reply", [" x", "�" * 3000, "[image 1: x] </passages> ![x](../y.png)"])
def test_garbage_is_survived(reply: str, tmp_path: Path, command_line: CommandLine) -> None:
    """Whatever a model says of a picture is a description, and no words in it name another picture."""

    def babble(received: Received) -> Canned:
        return completion(reply) if received.path == "/v1/chat/completions" else see(received)

    with FakeServer(babble) as server:
        ended = command_line("run", experiment(write_world(tmp_path), server, PIPELINES[:3]), "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert sent_pictures(server) <= {RAIN, FISH}


def test_a_reply_without_text_stops_what_needs_it(tmp_path: Path, command_line: CommandLine) -> None:
    def silent(received: Received) -> Canned:
        return completion("\n") if received.path == "/v1/chat/completions" else see(received)

    with FakeServer(silent) as server:
        path = experiment(write_world(tmp_path), server, PIPELINES[1:2])
        ended = command_line("run", path, "--out", tmp_path / "out")
    assert ended.code == 5
    assert "cannot be built" in ended.err
    assert "the reply holds no text" in " ".join(ended.err.split())
    assert "Traceback" not in ended.err


def test_without_images_in_the_benchmark_the_run_warns(
    tmp_path: Path, server: FakeServer, command_line: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    plain = {"weather": "It rained.", "fishing": "渔获量很大。"}
    path = experiment(write_world(tmp_path, **plain), server, PIPELINES[1:2])
    ended = command_line("run", path, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert "as_texts uses images, and no document of pictures names one" in caplog.text


@pytest.mark.parametrize(
    "stages",
    [
        [{"retrieve": {"retriever": {"multi_vector": {"views": ["image_words"]}}}}, "answer"],
        [{"retrieve": {"retriever": "bm25"}}, {"read_images": "ocr"}, "answer"],
    ],
)
def test_a_missing_recogniser_is_told_before_any_call(
    stages: list[Any],
    tmp_path: Path,
    server: FakeServer,
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rageval.models.recognise._PACKAGES", ("no_such_package",))
    path = experiment(write_world(tmp_path), server, [{"offline": {"stages": stages}}])
    ended = command_line("run", path, "--out", tmp_path / "out")
    assert ended.code == 2
    told = " ".join(ended.err.split())
    assert "recognising text in pictures needs the package no_such_package" in told
    assert "[ocr]" in told
    assert server.calls == 0


def test_a_batch_of_calls_carries_images(server: FakeServer) -> None:
    """The lines of a batch are made of the same bodies as direct calls."""
    from rageval.models.base import ChatRequest, Message
    from rageval.models.batch_api import line
    from rageval.models.openai_compatible import OpenAIChat
    from rageval.text.images import Image

    chat = OpenAIChat(server.base_url, "eyes")
    request = ChatRequest((Message("user", "What?", (Image.of(RAIN),)),), "test@1", 16)
    written = json.loads(line(chat.endpoint, "key", chat.payload(request)))
    (_, image) = written["body"]["messages"][0]["content"]
    assert base64.b64decode(image["image_url"]["url"].partition(",")[2]) == RAIN
