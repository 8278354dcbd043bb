"""`rageval chunking`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import FormatFlag, JsonFlag, choose_format, print_found
from rageval.types import Json


def chunking(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML); its metrics do not matter.")],
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Say how well the chunkers of an experiment cut around the evidence (precision Ω), without retrieving."""
    import tempfile

    from rageval.errors import DeclarationError
    from rageval.experiment.plan import load_experiment
    from rageval.pipeline.parts import parts_of
    from rageval.report.chunking import chunking_printout
    from rageval.retrieval.chunkers import Chunker
    from rageval.scores.chunkings import ChunkingScores, score_chunking

    form = choose_format(output, as_json)
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
    chunkings: list[Json] = [{"pipeline": label, **scores.to_json()} for label, scores in rows]
    print_found(
        form,
        lambda: chunking_printout(planned.benchmark.name, rows),
        lambda: {"benchmark": planned.benchmark.name, "chunkings": chunkings},
    )
