"""What `rageval list` says of a part."""

from __future__ import annotations

from dataclasses import dataclass, field

from rageval.report.names import first_sentence, settings_line


@dataclass(frozen=True)
class Part:
    """It cuts
    in two lines. And more.

    A second paragraph.
    """

    model: str
    size: int = 8
    by: str | None = None
    parts: tuple[object, ...] = (0.5, frozenset({1}))
    body: dict[str, str] = field(default_factory=dict[str, str])


def passed_on(**settings: object) -> object:
    return settings


def test_sentence_and_settings() -> None:
    assert first_sentence(Part) == "It cuts in two lines."
    assert settings_line(Part) == "model, size=8, by=none, parts=[0.5, frozenset], body"
    assert first_sentence(passed_on) == ""
    assert settings_line(passed_on) == ""
