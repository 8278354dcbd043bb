"""Where the recipes and benchmarks that can be called by name lie: beside the user, in the checkout, in the wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

PACKAGE = Path(__file__).parents[1]


def find_shipped(kind: Literal["pipelines", "benchmarks"]) -> tuple[Path, ...]:
    """The folders that hold `kind`, in the order in which a name is looked up in them; each exists and occurs once.

    1. `./<kind>` of the current directory, so that one's own things come first;
    2. `<kind>` at the root of the checkout that this package runs from, where there is one (it has a `pyproject.toml`);
    3. `rageval/shipped/<kind>`, the copies inside the installed wheel.
    """
    candidates = [Path.cwd() / kind]
    checkout = PACKAGE.parent
    if (checkout / "pyproject.toml").is_file():
        candidates.append(checkout / kind)
    candidates.append(PACKAGE / "shipped" / kind)
    return tuple(dict.fromkeys(path.resolve() for path in candidates if path.is_dir()))
