"""Only labels of a random sample of this very run's answers are taken without being asked twice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError, LabelFileError
from rageval.people.attach import agreement_of, attach
from rageval.people.sampling import draw_sample
from rageval.people.sheet import write_sheet as write_sample_sheet
from rageval.scores.human_labels import drawn_so_far, read_labels
from rageval.scores.run_labels import read_run_labels
from rageval.scores.samples import Sample
from rageval.stats import krippendorff_alpha
from tests.flow.judged_run import ANSWER_RELEVANCE, JudgedRun, fill, read_sheet, response, write_sheet

Spoil = Callable[[JudgedRun, Path], object]


def draw(run: JudgedRun, sheet: Path, n: int = 20, seed: int = 0) -> Sample:
    sample = draw_sample(run.folder, run.name, n, seed=seed)
    run.folder.write_sample(sample.metric, sample.digest, sample.to_json())
    write_sample_sheet(run.folder, sample, sheet)
    return sample


def edit(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Spoil:
    return lambda run, sheet: write_sheet(sheet, change(read_sheet(sheet)))


def each(**changes: object) -> Spoil:
    return edit(lambda rows: [{**row, **changes} for row in rows])


def test_the_whole_sample(run: JudgedRun, tmp_path: Path) -> None:
    sample = draw(run, tmp_path / "a.jsonl")
    fill(tmp_path / "a.jsonl", run.gold.get)
    (labels,) = attach(run.folder, [tmp_path / "a.jsonl"])
    assert (labels.sample, labels.reason, labels.annotators) == (sample, "", ("ann",))
    assert labels.by_question == {q: run.gold[q] for q in sample.to_label}
    assert read_labels(run.folder, run.name) == labels
    stored = json.loads((run.folder.path / "labels/answer_relevance.json").read_text("utf-8"))
    assert (stored["representative"], stored["sample"], len(stored["labels"])) == (
        True,
        sample.digest,
        len(sample.to_label),
    )


@pytest.mark.parametrize("k", [1, 7, 19])
def test_a_first_part_in_any_order_of_rows(k: int, run: JudgedRun, tmp_path: Path) -> None:
    sheet = tmp_path / "a.jsonl"
    sample = draw(run, sheet)
    fill(sheet, run.gold.get, first=k)
    write_sheet(sheet, read_sheet(sheet)[::-1])
    (labels,) = attach(run.folder, [sheet])
    assert labels.sample == sample
    assert set(labels.by_question) == set(sample.to_label[:k])


def test_the_part_that_people_have_come_to_ends_before_the_next_question_to_label() -> None:
    """Failures count as labelled. To stop before the next question, not after the last, keeps their share right: the
    inverse binomial estimate of Haldane (1945).
    """
    sample = Sample(
        "r", "faithfulness", "j", 0, "", (), ("f1", "a", "f2", "b", "f3"), {"f1": 0.0, "f2": 0.0, "f3": 0.0}
    )
    assert drawn_so_far(sample, {"a": 1.0}) == ["f1", "a", "f2"]
    assert drawn_so_far(sample, {"a": 1.0, "b": 1.0}) == ["f1", "a", "f2", "b", "f3"]
    assert drawn_so_far(sample, {"b": 1.0}) == ["f1", "a", "f2", "b", "f3"]
    assert drawn_so_far(sample, {"z": 1.0}) is None
    assert drawn_so_far(sample, {}) == ["f1"]


def change_answer(run: JudgedRun, question: str) -> None:
    run.folder.add_outcome(question, response(int(question[1:]), answer="another one"))


def test_another_answer_that_nobody_labelled_changes_nothing(run: JudgedRun, tmp_path: Path) -> None:
    sample = draw(run, tmp_path / "a.jsonl")
    fill(tmp_path / "a.jsonl", run.gold.get)
    change_answer(run, next(q for q in run.judged if q not in sample.drawn))
    (labels,) = attach(run.folder, [tmp_path / "a.jsonl"])
    assert (labels.sample, labels.reason) == (sample, "")


def test_rows_that_are_skipped_are_missing(run: JudgedRun, tmp_path: Path) -> None:
    """And so are those in which the person could not tell. Both leave the sample what it is."""
    sheet = tmp_path / "a.jsonl"
    sample = draw(run, sheet)
    rows = sample.to_label
    fill(sheet, lambda q: None if q == rows[2] else "?" if q == rows[5] else run.gold[q], first=12)
    (labels,) = attach(run.folder, [sheet])
    assert (labels.sample, labels.reason, labels.cannot_tell) == (sample, "", (rows[5],))
    assert {*labels.by_question} == {*rows[:12]} - {rows[2], rows[5]}
    found = read_run_labels(run.folder, run.name, run.judged)
    assert found is not None
    assert found.missing == {rows[2], rows[5]}
    come_to = drawn_so_far(sample, rows[:12])
    assert come_to is not None
    assert {*found.given} == {*come_to} - {rows[2], rows[5]}


def test_who_cannot_tell_is_outvoted_by_who_can(run: JudgedRun, tmp_path: Path) -> None:
    ann, ben = tmp_path / "ann.jsonl", tmp_path / "ben.jsonl"
    write_sample_sheet(run.folder, draw(run, ann), ben)
    fill(ann, lambda q: "?")
    fill(ben, run.gold.get, "ben")
    (labels,) = attach(run.folder, [ann, ben])
    assert (labels.cannot_tell, labels.annotators) == ((), ("ben",))


REFUSED_UNLESS_ASKED: dict[str, tuple[Spoil, str]] = {
    "another run": (each(run="ponds"), "found 20 labels of the run 'ponds', expected 'lakes'"),
    "one row of another run": (
        edit(lambda rows: [{**rows[0], "run": "ponds"}, *rows[1:]]),
        "found 1 labels of the run 'ponds'",
    ),
    "no sample": (each(sample=""), "found answer_relevance labels that name no sample"),
    "a made-up sample": (
        each(sample="s0123456789a"),
        "of the sample 's0123456789a', which was not drawn from this run",
    ),
    "a path as sample": (each(sample="../../manifest"), "of the sample '../../manifest', which was not drawn"),
    "samples mixed": (
        edit(lambda rows: [{**rows[0], "sample": "s1"}, *rows[1:]]),
        r"found answer_relevance labels of several samples (s1, s",
    ),
    "one more": (
        edit(lambda rows: [*rows, {**rows[0], "question_id": "q_not_drawn"}]),
        "found answer_relevance labels of questions that were not drawn (q",
    ),
    "other answers since": (
        lambda run, sheet: change_answer(run, read_sheet(sheet)[3]["question_id"]),
        ", drawn before 1 of these answers changed (q",
    ),
}


@pytest.mark.parametrize(("spoil", "told"), REFUSED_UNLESS_ASKED.values(), ids=REFUSED_UNLESS_ASKED)
def test_what_may_be_no_random_sample(spoil: Spoil, told: str, tmp_path: Path) -> None:
    run, sheet = JudgedRun(tmp_path / "lakes", 40), tmp_path / "a.jsonl"
    sample = draw(run, sheet)
    fill(sheet, run.gold.get)
    spoil(run, sheet)
    rest = next(q for q in run.judged if q not in sample.drawn)
    sheet.write_text(sheet.read_text("utf-8").replace("q_not_drawn", rest), "utf-8")
    with pytest.raises(DeclarationError, match=re.escape(told)) as caught:
        attach(run.folder, [sheet])
    assert f"{sheet}:" in str(caught.value)
    assert "--allow-any-sample" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert read_labels(run.folder, run.name) is None
    (labels,) = attach(run.folder, [sheet], allow_any_sample=True)
    assert labels.sample is None
    assert told in labels.reason
    assert read_labels(run.folder, run.name) == labels


ALWAYS_REFUSED = {
    "unknown question": ("q99", "lakes has no such question"),
    "failed question": ("q000", "the pipeline failed on it, so it scores 0 without a label"),
    "unscored question": ("q002", "it has no score on answer_relevance (there are no answers to judge)"),
}


@pytest.mark.parametrize(("question", "told"), ALWAYS_REFUSED.values(), ids=ALWAYS_REFUSED)
def test_labels_that_nothing_can_be_done_with(question: str, told: str, run: JudgedRun, tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.jsonl", run.rows(q010=1, **{question: 1}))
    with pytest.raises(
        LabelFileError, match=re.escape(f"a.jsonl:2: found a label for '{question}', expected none: {told}")
    ):
        attach(run.folder, [tmp_path / "a.jsonl"], allow_any_sample=True)


@pytest.mark.parametrize(
    ("metric", "told"),
    [("faithfulness", "found no scores of faithfulness"), ("map", "metric map: found a metric that is not judged")],
)
def test_metrics_that_the_run_does_not_have(metric: str, told: str, run: JudgedRun, tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.jsonl", [{**row, "metric": metric} for row in run.rows(q010=1)])
    with pytest.raises(DeclarationError, match=told):
        attach(run.folder, [tmp_path / "a.jsonl"], allow_any_sample=True)


def test_a_failed_question_scores_one_where_lower_is_better(run: JudgedRun, tmp_path: Path) -> None:
    run.folder.write_scores({"hallucination": run.folder.scores()[run.name]})
    run.write_manifest(
        metrics=["hallucination"],
        judges={name: {"key": name, "model": "critic"} for name in ("claim_support", "claim_agreement")},
    )
    write_sheet(tmp_path / "a.jsonl", [{**row, "metric": "hallucination"} for row in run.rows(q000=1)])
    with pytest.raises(LabelFileError, match="the pipeline failed on it, so it scores 1 without a label"):
        attach(run.folder, [tmp_path / "a.jsonl"])


def test_a_new_file_replaces_the_old_and_a_refused_one_does_not(run: JudgedRun, tmp_path: Path) -> None:
    sheet = tmp_path / "a.jsonl"
    draw(run, sheet)
    fill(sheet, lambda question_id: 1, first=3)
    attach(run.folder, [sheet])
    fill(sheet, lambda question_id: 0, first=5)
    (second,) = attach(run.folder, [sheet])
    assert set(second.by_question.values()) == {0.0}
    assert len(second.by_question) == 5
    write_sheet(sheet, [{**row, "run": "ponds"} for row in read_sheet(sheet)])
    with pytest.raises(DeclarationError, match="labels of the run 'ponds'"):
        attach(run.folder, [sheet])
    assert read_labels(run.folder, run.name) == second


def test_a_sample_that_is_gone_vouches_for_nothing(run: JudgedRun, tmp_path: Path) -> None:
    sample = draw(run, tmp_path / "a.jsonl")
    fill(tmp_path / "a.jsonl", run.gold.get)
    attach(run.folder, [tmp_path / "a.jsonl"])
    (run.folder.path / f"samples/answer_relevance-{sample.digest}.json").unlink()
    labels = read_labels(run.folder, run.name)
    assert labels is not None
    assert (labels.sample, labels.reason) == (None, "the sample's file is gone from the run folder")


def test_several_annotators(run: JudgedRun, tmp_path: Path) -> None:
    """Two files; a question's label is their mean, and their agreement is Krippendorff's over what both labelled."""
    ann, ben = tmp_path / "ann.jsonl", tmp_path / "ben.csv"
    sample = draw(run, ann)
    write_sample_sheet(run.folder, sample, ben)
    differ = sample.to_label[:3]
    fill(ann, run.gold.get)
    fill(ben, lambda q: 1 - run.gold[q] if q in differ else run.gold[q], "ben", first=12)
    (labels,) = attach(run.folder, [ann, ben])
    assert labels.sample == sample
    assert labels.annotators == ("ann", "ben")
    assert labels.by_question == {q: 0.5 if q in differ else run.gold[q] for q in sample.to_label}
    first = [run.gold[q] for q in sample.to_label[:12]]
    second = [1 - label if i < 3 else label for i, label in enumerate(first)]
    found = agreement_of(labels)
    assert found is not None
    assert found.interval.n == 12
    # by hand: 3 of 12 pairs differ; the 24 labels hold k ones, so chance has 2 k (24 - k) / (24 * 23) of pairs differ
    k = sum(first) + sum(second)
    assert found.interval.point == pytest.approx(1 - (3 / 12) / (2 * k * (24 - k) / (24 * 23)))
    assert found.interval.point == pytest.approx(krippendorff_alpha([first, second]).interval.point)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("both", "label"), [(9, None), (20, 1.0)])
def test_no_agreement_from_few_questions_or_labels_all_equal(
    both: int, label: float | None, run: JudgedRun, tmp_path: Path
) -> None:
    ann, ben = tmp_path / "ann.jsonl", tmp_path / "ben.jsonl"
    write_sample_sheet(run.folder, draw(run, ann), ben)
    fill(ann, run.gold.get if label is None else lambda q: label)
    fill(ben, run.gold.get if label is None else lambda q: label, "ben", first=both)
    (labels,) = attach(run.folder, [ann, ben])
    assert agreement_of(labels) is None


def test_two_metrics_in_one_file_are_attached_both_or_not_at_all(run: JudgedRun, tmp_path: Path) -> None:
    scores = run.folder.scores()
    run.folder.write_scores({**scores, "faithfulness": scores[run.name]})
    run.write_manifest(
        metrics=[str(ANSWER_RELEVANCE), "faithfulness"],
        judges={name: {"key": f"{name}-1", "model": "m"} for name in ("answer_relevance", "claim_support")},
    )
    draw(run, tmp_path / "a.jsonl")
    fill(tmp_path / "a.jsonl", run.gold.get)
    rows = read_sheet(tmp_path / "a.jsonl")
    write_sheet(tmp_path / "b.jsonl", [*rows, *({**row, "metric": "faithfulness", "sample": ""} for row in rows)])
    with pytest.raises(DeclarationError, match="found faithfulness labels that name no sample"):
        attach(run.folder, [tmp_path / "b.jsonl"])
    assert read_labels(run.folder, run.name) is None
    attach(run.folder, [tmp_path / "b.jsonl"], allow_any_sample=True)
    kept = [read_labels(run.folder, name) for name in (run.name, "faithfulness")]
    assert [labels.sample is not None for labels in kept if labels] == [True, False]
