"""docs/ares.md: the whole chain runs as written, with a model by rule behind a server and a person by rule."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from rageval.models.base import ChatReply
from tests.docs.pages import DOCS, blocks
from tests.flow.fake_server import Canned, FakeServer, Received, completion
from tests.flow.judged_run import fill
from tests.flow.small_world import respond
from tests.flow.synthetic_world import CHINESE, ENGLISH, PROMPTS, Author, text_of

PAGE = DOCS / "ares.md"


def answer(received: Received) -> Canned:
    """What the author of questions knows, it answers; all else is the small world's."""
    if not received.path.endswith("/embeddings"):
        prompt = received.payload["messages"][-1]["content"]
        if any(word in prompt for words in PROMPTS.values() for word in words):
            said = Author().say(prompt)
            assert isinstance(said, str | ChatReply)
            return completion(said if isinstance(said, str) else said.text)
    return respond(received)


def run_block(text: str, folder: Path) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euc", text],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path, "COLUMNS": "200"},
    )
    assert done.returncode == 0, (text, done.stdout, done.stderr)
    return done.stdout


def test_the_chain_runs(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    for name, about in (ENGLISH | CHINESE).items():
        documents.joinpath(f"{name}.txt").write_text(text_of(name, *about), encoding="utf-8")
    printed = ""
    with FakeServer(answer) as server:
        for language, text in blocks(PAGE):
            here = text.replace("http://127.0.0.1:8000/v1", server.base_url)
            named = re.match(r"# (\S+\.yaml)\n", text)
            if named:
                (tmp_path / named[1]).write_text(here, encoding="utf-8")
            else:
                assert language == "bash"
                printed = run_block(here, tmp_path)
            if "rageval sample" in text:
                for number, sheet in enumerate(sorted(tmp_path.glob("ares-*.jsonl"))):
                    fill(sheet, lambda question, number=number: float((ord(question[-1]) + number) % 3 > 0))
    runs = sorted((tmp_path / "results" / "runs").iterdir())
    assert len(runs) == 2
    for run in runs:
        scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
        assert {"faithfulness", "faithfulness:light"} <= {*scores}
        assert (run / "labels" / "faithfulness.json").exists()
    board = printed[printed.index("all: naive(retriever=bm25)\n") :]
    rows = {line.split()[0]: line for line in board.split("\n\n")[0].splitlines()}
    assert rows["faithfulness"].count("[") == 2
    assert "†" not in rows["faithfulness"]
    assert rows["faithfulness:light"].count("†") == 2
    assert rows["rank"].split()[1:] == ["1–2", "1–2"]
    explained = " ".join(board.split())
    assert explained.count(", 10 labels (alone ") == 2
    assert explained.count("second judge") == 2
