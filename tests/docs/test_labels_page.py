"""docs/labels.md: its commands run in order on a run with that name, people's work being done in between."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.conftest import CommandLine
from tests.flow.judged_run import JudgedRun, fill, read_sheet, write_sheet

PAGE = (Path(__file__).parents[2] / "docs" / "labels.md").read_text(encoding="utf-8")
ASSETS = Path(__file__).parents[2] / "rageval" / "report" / "html" / "assets"
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_every_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> None:
    """The next release answers half of the questions anew."""
    monkeypatch.chdir(tmp_path)
    runs = {
        name: JudgedRun(tmp_path / "results" / "runs" / name, failed=6, unscored=4, answer_from=start)
        for name, start in (("lakes", 300), ("next", 150))
    }
    run = runs["lakes"]
    write_sheet(tmp_path / "own.csv", run.rows(q100=1, q101=0))
    assert {language for language, _ in BLOCKS} == {"bash", ""}
    printed: list[str] = []
    for line in "".join(text for language, text in BLOCKS if language == "bash").splitlines():
        program, *arguments = shlex.split(line)
        assert program == "rageval"
        ended = command_line(*arguments)
        assert ended.code == 0, (line, ended.out, ended.err)
        printed.append(ended.out)
        if arguments[0] == "sample":
            sheet = tmp_path / arguments[arguments.index("--out") + 1]
            fill(sheet, lambda question_id: int(run.gold[question_id]))
            assert command_line("label", arguments[1], sheet).code == 0
    (shown,) = (text for language, text in BLOCKS if not language)
    assert shown in printed
    assert len(printed) == 12
    assert "labels of both and the judge" in printed[8]
    asked = {row["question_id"] for row in read_sheet(tmp_path / "next.csv")}
    assert asked == {row["question_id"] for row in read_sheet(tmp_path / "labels.csv") if row["question_id"] >= "q150"}


def test_the_keys_of_the_page() -> None:
    """Each key of the table is one that the script knows, and every key of the script is in the table."""
    table = re.findall(r"^\| (.*?) \| .* \|$", PAGE.partition("## On the page")[2], flags=re.MULTILINE)
    told = {key for row in table for key in re.findall(r"`(.)`", row)}
    script = "".join((ASSETS / name).read_text("utf-8") for name in ("label_item.js", "label_screen.js"))
    known = {*re.findall(r'key: "(\w)"', script), *re.findall(r'(?:yes|no|"cannot tell"): "(\w)"', script), "1", "0"}
    assert told - {"←", "→"} == known


def test_the_texts_of_the_page_are_in_both_languages_and_used() -> None:
    """And every text that a script asks for by a plain key is there."""
    texts = {}
    for name in ("base.yaml", "view.yaml", "label.yaml"):
        texts |= yaml.safe_load((ASSETS / name).read_text("utf-8"))
    assert all({*words} == {"en", "zh"} and all(words.values()) for words in texts.values())
    for script in ASSETS.glob("label*.js"):
        asked = set(re.findall(r'\bt\("(\w+)"', script.read_text("utf-8")))
        assert asked <= texts.keys(), (script.name, asked - texts.keys())


def test_another_judge_has_labels_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    """The labels of a metric leave `metric:strong` as it is; the same seed draws the same questions for both."""
    monkeypatch.chdir(tmp_path)
    run = JudgedRun(tmp_path / "lakes")
    strong = f"{run.name}:strong"
    scores = run.folder.scores()
    run.folder.write_scores({**scores, strong: scores[run.name]})
    judges = run.folder.manifest()["judges"]
    (entry,) = judges.values()
    run.write_manifest(metrics=[run.name, strong], judges={**judges, strong: {**entry, "model": "strong critic"}})
    sheets = [tmp_path / "own.jsonl", tmp_path / "strong.jsonl"]
    for metric, sheet in zip((run.name, strong), sheets, strict=True):
        assert command_line("sample", "lakes", "--metric", metric, "-n", 50, "--out", sheet).code == 0
    assert [row["question_id"] for row in read_sheet(sheets[0])] == [
        row["question_id"] for row in read_sheet(sheets[1])
    ]

    def labelled() -> list[int]:
        (found,) = json.loads(command_line("leaderboard", "lakes", "--format", "json").out)["runs"]
        return [found["metrics"][metric]["n_labelled"] for metric in (run.name, strong)]

    fill(sheets[0], run.gold.get)
    assert command_line("label", "lakes", sheets[0]).code == 0
    assert labelled() == [50, 0]
    fill(sheets[1], run.gold.get)
    assert command_line("label", "lakes", sheets[1]).code == 0
    assert labelled() == [50, 50]


def test_the_larger_sample_begins_with_the_smaller_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    """And two people's files go in together: both as the page says."""
    monkeypatch.chdir(tmp_path)
    run = JudgedRun(tmp_path / "lakes")
    for name, n in (("ann.csv", 50), ("ben.csv", 50), ("more.csv", 100)):
        assert command_line("sample", "lakes", "--metric", run.name, "-n", n, "--out", name).code == 0
    first, more = (Path(name).read_text("utf-8-sig") for name in ("ann.csv", "more.csv"))
    questions = [re.findall(r",(q\d{3}),", text) for text in (first, more)]
    assert questions[1][:50] == questions[0]
    for name in ("ann.csv", "ben.csv"):
        fill(tmp_path / name, lambda question_id: int(run.gold[question_id]), annotator=name)
    assert "Krippendorff's alpha" in command_line("label", "lakes", "ann.csv", "ben.csv").out
