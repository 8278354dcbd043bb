"""docs/stories.md holds what its script computes now."""

from __future__ import annotations

from pathlib import Path

from tests.docs.stories import PAGE, make_page


def test_the_stories_are_what_is_computed(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == make_page(tmp_path), "run `python -m tests.docs.stories`"
    assert "**fail**" in text
    assert 'verdict is "cannot be told apart"' in text
    assert "B is **worse**, and the gate\n**fails**" in text
