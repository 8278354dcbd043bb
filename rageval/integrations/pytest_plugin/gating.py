"""`assert_no_regression`, as a function and as a fixture."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import pytest

from rageval.integrations.pytest_plugin.running import RagRun
from rageval.integrations.pytest_plugin.sessions import PROPERTY, SESSION, fail_in_one_line, session_mark

if TYPE_CHECKING:
    from rageval.decide.gate import GateResult, MetricGate
    from rageval.scores.run_scores import RunScores
    from rageval.scores.sharing import ClusterBy

_WIDTH = 110
Comparable: TypeAlias = "RagRun | RunScores | str | Path"


def assert_no_regression(
    run: Comparable,
    baseline: Comparable,
    margins: Mapping[str, float | str],
    *,
    level: float = 0.95,
    cluster_by: ClusterBy | None = None,
    other_corpus: bool = False,
    allow_inconclusive: bool = False,
) -> GateResult:
    """Gate a run against a baseline, as `rageval.gate` does, without pytest's options and summary.

    Raises AssertionError with the report of `rageval gate` where the verdict is fail, and where it is inconclusive
    unless that is allowed; what `rageval.gate` raises where the two cannot be compared.
    """
    __tracebackhide__ = True
    from rageval.decide.gate import gate

    result = gate(
        _scores(baseline), _scores(run), margins, level=level, cluster_by=cluster_by, other_corpus=other_corpus
    )
    _require_pass(result, allow_inconclusive)
    return result


@dataclass(frozen=True, slots=True)
class AssertNoRegression:
    """What the fixture `assert_no_regression` is: the function of that name, with pytest's options and summary."""

    config: pytest.Config
    node: pytest.Item

    def __call__(
        self,
        run: RagRun,
        baseline: RagRun | str | Path | None = None,
        *,
        margins: Mapping[str, float | str],
        level: float = 0.95,
        cluster_by: ClusterBy | None = None,
        other_corpus: bool = False,
        allow_inconclusive: bool = False,
    ) -> GateResult:
        """Fail the test unless it is shown that no metric is worse by its margin; see docs/gate.md.

        `baseline` is another run, or a baseline by its name under `results/baselines` or its file. Without it, it is
        that of `--rageval-baseline`, or else the one named like the pipeline. With `--rageval-update-baseline` it is
        set from the run, and what comes back is the gate of the run against itself.
        """
        __tracebackhide__ = True
        with fail_in_one_line():
            from rageval.decide.cost_gate import split_margins
            from rageval.decide.gate import gate

            target = baseline if isinstance(baseline, RagRun) else self._file(run, baseline)
            if isinstance(target, Path) and self.config.getoption("rageval_update_baseline"):
                of_metrics, _ = split_margins(margins)  # what it cost today is what it may cost
                result = gate(run.scores, run.scores, of_metrics or margins, level=level, cluster_by=cluster_by)
                self._set(run, target, result)
                return result
            result = gate(
                self._read(target), run.scores, margins, level=level, cluster_by=cluster_by, other_corpus=other_corpus
            )
        allowed = ", which is allowed here" if allow_inconclusive and result.verdict == "inconclusive" else ""
        title = f"{result.candidate.label} against {result.baseline.label} ({result.baseline.source})"
        lines = [(one.verdict, one.sentence) for one in result.all_gates.values()]
        lines += [("inconclusive", line) for line in result.left_out.of_two]
        self._note(f"{title}: {result.verdict}{allowed}", lines)
        _require_pass(result, allow_inconclusive)
        return result

    def _file(self, run: RagRun, given: str | Path | None) -> Path:
        from rageval.io.file_names import to_file_name
        from rageval.scores.baselines import BASELINES

        option = cast("str | None", self.config.getoption("rageval_baseline"))
        path = Path(given or option or to_file_name(run.pipeline))
        if path.suffix == ".json" or len(path.parts) > 1:
            return self.config.rootpath / path
        return self.config.rootpath / BASELINES / f"{path}.json"

    def _read(self, target: RagRun | Path) -> RunScores:
        from rageval.errors import NotComparableError
        from rageval.scores.reading import read_run_scores

        if isinstance(target, RagRun):
            return target.scores
        shown = self._shown(target)
        if not target.exists():
            raise NotComparableError(
                f"{shown}: found no baseline: set it with  pytest --rageval-update-baseline  and commit it"
            )
        return replace(read_run_scores(os.path.relpath(target)), source=shown)

    def _set(self, run: RagRun, path: Path, itself: GateResult) -> None:
        """Sets the baseline, and keeps metrics that other tests of this session set from the same run."""
        from rageval.errors import DeclarationError
        from rageval.io.disk import locked
        from rageval.scores.baselines import pin, read_baseline

        scores, shown = run.scores, self._shown(path)
        done = session_mark(self.config.rootpath, self.config.stash[SESSION], shown)
        with locked(done):
            if done.exists():
                before = read_baseline(path)
                if before.fingerprint != scores.fingerprint:
                    raise DeclarationError(
                        f"{shown}: found that this session set it from {before.label} already, expected one run for "
                        f"each baseline: give {scores.label} another baseline or name"
                    )
                scores = replace(
                    scores,
                    metrics={**before.metrics, **scores.metrics},
                    judges={**before.judges, **scores.judges},
                    models={**before.models, **scores.models},
                    settings={**before.settings, **scores.settings},
                )
            pin(scores, path)
            done.touch()
        failed = max(len(metric.failed) for metric in run.scores.metrics.values())
        title = f"{shown} is set from {scores.label}, nothing is compared"
        lines = [("inconclusive", f"{failed} of its {len(scores.questions)} questions failed")] if failed else []
        lines += [("inconclusive", _asks_too_much(one)) for one in itself.gates.values() if one.verdict != "pass"]
        self._note(title, lines)

    def _shown(self, path: Path) -> str:
        return os.path.relpath(path, self.config.rootpath)

    def _note(self, title: str, lines: Sequence[tuple[str, str]]) -> None:
        """Stores the note as a test property: pytest-xdist workers return it, and it goes into JUnit XML."""
        self.node.user_properties.append((PROPERTY, json.dumps({"title": title, "lines": lines})))


@pytest.fixture(name="assert_no_regression")
def gate_fixture(request: pytest.FixtureRequest) -> AssertNoRegression:  # pyright: ignore[reportUnusedFunction]
    """Fails the test where a run got worse: `assert_no_regression(run, margins={"ndcg@10": 0.05})`."""
    return AssertNoRegression(request.config, request.node)


def _scores(given: Comparable) -> RunScores:
    from rageval.scores.reading import read_run_scores
    from rageval.scores.run_scores import RunScores

    if isinstance(given, RagRun):
        return given.scores
    return given if isinstance(given, RunScores) else read_run_scores(given)


def _require_pass(result: GateResult, allow_inconclusive: bool) -> None:
    __tracebackhide__ = True
    if result.verdict == "pass" or (result.verdict == "inconclusive" and allow_inconclusive):
        return
    from rageval.report.gate_printout import gate_printout
    from rageval.report.tables.terminal import terminal_text

    first = next(one.sentence for one in result.all_gates.values() if one.verdict == result.verdict)
    raise AssertionError(f"{first}\n\n{terminal_text(gate_printout(result), _WIDTH, explain=True)}")


def _asks_too_much(one: MetricGate) -> str:
    """That the run would not pass a gate against itself."""
    least = "none" if one.smallest_margin is None else f"{one.smallest_margin:.3f}"
    return (
        f"{one.pairs.metric}: margin {one.margin:g} is too small for {one.pairs.n} questions; the smallest that an "
        f"equally good run passes with probability 0.8: {least}"
    )
