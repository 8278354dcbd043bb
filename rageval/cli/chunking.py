"""`rageval chunking`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import JsonFlag, print_json
from rageval.types import Json


def chunking(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML); its metrics do not matter.")],
    as_json: JsonFlag = False,
) -> None:
    """Say how well the chunkers of an experiment cut around the evidence (precision Ω), without retrieving."""
    import tempfile

    from rageval.errors import DeclarationError
    from rageval.experiment.plan import load_experiment
    from rageval.pipeline.parts import parts_of
    from rageval.report.compare import print_table
    from rageval.report.leaderboard import number_cell
    from rageval.report.terminal import stdout_console
    from rageval.retrieval.chunkers import Chunker
    from rageval.scores.chunkings import ChunkingScores, score_chunking

    with tempfile.TemporaryDirectory() as scratch, load_experiment(experiment, Path(scratch)) as planned:
        scored: dict[Chunker, ChunkingScores] = {}
        rows: list[tuple[str, ChunkingScores]] = []
        for pipeline in planned.pipelines:
            held = (getattr(part, "chunker", None) for part in parts_of(pipeline.stage))
            for chunker in dict.fromkeys(one for one in held if isinstance(one, Chunker)):
                if chunker not in scored:
                    scored[chunker] = score_chunking(planned.benchmark, chunker, planned.questions)
                rows.append((pipeline.label, scored[chunker]))
    if not rows:
        raise DeclarationError(f"{experiment}: found no pipeline with a chunker, expected one, such as naive")
    if as_json:
        chunkings: list[Json] = [{"pipeline": label, **scores.to_json()} for label, scores in rows]
        print_json({"benchmark": planned.benchmark.name, "chunkings": chunkings})
        return
    print_table(
        ("pipeline", "passages", "characters", "precision Ω"),
        [
            (label, f"{scores.passages:,}", f"{scores.mean_characters:,.0f}", number_cell(scores.precision_omega))
            for label, scores in rows
        ],
        stdout_console(),
    )
