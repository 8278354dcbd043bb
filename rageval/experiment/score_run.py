"""Score the answers of a run, whose judgments are complete."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from rageval.experiment.environment import now
from rageval.experiment.notes import notes_on
from rageval.experiment.plan import Experiment
from rageval.metrics.verdicts import ABSTENTION, settled
from rageval.scores.asked_sample import only_asked
from rageval.scores.calibrations import apply_calibration
from rageval.scores.estimates import run_documents
from rageval.scores.repeats import judging_usages, pool_repeats
from rageval.scores.scoring import score_outcomes, scores_to_json
from rageval.scores.totals import totals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rageval.experiment.run import OpenRun
    from rageval.io.records import Outcome
    from rageval.scores.scoring import Scores
    from rageval.types import Json


def score_run(experiment: Experiment, run: OpenRun) -> None:
    """Write the scores of a run, whose questions have the mean over its repeats, and the manifest with its totals."""
    metrics = (*experiment.metrics, *run.added.metrics)

    def scores_of(one: OpenRun) -> Scores:
        judgments = {name: apply_calibration(entry, one.judgments[name]) for name, entry in one.all_entries.items()}
        scores = score_outcomes(
            metrics, experiment.benchmark, experiment.questions, one.outcomes, judgments, experiment.own_metrics
        )
        return only_asked(scores, run.added.entries)

    by_repeat = [scores_of(one) for one in run.repeats]
    run.folder.write_scores(scores_to_json(pool_repeats(by_repeat), run_documents(run.folder), by_repeat))
    keys = [str(entry["key"]) for entry in run.all_entries.values()]
    found = totals(
        _outcomes(experiment, run),
        chain.from_iterable(one.folder.indexing_usages() for one in run.repeats),
        {key: judging_usages([one.folder for one in run.repeats], key) for key in keys},
        chain.from_iterable(_outcomes(experiment, one) for one in run.others),
    )
    notes: list[Json] = [*(notes_on(experiment, run.pipeline) or run.notes)]
    run.write_manifest(metrics, status="complete", finished=now(), notes=notes, **found)


def _outcomes(experiment: Experiment, run: OpenRun) -> Iterator[Outcome]:
    """The outcomes, with what the judge `abstention` said, without hits."""
    outcomes, said = run.folder.outcomes(hits=False), run.judgments.get(ABSTENTION)
    return (settled(outcomes[q.id], said.get(q.id) if said else None) for q in experiment.questions)
