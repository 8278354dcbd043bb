"""From a folder of 40 files to a benchmark, a rerun, and a corpus checked and cleaned, as a user does it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from rageval.benchmark import load
from rageval.corpus.benchmark_folder import documents_text
from rageval.report.pictures.canvas import FORMATS
from rageval.types import Document
from tests.conftest import CommandLine
from tests.unit.corpus.made_files import files
from tests.unit.corpus.planted import planted


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def forty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str]]:
    monkeypatch.chdir(tmp_path)
    return files(tmp_path / "files")


def write_questions(folder: Path, facts: dict[str, tuple[str, str]]) -> None:
    by_path = {row["metadata"]["path"]: row["id"] for row in rows(folder / "documents.jsonl")}  # type: ignore[index]
    lines = [
        {"id": f"q{n}", "text": f"{fact[:9]}?", "evidence": [{"doc_id": by_path[path], "quote": fact}]}
        for n, (path, (_, fact)) in enumerate(facts.items())
    ]
    lines.append({"id": "none", "text": "Who painted the ceiling?", "tags": ["unanswerable"]})
    (folder / "questions.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")


def test_forty_files_become_a_benchmark(
    forty: dict[str, tuple[str, str]], tmp_path: Path, command_line: CommandLine
) -> None:
    ended = command_line("init", "files", "--out", "mine", "--json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert (told["documents"], told["skipped"], len(told["files"])) == (40, [], 8)
    documents = {row["metadata"]["path"]: row for row in rows(tmp_path / "mine" / "documents.jsonl")}  # type: ignore[index]
    assert documents.keys() == forty.keys()
    for path, (language, fact) in forty.items():
        assert documents[path].get("language", language) == language
        assert str(documents[path]["text"]).count(fact) == 1, path
        for noise in ("cookies", "Home", "track"):
            assert noise not in str(documents[path]["text"])
    write_questions(tmp_path / "mine", forty)
    ended = command_line("check-benchmark", "mine", "--json")
    assert ended.code == 0, ended.err
    benchmark = load(str(tmp_path / "mine"))
    assert len(benchmark.labels) == 40
    texts = {one.id: one for one in benchmark.documents}
    for label, (path, (_, fact)) in zip(benchmark.labels, forty.items(), strict=True):
        document = texts[label.doc_id]
        assert document.text[label.start : label.end] == fact
        if path.endswith(".pdf"):
            pages = document.metadata["pages"]
            assert isinstance(pages, list)
            assert label.start == pages[1]


def test_a_rerun(tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    forty = files(tmp_path / "files", ("md", "txt"))
    command_line("init", "files", "--out", "mine")
    mine = tmp_path / "mine"
    write_questions(mine, forty)
    (mine / "card.yaml").write_text("name: ours\n", "utf-8")
    before = {path.name: path.read_bytes() for path in mine.iterdir()}
    ended = command_line("init", "files", "--out", "mine")
    assert ended.code == 0
    assert "nothing has changed" in ended.out
    assert {path.name: path.read_bytes() for path in mine.iterdir()} == before
    command_line("init", "files", "--out", "again")
    assert (tmp_path / "again" / "documents.jsonl").read_bytes() == before["documents.jsonl"]

    first, second, third = (tmp_path / "files" / path for path in [*forty][:3])
    first.write_text("# New\n\nA new beginning.\n\n" + first.read_text("utf-8").split("---\n")[-1], "utf-8")
    second.unlink()
    third.write_text(third.read_text("utf-8").replace("wagons", "carriages"), "utf-8")
    (tmp_path / "files" / "new.txt").write_text("A new file about trams.", "utf-8")
    ended = command_line("init", "files", "--out", "mine")
    assert ended.code == 2
    assert "1 more, 2 changed, 1 gone" in ended.err
    assert "--update" in ended.err
    assert {path.name: path.read_bytes() for path in mine.iterdir()} == before
    ended = command_line("init", "files", "--out", "mine", "--update")
    assert ended.code == 0, ended.err
    for line in ("q0,", "moved", "q1,", "q2,", "its words changed", "labels.moved.tsv"):
        assert line in ended.out
    after = {path.name: path.read_bytes() for path in mine.iterdir()}
    assert {name: after[name] for name in before if name != "documents.jsonl"} == {
        name: content for name, content in before.items() if name != "documents.jsonl"
    }
    assert len((mine / "labels.moved.tsv").read_text("utf-8").splitlines()) == 1 + 8
    assert command_line("init", "files", "--out", "mine", "--update").code == 0
    (tmp_path / "files" / "new.txt").unlink()
    ended = command_line("init", "files", "--out", "mine", "--update")
    assert ended.code == 0, ended.err
    assert "not compared" in ended.out
    assert "and 1 more; `rageval check-benchmark` lists all" in ended.out


def test_files_that_cannot_be_read(tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "bad.pdf").write_bytes(b"%PDF-1.7\n")
    ended = command_line("init", "files", "--out", "mine")
    assert ended.code == 2
    assert "bad.pdf: a damaged PDF" in ended.err
    assert not (tmp_path / "mine").exists()
    (tmp_path / "files" / "good.txt").write_text("One good file about trams.")
    ended = command_line("init", "files", "--out", "mine")
    assert ended.code == 0
    assert "1 skipped" in ended.out
    assert "a damaged PDF" in ended.out
    assert "unreadable" in command_line("check-corpus", "files", "--no-embed").out
    assert command_line("init", "none").code == 2


def test_questions_one_after_the_other(
    tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines that HOWTO.md shows are valid as they stand, and what is wrong afterwards is told."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text('The tram "Nine" runs to the depot. It has 61 seats.')
    command_line("init", "files", "--out", "mine")
    ended = command_line("check-benchmark", "mine")
    assert ended.code == 2
    assert "no questions, expected at least one" in ended.err
    page = (tmp_path / "mine" / "HOWTO.md").read_text("utf-8")
    lines = [line for line in page.splitlines() if line.startswith('{"id"')]
    (tmp_path / "mine" / "questions.jsonl").write_text("\n".join([*lines, ""]), "utf-8")
    assert command_line("check-benchmark", "mine").code == 0
    wrong = lines[0].replace("runs to", "drives to")
    assert wrong != lines[0]
    (tmp_path / "mine" / "questions.jsonl").write_text(f"{wrong}\n", "utf-8")
    ended = command_line("check-benchmark", "mine")
    assert ended.code == 2
    assert "questions.jsonl:1" in ended.err
    assert "nearest text" in ended.err


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sequence[Document]:
    """A benchmark folder with planted faults, and without questions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    documents, _ = planted(load("handbook").documents)
    documents = [one for one in documents if not one.id.startswith("long-")]
    (tmp_path / "faulty").mkdir()
    (tmp_path / "faulty" / "card.yaml").write_text("name: faulty\n", "utf-8")
    (tmp_path / "faulty" / "documents.jsonl").write_text(documents_text(documents), "utf-8")
    return documents


def test_a_faulty_corpus(faulty: Sequence[Document], tmp_path: Path, command_line: CommandLine) -> None:
    ended = command_line(
        "check-corpus", "faulty", "--no-embed", "--fail-on", "html,stale", "--fix", "clean", "--redact"
    )
    assert ended.code == 1, ended.err
    assert "failed: found 3 html, 3 stale" in ended.err
    assert max(map(len, ended.out.splitlines())) <= 80
    for line in ("html: 3", "to do: convert it again", "outlier: not checked (--no-embed)", "cleaned copy written"):
        assert line in ended.out
    changes = rows(tmp_path / "clean" / "changes.jsonl")
    assert {change["what"] for change in changes} >= {"dropped", "HTML stripped", "boilerplate cut", "redacted"}
    ended = command_line("check-corpus", "clean", "--no-embed", "--fail-on", "html,personal,boilerplate", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["counts"]["stale"] == 3
    csv = command_line("check-corpus", "clean", "--no-embed", "--format", "csv").out
    assert "kinds,stale,3,3" in csv.replace("\r", "")


def test_the_questions_of_a_cleaned_benchmark(
    tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command_line("check-corpus", "handbook", "--no-embed", "--fix", "clean", "--fail-on", "html").code == 0
    clean, handbook = load(str(tmp_path / "clean")), load("handbook")
    assert (clean.documents, clean.questions, clean.labels) == (handbook.documents, handbook.questions, handbook.labels)
    assert clean.content_hash == handbook.content_hash


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fail-on", "nonsense"), "--fail-on: found 'nonsense', expected all"),
        (("--fail-on", "outlier", "--no-embed"), "needs embeddings"),
        (("--plot", "x.svg", "--no-embed"), "--plot: needs embeddings"),
        (("--plot", "x.gif"), f"expected one of {', '.join(FORMATS)}"),
        (("--redact",), "--redact: found no --fix"),
        (("--fix", "."), "expected no folder or an empty one"),
        (("--older-than", "May"), "expected a day such as"),
    ],
)
def test_wrong_arguments(
    arguments: Sequence[str], message: str, tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    ended = command_line("check-corpus", "handbook", *arguments)
    assert ended.code == 2
    assert message in ended.err


@pytest.mark.local_model
def test_outliers_and_the_picture(tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three documents about something else among fourteen of the handbook."""
    monkeypatch.chdir(tmp_path)
    handbook = [one for one in load("handbook").documents if one.language == "en"][:14]
    others = {
        "noodles": "Boil the noodles for eight minutes, drain them, and toss them with garlic, chili oil and vinegar.",
        "match": "The home side won three to one after two late goals, and the goalkeeper saved a penalty.",
        "flat": "Tenants must give three months' notice. The deposit is returned after the flat was handed over.",
    }
    documents = [*handbook, *(Document(name, text, name.title()) for name, text in others.items())]
    (tmp_path / "card.yaml").write_text("name: mixed\n", "utf-8")
    (tmp_path / "documents.jsonl").write_text(documents_text(documents), "utf-8")
    ended = command_line("check-corpus", ".", "--embed", "--plot", "map.svg", "--json", "--fail-on", "outlier")
    assert ended.code == 1, ended.err
    found = json.loads(ended.out)
    assert [one["document"] for one in found["faults"] if one["kind"] == "outlier"] == [*others]
    picture = (tmp_path / "map.svg").read_text("utf-8")
    assert "outlier (3)" in picture
    assert "no fault (14)" in picture
    assert "noodles" in picture
