"""`rageval sample --active`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rageval.io.run_folder import RunFolder


def sample_active(folder: RunFolder, metric: str, n: int, against: Path | None, seed: int, out: Path | None) -> None:
    """Draw where the judge is in doubt, and write the sheet of the run, and that of the run to compare with."""
    from rageval.io.run_folder import RunFolder
    from rageval.people.active_sampling import draw_active, draw_against
    from rageval.people.attach import store_sample
    from rageval.people.sheet import check_sheet_path, write_sheet
    from rageval.scores.human_labels import run_name

    sheet = out or Path(f"{run_name(folder)}-{metric}.jsonl")
    folders, sheets = [folder], [sheet]
    if against is None:
        samples = [draw_active(folder, metric, n, seed=seed)]
    else:
        folders.append(RunFolder(against))
        sheets.append(sheet.with_stem(f"{sheet.stem}-baseline"))
        samples = [*draw_against(folder, folders[1], metric, n, seed=seed)]
    for sample, path in zip(samples, sheets, strict=True):
        if sample.to_label:
            check_sheet_path(path)
    for one, sample, path in zip(folders, samples, sheets, strict=True):
        left = len(sample.to_label)
        print(f"{one.path}: {n} draws of {len(sample.drawn)} questions, {left} to label", file=sys.stderr)
        if left:
            write_sheet(one, sample, path)
        store_sample(one, sample)
        if left:
            print(f"fill in `label` (and `annotator`), then:  rageval label {one.path} {path}", file=sys.stderr)
            print(path)
        else:
            print("nothing is left to label", file=sys.stderr)
