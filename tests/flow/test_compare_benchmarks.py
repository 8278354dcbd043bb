"""`rageval compare-benchmarks`: the same pipelines on two benchmarks, by real runs and by written ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval import evaluate
from rageval.scores.scoring import scores_to_json
from rageval.types import Json, Score
from tests.conftest import CommandLine, Ended
from tests.flow.judged_run import JudgedRun
from tests.flow.small_world import write_benchmark

N = {"synth": 150, "human": 120}
LEVELS = (0.9, 0.7, 0.5, 0.3)


def done(ended: Ended) -> str:
    assert ended.code == 0, ended.err
    return ended.out


def written(folder: Path, benchmark: str, label: str, mean: float, seed: int, **changes: Any) -> JudgedRun:
    """A run of that pipeline whose scores are 0 or 1, at that rate."""
    run = JudgedRun(folder / f"{benchmark}-{label}", N[benchmark])
    rng = np.random.default_rng(seed)
    run.folder.write_scores(
        scores_to_json({run.metric: {q: Score(float(rng.random() < mean)) for q in run.folder.questions()}}, {})
    )
    about: Json = {"name": benchmark, "content_hash": f"{benchmark}0123456789", "corpus": benchmark}
    run.write_manifest(label=label, benchmark=about, **changes)
    return run


def world(folder: Path) -> list[Path]:
    """Four pipelines in the same order on both, with half of the differences on `human`."""
    runs = [
        written(
            folder, benchmark, f"p{place}", mean if benchmark == "synth" else 0.4 + (mean - 0.6) / 2, 10 * place + k
        )
        for place, mean in enumerate(LEVELS)
        for k, benchmark in enumerate(N)
    ]
    return [run.folder.path for run in runs]


def test_the_same_order_on_both(tmp_path: Path, command_line: CommandLine) -> None:
    runs = world(tmp_path)
    found = json.loads(done(command_line("compare-benchmarks", "synth", "human", *runs, "--format", "json")))
    assert (found["first"], found["second"], found["pipelines"]) == ("synth", "human", ["p0", "p1", "p2", "p3"])
    (one,) = found["metrics"].values()
    pairs = one["pairs"]
    assert (one["questions"], pairs["all"], pairs["opposite_order"]) == ([150, 120], 6, 0)
    assert pairs["same_order"] >= 3
    assert (one["tau"]["point"], one["tau"]["high"]) == (1.0, 1.0)
    assert one["tau"]["low"] == pytest.approx((pairs["same_order"] - pairs["not_told"]) / 6)
    assert one["slope"]["low"] <= 0.5 <= one["slope"]["high"]
    for offset, mean in zip(one["pipelines"], LEVELS, strict=True):
        assert offset["difference"]["point"] == pytest.approx(offset["first"]["point"] - offset["second"]["point"])
        assert offset["difference"]["low"] <= mean - (0.4 + (mean - 0.6) / 2) <= offset["difference"]["high"]
    means = [np.mean([o[side]["point"] for o in one["pipelines"]]) for side in ("first", "second")]
    assert one["average"]["difference"]["point"] == pytest.approx(means[0] - means[1])


def test_what_people_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    runs = world(tmp_path)
    for options in ([], ["--explain"]):
        printed = done(command_line("compare-benchmarks", "synth", "human", *runs, *options))
        assert max(map(len, printed.splitlines())) <= 80
        assert "of 6 pairs of pipelines" in " ".join(printed.split())
        assert ("† judge only, uncorrected" in " ".join(printed.split())) == (not options)
    assert "A bootstrap of tau is narrower and often wrong" in " ".join(printed.split())
    csv = done(command_line("compare-benchmarks", "synth", "human", *runs, "--format", "csv"))
    assert "tau low" in csv
    assert "p3" in csv
    for form in ("md", "latex", "html"):
        assert "p3" in done(command_line("compare-benchmarks", "synth", "human", *runs, "--format", form))


def test_runs_that_are_not_counted_are_named(tmp_path: Path, command_line: CommandLine) -> None:
    runs = world(tmp_path)
    alone = written(tmp_path, "synth", "alone", 0.5, 1).folder.path
    other = JudgedRun(tmp_path / "other").folder.path
    last = written(tmp_path / "again", "human", "p3", 0.3, 7, models={"chat": "another", "embed": None})
    shutil.rmtree(runs[-1])
    ended = command_line("compare-benchmarks", "synth", "human", *runs[:-1], last.folder.path, alone, other)
    told = " ".join(done(ended).split())
    assert f"left out: {alone}: no run of alone on the other benchmark" in told
    assert f"left out: {other}: on another benchmark (lakes)" in told
    assert "p3: the two runs differ in chat: writer and another" in told


@pytest.mark.parametrize(
    ("names", "chosen", "code", "told"),
    [
        (("synth", "humans"), slice(None), 2, "found no run on the benchmark 'humans', expected some"),
        (("synth", "synth0123"), slice(None), 2, "found the same benchmark in both"),
        (("synth", "human"), slice(0, 5), 4, "found 2 pipelines with a run on both benchmarks, expected 3 or more"),
        (("synth", "human", "-m", "ndcg@10"), slice(None), 4, "ndcg@10: found no score in "),
    ],
)
def test_what_is_refused(
    names: tuple[str, ...], chosen: slice, code: int, told: str, tmp_path: Path, command_line: CommandLine
) -> None:
    ended = command_line("compare-benchmarks", *names[:2], *world(tmp_path)[chosen], *names[2:])
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err


def test_two_runs_of_a_pipeline_and_other_judges_are_refused(tmp_path: Path, command_line: CommandLine) -> None:
    runs = world(tmp_path)
    again = written(tmp_path / "again", "human", "p3", 0.3, 7)
    ended = command_line("compare-benchmarks", "synth", "human", *runs, again.folder.path)
    assert (ended.code, "found a second run of p3 on human" in ended.err) == (2, True)
    shutil.rmtree(runs[-1])
    again.write_manifest(
        label="p3",
        benchmark={"name": "human", "content_hash": "human0123456789", "corpus": "human"},
        judges={"answer_relevance": {"key": "answer_relevance-2", "model": "other"}},
    )
    ended = command_line("compare-benchmarks", "synth", "human", *runs[:-1], again.folder.path)
    assert (ended.code, "found other judges" in ended.err) == (4, True)


def test_real_runs_on_two_small_benchmarks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    runs: list[Path] = []
    for name in ("small", "people"):
        card = write_benchmark(tmp_path / name) / "card.yaml"
        card.write_text(f"name: {name}\nlicense: CC0-1.0\n", encoding="utf-8")
        labels = tmp_path / name / "labels.tsv"
        if name == "people":
            labels.write_text(labels.read_text("utf-8").replace("en-1\tarlen\t2\n", "en-1\tarlen\t1\n"), "utf-8")
        pipelines: list[Any] = [{"naive": {"retriever": "bm25", "k": k}} for k in (1, 2, 3)]
        runs += evaluate(tmp_path / name, pipelines, ["recall@2", "mrr"], out=tmp_path / "results").runs
    printed = done(command_line("compare-benchmarks", "small", "people", *runs))
    told = " ".join(printed.split())
    assert "recall@2: of 3 pairs of pipelines 0 are surely in the same order on both" in told
    assert "naive(retriever=bm25, k=1)" in told or "k=1" in told
    assert max(map(len, printed.splitlines())) <= 80
