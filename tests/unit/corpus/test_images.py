"""Pictures that Markdown files name come along into the benchmark folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rageval.benchmark import load
from rageval.corpus.images import place_images
from rageval.text.images import Image
from rageval.types import Document
from tests.conftest import CommandLine
from tests.unit.charts import chart

RAIN, FISH = chart(3, 7), chart(5, 19)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "weather" / "figures").mkdir(parents=True)
    (tmp_path / "docs" / "my pictures").mkdir()
    (tmp_path / "docs" / "weather" / "figures" / "rain.png").write_bytes(RAIN)
    (tmp_path / "docs" / "my pictures" / "渔.png").write_bytes(FISH)
    (tmp_path / "docs" / "notes.txt").write_text("no picture", encoding="utf-8")
    (tmp_path / "secret.png").write_bytes(RAIN)
    return tmp_path / "docs"


def placed(text: str, docs: Path, path: str = "weather/report.md") -> tuple[str, list[str]]:
    found = place_images([Document("one", text, metadata={"path": path})], docs)
    return found.documents[0].text, [*found.files]


def test_paths_count_from_the_top(docs: Path) -> None:
    text, files = placed("Rain ![by month](figures/rain.png) and ![](../my%20pictures/渔.png 'title').", docs)
    assert text == "Rain ![by month](weather/figures/rain.png) and ![](<my pictures/渔.png>)."
    assert files == ["weather/figures/rain.png", "my pictures/渔.png"]


@pytest.mark.parametrize(
    "name",
    [
        "none.png",
        "../../secret.png",
        "/etc/passwd",
        "../notes.txt",
        "https://example.org/a.png",
        "data:image/png;base64,x",
    ],
)
def test_what_is_no_picture_in_the_folder_stays_as_written(name: str, docs: Path) -> None:
    assert placed(f"![x]({name})", docs) == (f"![x]({name})", [])


def test_documents_without_a_file_stay_as_they_are(docs: Path) -> None:
    one = Document("one", "![x](weather/figures/rain.png)")
    assert place_images([one], docs).documents == (one,)


def test_init_makes_a_benchmark_with_its_pictures(docs: Path, tmp_path: Path, command_line: CommandLine) -> None:
    (docs / "weather" / "report.md").write_text("# Rain\n\n![By month](figures/rain.png)\n", encoding="utf-8")
    (docs / "fish.md").write_text("渔业。\n\n![渔获量](<my pictures/渔.png>)\n", encoding="utf-8")
    out = tmp_path / "bench"
    ended = command_line("init", docs, "--out", out)
    assert ended.code == 0, ended.err
    assert "images copied: 2" in ended.out
    (out / "questions.jsonl").write_text('{"id": "q", "text": "How much rain?"}\n', encoding="utf-8")
    documents = {one.id: one for one in load(str(out)).documents}
    assert documents["weather/report.md"].images == {"weather/figures/rain.png": Image.of(RAIN)}
    assert documents["fish.md"].images == {"my pictures/渔.png": Image.of(FISH)}
    again = command_line("init", docs, "--out", out, "--json")
    assert (again.code, json.loads(again.out)["images"]) == (0, 0)
    (docs / "weather" / "figures" / "rain.png").write_bytes(FISH)
    assert json.loads(command_line("init", docs, "--out", out, "--json").out)["images"] == 1
    assert (out / "weather" / "figures" / "rain.png").read_bytes() == FISH
