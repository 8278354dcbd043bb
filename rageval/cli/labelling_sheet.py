"""`rageval report --labelling sheet`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rageval.errors import DeclarationError


def write_labelling_sheet(runs: Sequence[Path], html: Path, kind: str, metric: str | None, language: str) -> None:
    """Write the latest sample of a run's metric as one HTML file that people fill in."""
    from rageval.io.run_folder import RunFolder, replace_text
    from rageval.metrics import parse
    from rageval.report.html.label_page import labelling_sheet

    if kind != "sheet":
        raise DeclarationError(f"--labelling: found {kind!r}, expected sheet")
    if metric is None or len(runs) != 1:
        found = f"{len(runs)} runs and {'no metric' if metric is None else metric}"
        raise DeclarationError(f"--labelling: found {found}, expected one run, and --metric")
    if html.exists():
        raise DeclarationError(f"{html}: found a file already there, expected none: name another with --html")
    text = labelling_sheet(RunFolder(runs[0]), str(parse(metric)), language=language)
    try:
        replace_text(html, text)
    except OSError as error:
        raise DeclarationError(f"{html}: cannot be written ({error.strerror}): choose another file") from None
    print(f"open it in a browser; what it saves goes to  rageval label {runs[0]} FILE", file=sys.stderr)
    print(html)
