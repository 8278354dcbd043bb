"""Ask questions in batches until a gate is decided, or until the questions or the budget are spent.

Every batch is read by `gate_sequentially`, whose verdict holds however often one looks. All batches go to one run
folder, whose run is finished after each: over the questions asked so far, in the order of reading.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from rageval.benchmark.selection import draw
from rageval.decide.sequential import SequentialGate, gate_sequentially
from rageval.errors import BudgetError, DeclarationError
from rageval.experiment.plan import Experiment
from rageval.experiment.run import Executor, open_run, run_experiment
from rageval.experiment.until import Until
from rageval.experiment.workers import OnProgress
from rageval.io.run_folder import RunFolder
from rageval.scores.reading import read_run_scores
from rageval.scores.run_scores import RunScores
from rageval.types import Json

StoppedBy: TypeAlias = Literal["decided", "questions", "budget"]

_NOTE = "asked until decided: "


@dataclass(frozen=True, slots=True)
class UntilDecided:
    """The finished `run` over the `asked` questions of `questions`, and why it stopped: the gate was decided, or no
    more questions, or no more budget was left. `gate` is None if a metric has no score on any question yet.
    """

    run: Path
    asked: int
    questions: int
    stopped_by: StoppedBy
    gate: SequentialGate | None

    @property
    def sentence(self) -> str:
        """Why it stopped, in words."""
        verdict = "inconclusive" if self.gate is None else self.gate.verdict
        why = {
            "decided": f"the gate is decided ({verdict})",
            "questions": f"all questions are asked and the gate is {verdict}",
            "budget": f"the budget is spent and the gate is {verdict}",
        }
        return f"stopped after {self.asked} of {self.questions} questions: {why[self.stopped_by]}"

    def to_json(self) -> dict[str, Json]:
        return {
            "asked": self.asked,
            "questions": self.questions,
            "stopped_by": self.stopped_by,
            "sentence": self.sentence,
            "gate": None if self.gate is None else self.gate.to_json(),
        }


def ask_until_decided(
    experiment: Experiment,
    out: Path,
    on_progress: OnProgress | None = None,
    *,
    retry_failed: bool = False,
    executor: Executor | None = None,
) -> UntilDecided:
    """Run an experiment that has `until`; arguments as `run_experiment`.

    An interrupted one goes on where it stopped. If the budget is spent within a batch, the run is finished over the
    batches before; the rest of what was answered stays in the caches. Raises BudgetError if it is spent within the
    first batch, else as `run_experiment` and `gate_sequentially`.
    """
    until = experiment.until
    if until is None:
        raise DeclarationError("until: found nothing, expected a gate to decide")
    total, size = len(experiment.questions), until.batch
    number = first = 1 if experiment.fresh else max(1, math.ceil(_answered(experiment, out) / size))
    reused: Json = None
    while True:
        part, stopped_by = _only(experiment, number * size), "questions"
        if number > first:
            part, retry_failed = replace(part, fresh=False), False
        try:
            (path,) = run_experiment(part, out, on_progress=on_progress, retry_failed=retry_failed, executor=executor)
        except BudgetError:
            if number == 1:
                raise
            part, stopped_by = replace(_only(experiment, (number - 1) * size), fresh=False), "budget"
            path = _finish(part, out)
        reused = reused or RunFolder(path).manifest()["reused"]
        gate = _read(until, path)
        if gate is not None and gate.verdict != "inconclusive":
            stopped_by = "decided"
        if stopped_by != "questions" or len(part.questions) == total:
            break
        number += 1
    found = UntilDecided(path, len(part.questions), total, stopped_by, gate)
    _note(found, until, reused, experiment.fresh)
    return found


def _answered(experiment: Experiment, out: Path) -> int:
    """How many questions were answered, or failed, by an earlier command."""
    return len(open_run(experiment, experiment.pipelines[0], out, {}).folder.outcomes(hits=False))


def _only(experiment: Experiment, first: int) -> Experiment:
    """The experiment with only its first questions in the order of reading; they stay in the benchmark's order."""
    order = sorted(experiment.questions, key=lambda question: draw(experiment.seed, question.id))
    chosen = {question.id for question in order[:first]}
    return replace(experiment, questions=tuple(q for q in experiment.questions if q.id in chosen))


def _finish(part: Experiment, out: Path) -> Path:
    """Finish the run over questions that are all answered, without what was begun of others."""
    folder = open_run(part, part.pipelines[0], out, {}).folder
    with folder.locked():
        folder.keep_only({question.id for question in part.questions})
    (path,) = run_experiment(part, out)
    return path


def _read(until: Until, path: Path) -> SequentialGate | None:
    """The gate over the questions asked so far; None while a metric has no question with a score in both runs."""
    run: RunScores = read_run_scores(path)
    for name in until.margins:
        if run.metrics[name].scores.keys().isdisjoint(until.baseline.metrics[name].scores):
            return None
    return gate_sequentially(until.baseline, run, until.margins, cluster_by="none")


def _note(found: UntilDecided, until: Until, reused: Json, fresh: bool) -> None:
    """Say in the manifest why the run stopped, and what the whole command reused."""
    folder = RunFolder(found.run)
    with folder.locked():
        manifest = folder.manifest()
        notes = [note for note in manifest["notes"] if not note.startswith(_NOTE)]
        verdict = "inconclusive" if found.gate is None else found.gate.verdict
        about: dict[str, Json] = {
            **until.to_json(),
            "asked": found.asked,
            "questions": found.questions,
            "stopped_by": found.stopped_by,
            "verdict": verdict,
        }
        changes = {"notes": [*notes, _NOTE + found.sentence], "reused": reused, "fresh": fresh, "until": about}
        folder.write_manifest({**manifest, **changes})
