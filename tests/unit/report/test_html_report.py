"""What an HTML report holds: the numbers of the leaderboard, every question, marks where JavaScript counts them."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.perf.synthetic_runs import METRICS, write_runs
from rageval.decide.comparison import compare
from rageval.decide.diagnose import diagnose
from rageval.decide.leaderboard import read_leaderboard
from rageval.errors import DeclarationError, NotComparableError
from rageval.front import Result
from rageval.report.html.texts import _marks  # pyright: ignore[reportPrivateUsage]
from rageval.report.html.write import write_report
from rageval.types import Question, Response
from tests.flow.judged_run import JudgedRun

QUESTIONS, PIPELINES = 130, 3


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_runs(tmp_path_factory.mktemp("runs"), questions=QUESTIONS, pipelines=PIPELINES)


@pytest.fixture(scope="module")
def page(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    written = write_report(runs, tmp_path_factory.mktemp("report") / "report.html")
    assert written.shards is None
    assert written.size == written.path.stat().st_size
    assert written.questions == QUESTIONS
    return written.path.read_text("utf-8")


def _data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


def _blocks(page: str) -> list[dict[str, Any]]:
    texts = re.findall(r'<script type="text/plain" id="block-questions-\d+">(.*?)</script>', page)
    return [json.loads(gzip.decompress(base64.b64decode(text))) for text in texts]


def test_the_board_has_the_leaderboards_numbers(runs: list[Path], page: str) -> None:
    board, data = read_leaderboard(runs), _data(page)
    assert [row["label"] for row in data["board"]["rows"]] == [row.label for row in board.rows]
    for shown, row in zip(data["board"]["rows"], board.rows, strict=True):
        assert runs[shown["run"]] == row.path
        for name, mean in row.estimates.items():
            assert mean is not None
            assert shown["cells"][name]["interval"] == [mean.point, mean.low, mean.high]


def test_scores_and_causes_are_those_of_each_run(runs: list[Path], page: str) -> None:
    data = _data(page)
    for path, result in zip(runs, data["results"], strict=True):
        scores = json.loads((path / "scores.json").read_text("utf-8"))
        told = diagnose(path)
        for place, question in enumerate(data["questions"]["ids"]):
            assert data["causes"][result["causes"][place]] == told.questions[question].cause
            for name in METRICS:
                assert result["scores"][name][place] == scores[name]["questions"].get(question)


def test_pairs_are_compared_as_compare_does(runs: list[Path], page: str) -> None:
    comparisons = _data(page)["comparisons"]
    assert set(comparisons) == {"0:1", "0:2", "1:2"}
    found = compare(runs[0], runs[2])
    for shown in comparisons["0:2"]["metrics"]:
        one = found.comparisons[shown["name"]]
        assert shown["difference"] == [one.difference.point, one.difference.low, one.difference.high]
        assert (shown["p"], shown["verdict"]) == (one.p_adjusted, one.verdict)


def test_blocks_hold_every_question_once_with_its_answers(runs: list[Path], page: str) -> None:
    from rageval.io.run_folder import RunFolder

    blocks = _blocks(page)
    questions = [question for block in blocks for question in block["questions"]]
    assert questions == _data(page)["questions"]["ids"]
    outcomes = [RunFolder(path).outcomes() for path in runs]
    for block in blocks:
        for question, about in block["questions"].items():
            for run, outcome in zip(about["runs"], (log[question] for log in outcomes), strict=True):
                if not isinstance(outcome, Response):
                    assert run["failure"][0] == outcome.error
                    continue
                assert run["answer"] == outcome.answer
                assert [passage[1] for passage in run["passages"]] == [hit.passage.id for hit in outcome.hits]
                read = [passage for passage in run["passages"] if passage[3] is not None]
                texts = [block["passages"][passage[0]][0] for passage in sorted(read, key=lambda one: one[3])]
                assert texts == [passage.text for passage in outcome.context_passages]


def test_marks_are_counted_as_javascript_counts() -> None:
    text = "🌊 lake 𠮷 deep"
    assert _marks(text, [(2, 6), (9, 13)]) == [[3, 7], [11, 15]]
    assert _marks("湖 lake", [(2, 6)]) == [[2, 6]]
    units = text.encode("utf-16-le")
    for start, end in ((2, 6), (9, 13)):
        ((a, b),) = _marks(text, [(start, end)])
        assert units[2 * a : 2 * b].decode("utf-16-le") == text[start:end]


def test_large_texts_go_beside_the_file_and_come_back_into_it(runs: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "deep" / "report.html"
    sharded = write_report(runs, target, shards_above_mb=0.0)
    assert sharded.shards == target.parent / "report_files"
    names = sorted(shard.name for shard in sharded.shards.iterdir())
    assert names == ["questions-0.js", "questions-1.js"]
    assert sharded.size == target.stat().st_size + sum(shard.stat().st_size for shard in sharded.shards.iterdir())
    assert _data(target.read_text("utf-8"))["shards"] == "report_files"
    (sharded.shards / "questions-9.js").write_text("old", "utf-8")
    single = write_report(runs, target, shards_above_mb=None)
    assert single.shards is None
    assert not sharded.shards.exists()
    assert len(_blocks(target.read_text("utf-8"))) == 2


def test_a_folder_beside_the_file_keeps_what_is_not_a_shard(runs: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "report_files"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine", "utf-8")
    write_report(runs[:1], tmp_path / "report.html")
    assert (folder / "mine.txt").read_text("utf-8") == "mine"


def test_what_cannot_be_written_or_read_is_said(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="found a folder, expected a file"):
        write_report(runs, tmp_path)
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(DeclarationError, match="cannot be written"):
        write_report(runs, tmp_path / "file" / "report.html")
    with pytest.raises(DeclarationError, match="found no runs"):
        write_report([], tmp_path / "report.html")
    with pytest.raises(NotComparableError):
        write_report([tmp_path / "nothing"], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_runs_of_other_questions_are_shown_beside_each_other(tmp_path: Path) -> None:
    old, new = JudgedRun(tmp_path / "old", 20), JudgedRun(tmp_path / "new", 30)
    page = write_report([old.folder.path, new.folder.path], tmp_path / "report.html").path.read_text("utf-8")
    data = _data(page)
    assert len(data["questions"]["ids"]) == 30
    assert data["board"]["questions"] == 20
    assert data["results"][0]["outcomes"][20:] == [None] * 10
    assert all(
        block["questions"][question]["runs"][0] is None
        for block in _blocks(page)
        for question in list(block["questions"])[20:]
    )


def test_a_notebook_shows_the_report_or_says_that_it_is_large(runs: list[Path], tmp_path: Path) -> None:
    shown = Result(tuple(runs), read_leaderboard(runs))._repr_html_()
    assert shown.startswith('<iframe sandbox="allow-scripts allow-downloads allow-modals"')
    assert "&lt;!doctype html&gt;" in shown
    assert "<script" not in shown
    large = write_runs(tmp_path, questions=201, pipelines=1)
    table = Result(tuple(large), read_leaderboard(large))._repr_html_()
    assert table.startswith("<table>")
    assert "to_html" in table


def test_a_result_writes_its_report(runs: list[Path], tmp_path: Path) -> None:
    path = Result(tuple(runs), read_leaderboard(runs)).to_html(tmp_path / "report.html", language="zh")
    assert 'data-language="zh"' in path.read_text("utf-8")


def test_thought_stands_apart_from_the_answer(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "run", 3)
    run.folder.add_outcome("q001", Response(answer="<think>Let me see.</think>\n10 metres."))
    page = write_report([run.folder.path], tmp_path / "report.html").path.read_text("utf-8")
    (block,) = _blocks(page)
    told = block["questions"]["q001"]["runs"][0]
    assert (told["thought"], told["answer"]) == ("Let me see.", "10 metres.")


def test_questions_that_changed_are_named(tmp_path: Path) -> None:
    old, new = JudgedRun(tmp_path / "old", 4), JudgedRun(tmp_path / "new", 4)
    from rageval.io.records import question_to_json

    for run, digest in ((old, "a"), (new, "b")):
        run.folder.write_questions(
            question_to_json(Question(f"q{i:03}", "How deep?", "en"), (), digest if i == 2 else "same")
            for i in range(4)
        )
    page = write_report([old.folder.path, new.folder.path], tmp_path / "report.html").path.read_text("utf-8")
    assert _data(page)["questions"]["changed"] == [2]
