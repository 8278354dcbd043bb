"""Trends: which runs, in which order, how each step is compared, and what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rageval.decide.comparison import compare
from rageval.decide.trend import read_trend
from rageval.decide.trend_runs import find_runs
from rageval.errors import DeclarationError, NotComparableError
from rageval.io.run_folder import RunFolder
from rageval.scores.estimates import estimate_of, stored_estimate
from rageval.stats import mean_interval
from rageval.stats.unpaired import unpaired_difference
from rageval.types import Json
from tests.flow.judged_run import JudgedRun, fill
from tests.flow.two_judged_runs import TwoJudgedRuns
from tests.unit.sides import Scores, ids, write_run


def run(path: Path, scores: Scores, digests: Mapping[str, str] | None = None, **changes: Json) -> Path:
    """A finished run that `read_trend` can read."""
    write_run(path, scores, digests=digests, **changes)
    folder = RunFolder(path)
    folder.write_manifest({**folder.manifest(), "failed": 0})
    stored: dict[str, Any] = folder.scores()
    for one in stored.values():
        values = [*one["questions"].values()]
        mean = estimate_of(mean_interval(values), len(values) + len(one["unscored"]), 0) if values else None
        one["estimate"] = None if mean is None else stored_estimate(mean)
    folder.write_scores(stored)
    return path


def share(ones: int, n: int) -> Sequence[float]:
    return [1.0] * ones + [0.0] * (n - ones)


def test_runs_are_found_below_folders_and_put_in_order(tmp_path: Path) -> None:
    one = {"mrr": [1.0]}
    late = run(tmp_path / "nightly" / "b", one, created="2026-11-30T02:00:00+00:00", label="naive")
    early = run(tmp_path / "earlier" / "x" / "b.1", one, created="2026-11-29T23:30:00-04:00", label="naive")
    named = run(tmp_path / "nightly" / "2026-11-28" / "runs" / "c", one, label="naive")
    minute = run(tmp_path / "run-20261128T1405-ab", one, label="naive")
    run(tmp_path / "cache" / "d", one, created="2026-11-30T02:00:00+00:00")
    running = run(tmp_path / "e", one, status="running")
    undated = run(tmp_path / "f", one)
    run(late / "repeats" / "2", one, created="2026-11-30T02:00:00+00:00")
    found = find_runs([tmp_path, late])
    assert [one.path for one in found.runs] == [named, minute, late, early]
    assert [one.made_from for one in found.runs] == ["folder name", "folder name", "manifest", "manifest"]
    assert found.runs[1].made == datetime(2026, 11, 28, 14, 5, tzinfo=UTC)
    assert found.runs[3].made == datetime(2026, 11, 30, 3, 30, tzinfo=UTC)
    assert found.left_out.keys() == {running, undated}
    assert "not finished" in found.left_out[running]
    assert "expected one, such as 2026-11-30" in found.left_out[undated]


def test_nothing_to_show_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotComparableError, match=r"x: found nothing, expected a run folder"):
        find_runs([tmp_path / "x"])
    with pytest.raises(NotComparableError, match=r"found no finished run: found no manifest\.json"):
        find_runs([tmp_path])


def nights(folder: Path, scores: Sequence[Scores], changes: Sequence[dict[str, Any]] | None = None) -> list[Path]:
    return [
        run(
            folder / f"2026-11-{day:02}",
            one,
            **{"created": f"2026-11-{day:02}T02:00:00+00:00", "label": "naive(k=5)", **more},
        )
        for day, (one, more) in enumerate(zip(scores, changes or [{}] * len(scores), strict=True), 1)
    ]


def test_a_paired_step_is_what_compare_says_and_holm_is_over_all(tmp_path: Path) -> None:
    a = {"exact_match": share(30, 40), "hallucination": share(8, 40)}
    b = {"exact_match": share(18, 40), "hallucination": share(6, 40)}
    first, second, third = nights(tmp_path, [a, b, a])
    trend = read_trend([tmp_path])
    (series,) = trend.series
    assert [one.path for one in series.runs] == [first, second, third]
    assert trend.metrics == ("exact_match", "hallucination")
    down, up = (step.differences for step in series.steps)
    said = compare(first, second).comparisons
    for name, one in down.items():
        assert (one.how, one.questions) == ("paired", (40, 40))
        assert (one.difference, one.p_value, one.test) == (said[name].difference, said[name].p_value, said[name].test)
    # 12 losses of 12 changes by McNemar: 2 / 2^12; 2 wins of 2: 0.5. Holm: 4 times the least, then 3 times the next.
    assert down["exact_match"].p_value == pytest.approx(2 / 2**12)
    assert [down["exact_match"].p_adjusted, up["exact_match"].p_adjusted] == [pytest.approx(8 / 2**12)] * 2
    assert [down["exact_match"].verdict, up["exact_match"].verdict] == ["worse", "better"]
    assert down["hallucination"].difference.point == pytest.approx(0.05)  # fewer are better
    assert (down["hallucination"].p_value, down["hallucination"].p_adjusted) == (0.5, 1.0)
    assert down["hallucination"].verdict == "cannot be told apart"
    assert trend.looks == 4
    assert down["hallucination"].judge_only
    assert not down["exact_match"].judge_only


@pytest.mark.parametrize(("changed", "how"), [(0, "paired"), (20, "paired"), (21, "unpaired"), (40, "unpaired")])
def test_a_step_is_paired_where_half_of_the_questions_are_the_same(tmp_path: Path, changed: int, how: str) -> None:
    scores = {"exact_match": share(30, 40), "hallucination": share(5, 40)}
    before = run(tmp_path / "2026-11-01", scores, label="a")
    new = dict.fromkeys(ids(40)[40 - changed :], "1" * 12)
    after = run(tmp_path / "2026-11-02", {"exact_match": share(20, 40), "hallucination": share(10, 40)}, new, label="a")
    (step,) = read_trend([before, after]).series[0].steps
    found = step.differences["exact_match"]
    assert found.how == how
    assert found.questions == ((40 - changed,) * 2 if how == "paired" else (40, 40))
    if how == "unpaired":
        expected = unpaired_difference(mean_interval(share(30, 40)), mean_interval(share(20, 40)))
        assert (found.difference, found.p_value) == (expected.difference, expected.p_value)
        lower = unpaired_difference(mean_interval(share(10, 40)), mean_interval(share(5, 40)))
        assert step.differences["hallucination"].difference == lower.difference
        assert lower.difference.point == -0.125
    told = [str(change) for change in step.changes]
    assert told == ([f"questions: 40 → 40, {40 - changed} of them unchanged"] if changed else [])


def test_what_changed_is_told(tmp_path: Path) -> None:
    one = {"mrr": [1.0, 0.0]}
    deep: dict[str, Json] = {"class": "x.Chain", "fields": {"stages": [{"class": "x.Retrieve", "fields": {"k": 5}}]}}
    other: dict[str, Json] = {"class": "x.Chain", "fields": {"stages": [{"class": "x.Retrieve", "fields": {"k": 8}}]}}
    changes: list[dict[str, Any]] = [
        {"models": {"chat": "m1", "embed": None}, "pipeline": deep, "source": "s" * 64, "params": {"k": 5}},
        {"models": {"chat": "m2", "embed": None}, "pipeline": deep, "source": "s" * 64, "params": {"k": 5}},
        {"models": {"chat": "m2", "embed": None}, "pipeline": other, "source": "s" * 64, "params": {"k": 5}},
        {"models": {"chat": "m2", "embed": None}, "pipeline": other, "source": "t" * 64, "params": {"k": 8, "n": 2}},
        {
            "models": {"chat": "m2", "embed": None},
            "pipeline": other,
            "source": "t" * 64,
            "params": {"k": 8, "n": 2},
            "prompts": {"answer": "a" * 64},
            "git_commit": "1" * 40,
            "benchmark": {"name": "other", "content_hash": "b" * 64, "corpus": "e" * 64},
            "seed": 1,
        },
        {
            "models": {"chat": "m2", "embed": None},
            "pipeline": other,
            "source": "t" * 64,
            "params": {"k": 8, "n": 2},
            "prompts": {"answer": "b" * 64},
            "git_commit": "2" * 40,
            "benchmark": {"name": "other", "content_hash": "b" * 64, "corpus": "e" * 64},
            "seed": 1,
            "versions": {"rageval": "0.2"},
        },
    ]
    nights(tmp_path, [one] * len(changes), changes)
    steps = read_trend([tmp_path]).series[0].steps
    assert [[str(change) for change in step.changes] for step in steps] == [
        ["model chat: m1 → m2"],
        ["setting 1.k: 5 → 8"],
        ["setting k: 5 → 8", "setting n: – → 2", "code pipeline: ssssssss → tttttttt"],
        [
            "benchmark corpus: cccccccc → eeeeeeee",
            "benchmark: small → other",
            "benchmark content: aaaaaaaa → bbbbbbbb",
            "setting seed: 0 → 1",
            "code commit: – → 11111111",
        ],
        ["prompt answer: aaaaaaaa → bbbbbbbb", "code commit: 11111111 → 22222222", "code rageval: – → 0.2"],
    ]


def test_another_judge_is_not_compared_and_a_metric_may_be_missing(tmp_path: Path) -> None:
    both = {"faithfulness": share(10, 20), "mrr": share(10, 20)}
    other: dict[str, Json] = {"claim_support": {"key": "claim_support-2", "model": "another"}}
    nights(tmp_path, [both, both, {"faithfulness": both["faithfulness"]}, both], [{}, {"judges": other}, {}, {}])
    steps = read_trend([tmp_path]).series[0].steps
    assert [{*step.differences} for step in steps] == [{"mrr"}, set(), {"faithfulness"}]
    assert steps[0].not_told["faithfulness"].startswith("faithfulness: found other judges (")
    assert "judge: critic → another" in [str(change) for change in steps[0].changes]
    assert steps[1].not_told["mrr"] == f"{tmp_path}/2026-11-03 has no mrr"
    assert steps[2].not_told == {"mrr": f"{tmp_path}/2026-11-03 has no mrr"}


def test_series_are_by_label_or_by_name(tmp_path: Path) -> None:
    one = {"mrr": [1.0, 0.0]}
    labels = ["naive(k=5)", "hyde", "naive(k=8)", "naive(k=5)"]
    nights(tmp_path, [one] * 4, [{"label": label} for label in labels])
    by_label = read_trend([tmp_path]).series
    assert [(series.pipeline, len(series.runs)) for series in by_label] == [
        ("naive(k=5)", 2), ("hyde", 1), ("naive(k=8)", 1)
    ]  # fmt: skip
    (by_name,) = read_trend([tmp_path], pipelines=["naive"], last=2).series
    assert [run.label for run in by_name.runs] == ["naive(k=8)", "naive(k=5)"]
    with pytest.raises(DeclarationError, match=r"--pipeline: found 'x', expected one of naive\(k=5\), hyde, "):
        read_trend([tmp_path], pipelines=["x"])
    with pytest.raises(DeclarationError, match=r"--metric: found ndcg@10 in no run, expected one of mrr"):
        read_trend([tmp_path], metrics=["ndcg@10"])


def label_some(run: JudgedRun, command_line: Any, n: int = 60) -> None:
    sheet = run.folder.path.with_suffix(".jsonl")
    assert command_line("sample", run.folder.path, "-m", run.name, "-n", n, "--out", sheet).code == 0
    fill(sheet, run.gold.get)
    assert command_line("label", run.folder.path, sheet).code == 0


def test_peoples_labels_correct_estimates_and_steps(tmp_path: Path, command_line: Any) -> None:
    runs = TwoJudgedRuns(tmp_path)
    runs.old.write_manifest(label="a", created="2026-11-01T00:00:00+00:00")
    runs.new.write_manifest(label="a", created="2026-11-02T00:00:00+00:00")

    def step() -> Any:
        return read_trend([tmp_path]).series[0].steps[0].differences["answer_relevance"]

    assert (step().how, step().judge_only, step().by_labels) == ("paired", True, False)
    label_some(runs.old, command_line)
    assert step().judge_only
    assert step().doubt.startswith("people labelled the baseline's answers alone")
    label_some(runs.new, command_line)
    assert (step().judge_only, step().by_labels, step().doubt) == (False, True, "")
    said = compare(runs.old.folder.path, runs.new.folder.path).comparisons["answer_relevance"]
    assert (step().difference, step().p_value) == (said.difference, said.p_value)


def test_unpaired_steps_are_of_the_estimates_shown(tmp_path: Path, command_line: Any) -> None:
    runs = TwoJudgedRuns(tmp_path)
    for day, one in enumerate((runs.old, runs.new), 1):
        one.write_manifest(label="a", created=f"2026-11-0{day}T00:00:00+00:00")
    lines = (runs.new.folder.path / "questions.jsonl").read_text("utf-8").splitlines()
    changed = [line.replace('"digest": ""', f'"digest": "{number:012}"') for number, line in enumerate(lines)]
    assert changed != lines
    (runs.new.folder.path / "questions.jsonl").write_text("".join(f"{line}\n" for line in changed), "utf-8")
    label_some(runs.old, command_line)
    trend = read_trend([tmp_path])
    old, new = (run.estimates["answer_relevance"] for run in trend.series[0].runs)
    (step,) = trend.series[0].steps
    found = step.differences["answer_relevance"]
    assert old is not None
    assert old.judge_only is not None
    assert new is not None
    assert (found.how, found.judge_only) == ("unpaired", True)
    assert found.doubt == "people labelled the answers of the run before alone"
    assert found.difference.point == pytest.approx(new.point - old.judge_only[0])
    label_some(runs.new, command_line)
    trend = read_trend([tmp_path])
    old, new = (run.estimates["answer_relevance"] for run in trend.series[0].runs)
    found = trend.series[0].steps[0].differences["answer_relevance"]
    assert old is not None
    assert new is not None
    assert (found.by_labels, found.judge_only, found.doubt) == (True, False, "")
    assert found.difference.point == pytest.approx(new.point - old.point)
    below = ((new.point - new.low) ** 2 + (old.high - old.point) ** 2) ** 0.5
    assert found.difference.low == pytest.approx(found.difference.point - below)
    assert found.difference.n == 120
