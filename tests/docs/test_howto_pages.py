"""docs/howto: every page is followed from top to bottom, as it is written; the Chinese ones say the same."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks, follow, without_comments
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import respond
from tests.integrations.chroma_server import chroma_server
from website.pictures import replay

PAGES = sorted(path.name for path in (DOCS / "howto").glob("*.md"))
WITH_THE_TOUR = "labels.md"
WITH_SERVERS = "private.md"


@pytest.mark.parametrize("name", [name for name in PAGES if name not in (WITH_THE_TOUR, WITH_SERVERS)])
def test_the_page_can_be_followed(name: str, tmp_path: Path) -> None:
    if name == "from_ragas.md" and find_spec("ragas") is None:
        pytest.skip("no ragas")
    printed = follow(DOCS / "howto" / name, tmp_path)
    shown = {
        "leaderboard.md": "better",
        "sweep.md": "evidence_recall@400t",
        "regressions.md": "fail",
        "ci.md": "pass",
        "own_pipeline.md": "my_rag",
        "own_judge.md": "custom.short_enough",
        "from_ragas.md": "recall@5",
        "from_deepeval.md": "recall@5",
    }
    assert shown[name] in printed


def test_labels_of_the_tour(tmp_path: Path) -> None:
    """People find that every answer addresses its question."""
    replay(tmp_path / "results" / "tour")
    sheet = tmp_path / "sheet.csv"

    def fill() -> None:
        rows = list(csv.DictReader(sheet.read_text("utf-8-sig").splitlines(keepends=True)))
        with sheet.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows({**row, "label": "1", "annotator": "ann"} for row in rows)

    printed = follow(DOCS / "howto" / WITH_THE_TOUR, tmp_path, fill)
    assert "3 of 3 drawn labelled by 1 annotators" in printed


@pytest.mark.skipif(find_spec("chromadb") is None, reason="no chromadb")
def test_ollama_and_chroma(tmp_path: Path) -> None:
    """With Chroma's own server, and an imitation of Ollama's endpoints."""
    page = (DOCS / "howto" / WITH_SERVERS).read_text(encoding="utf-8")
    (tmp_path / "data").mkdir()
    with chroma_server(tmp_path / "data") as port, FakeServer(respond) as ollama:
        written = page.replace("http://127.0.0.1:11434/v1", ollama.base_url).replace("port: 8001", f"port: {port}")
        (tmp_path / WITH_SERVERS).write_text(written, encoding="utf-8")
        printed = follow(tmp_path / WITH_SERVERS, tmp_path)
    assert "in_chroma" in printed
    assert any(one.path == "/v1/embeddings" for one in ollama.received)
    (run,) = (tmp_path / "results" / "runs").glob("private-in_chroma-*")
    responses = [json.loads(line) for line in (run / "responses.jsonl").read_text("utf-8").splitlines()]
    assert [len(one["context"]) for one in responses] == [3] * 6
    assert all(one["hits"] == sorted(one["hits"], key=lambda hit: -hit[3]) for one in responses)


@pytest.mark.parametrize("name", PAGES)
def test_the_chinese_page_runs_the_same(name: str) -> None:
    chinese = DOCS / "zh" / "howto" / name
    assert without_comments(chinese) == without_comments(DOCS / "howto" / name)


def test_every_page_is_there_in_both_languages() -> None:
    assert sorted(path.name for path in (DOCS / "zh" / "howto").glob("*.md")) == PAGES


def test_the_page_about_ci_has_commands_of_the_howto() -> None:
    """docs/integrations/ci.md takes the same steps in the same words."""
    (commands,) = (text for language, text in blocks(DOCS / "integrations" / "ci.md") if language == "bash")
    followed = (DOCS / "howto" / "ci.md").read_text(encoding="utf-8")
    said = [line for line in commands.splitlines() if line.startswith(("rageval", "git submodule"))]
    assert len(said) == 3
    assert [line for line in said if line not in followed] == []
