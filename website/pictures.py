"""Pictures that the build draws from the recorded tour, and where pages ask for them.

A page says `<!-- picture: NAME (what it shows) -->`, of which GitHub shows nothing.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from rageval.decide.leaderboard import read_leaderboard
from rageval.experiment.plan import load_experiment
from rageval.experiment.run import run_experiment
from rageval.models.cache_folder import import_cache
from rageval.report.pictures.leaderboard import draw_leaderboard
from website.links import ROOT

EXPERIMENT = ROOT / "benchmarks" / "tour.yaml"
RECORDING = ROOT / "benchmarks" / "tour.jsonl.gz"

_WANTED = re.compile(r"<!-- picture: (\w+) \(([^)]*)\) -->")


def replay(out: Path) -> list[Path]:
    """Replay the recorded tour into the folder `out` and return the folders of its runs. Asks no model."""
    import_cache(out / "cache", RECORDING)
    with load_experiment(EXPERIMENT, out / "cache", offline=True) as planned:
        return run_experiment(planned, out)


def with_pictures(text: str, place: str) -> str:
    """The text of the page at that place in the site, with its pictures. Raises KeyError for one that nobody draws."""

    def shown(match: re.Match[str]) -> str:
        name, alternative = match.groups()
        target = {PurePosixPath(path).stem: path for path in PICTURES}[name]
        return f"![{alternative}]({os.path.relpath(target, PurePosixPath(place).parent)})"

    return _WANTED.sub(shown, text)


def _draw_leaderboard() -> str:
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "leaderboard.svg")
        draw_leaderboard(read_leaderboard(replay(Path(folder))), picture)
        return picture.read_text(encoding="utf-8")


PICTURES: dict[str, Callable[[], str]] = {"pictures/leaderboard.svg": _draw_leaderboard}
