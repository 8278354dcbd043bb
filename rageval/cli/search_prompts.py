"""`rageval search-prompts`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import ExplainFlag, FormatFlag, JsonFlag, choose_format, end_interrupted, print_found


def search_prompts(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML) with one composed pipeline.")],
    setting: Annotated[str, typer.Option(help="The prompt to search for, such as answer.prompt.")] = "answer.prompt",
    candidates: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="A folder of candidate prompts (*.yaml).")
    ] = None,
    rounds: Annotated[int, typer.Option(min=0, max=20, help="How often the model proposes prompts.")] = 0,
    proposals: Annotated[int, typer.Option(min=1, max=20, help="How many it proposes each time.")] = 2,
    share: Annotated[float, typer.Option(help="The share of the questions that choose.")] = 0.5,
    out: Annotated[Path, typer.Option(help="Where runs, caches, proposals and sweeps/NAME-prompts.md go.")] = Path(
        "results"
    ),
    output: FormatFlag = "terminal",
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Try prompts on one part of the questions, and report the best on the other."""
    from rageval.decide.prompt_search import search_prompts as search
    from rageval.decide.sweep import read_sweep
    from rageval.errors import DeclarationError
    from rageval.io.run_folder import replace_text, write_json
    from rageval.report.choosing import choice_lines, search_lines
    from rageval.report.progress import progress_bars
    from rageval.report.sweep import markdown
    from rageval.report.sweep_printout import sweep_printout

    form = choose_format(output, as_json)
    files = [] if candidates is None else sorted(os.path.relpath(path) for path in candidates.glob("*.yaml"))
    if not files and not rounds:
        raise DeclarationError(
            "search-prompts: found no candidates, expected --candidates with a folder of .yaml files, --rounds, or both"
        )
    with progress_bars() as bars:
        try:
            pipelines, runs, found = search(
                experiment,
                setting,
                files,
                out,
                rounds=rounds,
                proposals=proposals,
                share=share,
                on_progress=bars.questions,
            )
        except KeyboardInterrupt:
            bars.stop()
            end_interrupted("everything done so far", out)
    result = read_sweep(runs, pipelines)
    text = choice_lines(found.choice) + "\n".join([*search_lines(found), "", markdown(result)])
    page = out / "sweeps" / f"{experiment.stem}-prompts.md"
    replace_text(page, text)
    content = {**result.to_json(), "choice": found.choice.to_json(), "search": found.to_json()}
    write_json(page.with_suffix(".json"), content)
    print_found(
        form,
        lambda: sweep_printout(result, None, found.choice, search_lines(found)),
        lambda: content,
        markdown=lambda: text,
        explain=explain,
    )
    print(page, file=sys.stderr)
