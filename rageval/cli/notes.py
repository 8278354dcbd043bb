"""What commands say of their runs that whoever reads the results should know."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rageval.types import Json


def tell_notes(runs: Sequence[Path]) -> dict[str, list[Json]]:
    """Prints the notes of these runs on standard error, each once, and returns them by the run's path."""
    from rageval.io.run_folder import RunFolder

    notes = {str(run): [*RunFolder(run).manifest().get("notes", ())] for run in runs}
    for note in dict.fromkeys(note for some in notes.values() for note in some):
        print(f"note: {note}", file=sys.stderr)
    return notes
