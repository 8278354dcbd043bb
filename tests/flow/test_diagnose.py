"""Why questions fail: sixty-two questions whose causes are known, and what the commands say of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import rageval
from rageval.decide.diagnose import MOST_SHOWN
from rageval.decide.diagnosis import CAUSES, causes
from rageval.decide.remedies import remedy_for
from rageval.experiment.grid import grid_entries
from rageval.experiment.recipes import build_pipeline
from rageval.experiment.spec import read_spec
from rageval.metrics import parse
from rageval.models.scripted import HashEmbedder
from tests.conftest import CommandLine
from tests.flow.diagnosed_world import CASES, METRICS, benchmark, judge, later_corpus, scripted
from tests.flow.small_world import write_benchmark


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lakes")
    (path,) = rageval.evaluate(benchmark(), [scripted], METRICS, chat=judge(), embed=HashEmbedder(), out=out).runs
    return path


def test_all_causes_are_found(run: Path) -> None:
    """At least 58 of 62 is what is asked for."""
    found = causes(run, benchmark=later_corpus(benchmark()))
    assert len(found) == len(CASES) == 62
    assert {case.cause for case in CASES.values()} == {*CAUSES}
    assert [(name, found[name], case.cause) for name, case in CASES.items() if found[name] != case.cause] == []


def test_reasons_and_ranks(run: Path) -> None:
    """Each number by the construction of the case."""
    found = rageval.diagnose(run).questions
    told = {name: one.reason for name, one in found.items()}
    assert told["en-00"] == "RuntimeError: the index is gone"
    assert told["en-08"] == "none of the 12 passages of the ranking holds any of the evidence"
    assert told["en-12"] == "none of the 6 passages of the ranking is of a relevant document"
    assert told["zh-13"] == "the evidence is in passage 8 of the ranking; 3 passages were read"
    assert (found["zh-13"].rank, found["en-14"].rank, found["en-15"].rank) == (8, 6, 9)
    assert told["en-18"] == "answer_correctness 0.000; what was read supports it"
    assert told["en-25"] == (
        "wrong (answer_correctness 0.000; what was read supports it), but the question has no relevant label"
    )
    assert told["en-26"] == "answer_correctness: the question has no reference answer"
    assert told["en-27"] == "answer_correctness 1.000; what was read supports it"
    assert (found["en-17"].cause, found["en-17"].right) == ("ranked_too_low", True)


def test_shares_slices_and_worst(run: Path) -> None:
    result = rageval.diagnose(run, by=["language", "kind"], benchmark=later_corpus(benchmark()))
    counted = Counter(case.cause for case in CASES.values())
    assert {one.cause: one.questions for one in result.shares} == counted
    assert all(one.share.low < one.questions / 62 < one.share.high for one in result.shares)
    by = {(one.by, one.value): one for one in result.slices}
    assert by["language", "zh"].questions == 31
    assert {one.cause: one.questions for one in by["language", "en"].shares} == {
        cause: counted[cause] / 2 for cause in CAUSES
    }
    assert by["kind", "right"].questions == counted["right"]
    assert {cause: len(views) for cause, views in result.worst.items()} == {
        cause: min(n, MOST_SHOWN) for cause, n in counted.items() if cause != "right"
    }
    (low,) = [one for one in result.shares if one.cause == "ranked_too_low"]
    assert low.right == 2
    worst = result.worst["ranked_too_low"]
    assert [view.question.id for view in worst][-2:] == ["en-17", "zh-17"]
    assert {view.outcome.answer for view in result.worst["read_but_refused"]} == {  # type: ignore[union-attr]
        "I cannot answer this from the passages.",
        "根据已知信息无法回答该问题。",
    }


def test_without_judge_and_labels_what_cannot_be_known_is_not_guessed(tmp_path: Path) -> None:
    """Text overlap in place of the judge; in a run without hits no retrieval is blamed."""
    (plain, silent) = rageval.evaluate(
        benchmark(),
        [scripted, without_hits],
        ["token_f1"],
        out=tmp_path / "out",
    ).runs
    found = rageval.diagnose(plain, benchmark=later_corpus(benchmark()))
    assert found.right_by == "text overlap"
    differ = {name: one.cause for name, one in found.questions.items() if one.cause != CASES[name].cause}
    assert differ == {
        "en-23": "right", "zh-23": "right", "en-24": "not_known", "zh-24": "not_known",
    }  # fmt: skip
    assert any("no judge claim_support" in note for note in found.notes)
    of_silent = rageval.diagnose(silent).questions
    assert {one.cause for one in of_silent.values()} == {
        "pipeline_failed", "degenerate", "no_answer_in_corpus", "not_known", "right",
    }  # fmt: skip
    assert of_silent["en-13"].reason.endswith("but the run has no hits for any question")


def without_hits(question: rageval.Question) -> str:
    return scripted(question).answer or ""


def told(command_line: CommandLine, *arguments: object) -> dict[str, Any]:
    ended = command_line(*arguments, "--json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def test_the_command(run: Path, tmp_path: Path, command_line: CommandLine) -> None:
    data = told(command_line, "diagnose", run, "--by", "language", "--markdown", tmp_path / "why.md")
    assert [one["cause"] for one in data["causes"]] == [*CAUSES]
    assert sum(one["questions"] for one in data["causes"]) == len(data["questions"]) == 62
    assert {(one["value"], one["questions"]) for one in data["slices"]} == {("en", 31), ("zh", 31)}
    passages = data["worst"]["ranked_too_low"][0]["passages"]
    assert [one["read"] for one in passages] == [1, 2, 3, None]
    printed = command_line("diagnose", run, "--by", "language").out
    for cause in {case.cause for case in CASES.values()}:
        assert cause in printed
    assert "language zh: 31 questions" in printed
    assert "the benchmark is not at hand" in printed
    page = (tmp_path / "why.md").read_text("utf-8")
    assert "### not_retrieved: no passage of the ranking holds any of the evidence" in page
    assert "⟦阿洛13号湖最深的地方有191米。⟧" not in page  # the run keeps the texts of passages that were read alone
    assert "⟦" in page


def test_every_sweep_can_be_run(run: Path, tmp_path: Path) -> None:
    remedies = rageval.diagnose(run).remedies
    assert {*remedies} == {*CAUSES} - {"right"}
    with_sweep = {cause: remedy.sweep for cause, remedy in remedies.items() if remedy.sweep}
    assert {*remedies} - {*with_sweep} == {"pipeline_failed", "degenerate", "not_known"}
    check_sweeps(with_sweep, tmp_path)


def check_sweeps(sweeps: Mapping[str, str], folder: Path) -> None:
    """Each is an experiment file whose pipelines can be built and whose metrics exist."""
    for cause, text in sweeps.items():
        path = folder / f"{cause}.yaml"
        path.write_text(text, encoding="utf-8")
        spec = read_spec(path)
        assert spec.sweep is not None
        entries = grid_entries(spec.sweep, spec.exclude)
        assert len(entries) > 1, cause
        for entry in entries:
            ((recipe, settings),) = entry.items()
            build_pipeline(recipe, settings or {}, folder)
        for metric in spec.metrics:
            parse(metric)


def test_sweeps_keep_the_settings_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    """Also a setting that only some recipes or retrievers take, and a number of passages above the candidates."""
    monkeypatch.chdir(tmp_path)
    write_benchmark(tmp_path / "small")
    pipelines = [
        {"naive": {"retriever": "bm25", "k": 1, "chunk_tokens": 16}},
        {"naive": {"retriever": "bm25", "k": 40, "depth": 60, "chunk_tokens": 64}},
        "oracle",
    ]
    runs = rageval.evaluate("small", pipelines, ["ndcg@10"], out=tmp_path / "out").runs
    for path in runs:
        manifest = rageval.RunFolder(path).manifest()
        for spans in (True, False):
            found = {cause: remedy_for(cause, manifest, spans=spans).sweep for cause in CAUSES if cause != "right"}
            check_sweeps({cause: text for cause, text in found.items() if text}, tmp_path)
    first = yaml.safe_load(remedy_for("split_evidence", rageval.RunFolder(runs[0]).manifest(), spans=True).sweep or "")
    assert first["benchmark"] == "small"
    assert first["sweep"] == {
        "pipeline": ["naive"], "chunk_tokens": [16, 32, 64], "overlap": [0, 2], "retriever": ["bm25"], "k": [1],
    }  # fmt: skip
    data = told(command_line, "diagnose", runs[0])
    assert {one["basis"] for one in data["questions"]} == {"documents", "none"}
    assert not any("benchmark is not at hand" in note for note in data["notes"])
    assert any(note.startswith("for 4 of 6 questions documents stand for the evidence") for note in data["notes"])


def test_losses_of_retriever_and_generator(tmp_path: Path, command_line: CommandLine) -> None:
    """On token_f1 of the 54 answerable questions with a reference, by hand: an oracle that is right on all but ten of
    the first twenty, a closed book that knows nothing. Failures and refusals score 0.
    """
    names = [name for name, case in CASES.items() if case.question.references and case.question.answerable]
    lucky = {name for number, name in enumerate(names) if number >= 20 or number % 2}

    def oracle(question: rageval.Question) -> str:
        return question.references[0] if question.id in lucky else "seventeen"

    def closed_book(question: rageval.Question) -> str:
        return "seventeen"

    runs = rageval.evaluate(
        benchmark(), [by_reference, oracle, closed_book], ["exact_match"], out=tmp_path / "out"
    ).runs
    data = told(command_line, "diagnose", runs[0], "--oracle", runs[1], "--closed-book", runs[2])
    answered = sum(CASES[name].right and CASES[name].response is not None for name in names)
    losses = data["losses"]
    assert losses["metric"] == "exact_match"
    assert losses["of_retriever"]["n"] == len(names) + 2  # the unanswerable ones with a reference score 0 in all runs
    n = losses["of_retriever"]["n"]
    assert losses["of_retriever"]["point"] == pytest.approx((len(lucky) - answered) / n)
    assert losses["of_generator"]["point"] == pytest.approx(1 - len(lucky) / n)
    assert losses["from_retrieval"]["point"] == pytest.approx(answered / n)
    assert losses["of_retriever"]["low"] < losses["of_retriever"]["point"] < losses["of_retriever"]["high"]
    printed = command_line("diagnose", runs[0], "--oracle", runs[1]).out
    assert "losses on exact_match" in printed
    assert "closed book" not in printed


def by_reference(question: rageval.Question) -> str:
    """The reference where the case's answer is right."""
    case = CASES[question.id]
    if case.response is None:
        raise RuntimeError("the index is gone")
    return question.references[0] if case.right and question.references else "seventeen"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--by", "colour"], 2, "slices by colour: found no such field of the questions, expected language, tag, kind"),
        (["-m", "faithfulness"], 2, "found no metric faithfulness of answers, expected one of"),
        (["-m", "colour"], 2, "unknown metric 'colour'"),
        (["--oracle", "nowhere"], 4, "nowhere: found neither a run folder nor a baseline"),
    ],
)
def test_what_is_refused(arguments: list[str], code: int, words: str, run: Path, command_line: CommandLine) -> None:
    ended = command_line("diagnose", run, *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert words in ended.err
    assert ended.err.count("\n") == 1


def test_a_run_that_is_missing_or_unfinished_is_code_4(run: Path, tmp_path: Path, command_line: CommandLine) -> None:
    assert command_line("diagnose", tmp_path / "nowhere").code == 4
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    (tmp_path / "running").mkdir()
    (tmp_path / "running" / "manifest.json").write_text(json.dumps({**manifest, "status": "running"}), "utf-8")
    ended = command_line("diagnose", tmp_path / "running")
    assert (ended.code, ended.err) == (
        4,
        f"error: {tmp_path / 'running'}: the run is not finished; run its experiment again and it goes on\n",
    )
