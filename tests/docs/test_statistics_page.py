"""docs/statistics.md: the functions and pages that it names are there."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec

from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "statistics.md"
ROWS = re.findall(r"^\| [^|]+ \| [^|]+ \| ([^|]+) \| [^|]+ \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_functions_and_modules_of_the_table_are_there() -> None:
    named = {name for cell in ROWS for name in re.findall(r"`([a-z_][\w.]*)`", cell)}
    assert {"mean_interval", "paired_difference", "against_margin"} <= named
    assert [name for name in sorted(named) if not _is_there(name)] == []


def test_the_pages_of_the_overview_are_there() -> None:
    (overview,) = (text for language, text in blocks(PAGE) if not language)
    pages = re.findall(r"\b\w+\.md\b", overview)
    assert len(pages) > 3
    assert [page for page in pages if not (DOCS / page).is_file()] == []


def _is_there(name: str) -> bool:
    """Whether it is a function of `rageval.stats`, a module there, or a function of one."""
    package = "rageval.stats"
    if find_spec(f"{package}.{name.partition('.')[0]}") and "." not in name:
        return True
    module, _, function = f"{package}.{name}".rpartition(".")
    return callable(getattr(import_module(module), function, None))
