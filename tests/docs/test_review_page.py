"""docs/review.md: its example runs as written and prints what is shown; the verdicts are those of the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from rageval.people.review import Verdict
from tests.docs.pages import DOCS, blocks, follow

PAGE = DOCS / "review.md"


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    printed = follow(PAGE, tmp_path)
    (shown,) = (text.strip() for language, text in blocks(PAGE) if language == "text")
    assert printed.count(shown) == 2


def test_the_verdicts_are_those_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^- `(\S+)`: ", text, flags=re.MULTILINE) == [*get_args(Verdict)]
