"""What whoever reads a run's results should know, beside the results: kept in its manifest, told at its end."""

from __future__ import annotations

from rageval.errors import DeclarationError
from rageval.experiment.judging import need_embedder
from rageval.experiment.plan import Experiment
from rageval.io.run_folder import RunFolder
from rageval.pipeline import Pipeline


def notes_on(experiment: Experiment, pipeline: Pipeline) -> tuple[str, ...]:
    """What the embedder says of the texts that it got so far; nothing where neither pipeline nor judges use it."""
    embeds = "embed" in pipeline.stage.needs(experiment.generate) or need_embedder(experiment.judges)
    return tuple(getattr(experiment.models_of(pipeline).embedder, "notes", ())) if embeds else ()


def read_notes(folder: RunFolder) -> tuple[str, ...]:
    """The notes of the run in that folder; none where it holds no run that this version can read."""
    try:
        return tuple(folder.manifest().get("notes", ()))
    except DeclarationError:
        return ()
