"""Personal data taken out of a log's records before anything of them is stored or sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from rageval.corpus.check import need_checks
from rageval.corpus.checks.personal import find_personal
from rageval.text.languages import Language, detect_language
from rageval.traffic.fields import FieldNames
from rageval.types import Json

_NAMED = ("id", "session")
_PLAIN = ("time", "latency_s", "latency_ms", "prompt_tokens", "completion_tokens", "cost")
_FEWEST_DIGITS = 7
_REGIONS: tuple[Language, ...] = ("zh", "en")


@dataclass
class Masker:
    """Replaces personal data in all texts of a record by what it is, such as `[e-mail]`: `corpus.checks.personal` finds
    it. Numbers of phones are looked for as they are written in both China and the United States.

    Ids and sessions that hold some get a number in its place, in the order in which they come, so that those which
    differ stay apart. `counts` is by kind, `answers` the number of records in which something was found. Raises
    MissingExtraError where the extra `corpus` is not installed.
    """

    names: FieldNames
    counts: Counter[str] = field(default_factory=Counter[str])
    answers: int = 0
    _numbers: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str], repr=False)

    def __post_init__(self) -> None:
        need_checks()

    def mask(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The record without personal data."""
        before = self.counts.total()
        special = {self.names.find(record, name)[0]: name for name in (*_NAMED, *_PLAIN)}
        masked: dict[str, Any] = {key: self._masked(one) for key, one in record.items() if key not in special}
        for spelling, name in special.items():  # a key with points is found before what it leads to
            if spelling:
                value = self.names.find(record, name)[1]
                masked[spelling] = value if name in _PLAIN else self._numbered(name, value)
        self.answers += self.counts.total() > before
        return masked

    def to_json(self) -> dict[str, Json]:
        """What was masked so far."""
        return {"answers": self.answers, "found": {**self.counts}}

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {key: self._masked(one) for key, one in cast("Mapping[str, Any]", value).items()}
        if isinstance(value, list | tuple):
            return [self._masked(one) for one in cast("Sequence[Any]", value)]
        if isinstance(value, int) and len(str(value)) >= _FEWEST_DIGITS:
            text = self._text(str(value))
            return value if text == str(value) else text
        return value

    def _text(self, text: str) -> str:
        own = detect_language(text[:200]) if any(map(str.isdecimal, text)) else "en"
        for language in dict.fromkeys((own, *_REGIONS)):
            found = find_personal(text, language, every_address=True)
            for what, start, end in reversed(found):
                self.counts[what] += 1
                text = f"{text[:start]}[{what}]{text[end:]}"
            if not any(map(str.isdecimal, text)):
                break
        return text

    def _numbered(self, name: str, value: Any) -> Any:
        if self._masked(value) == value:
            return value
        return self._numbers.setdefault((name, str(value)), f"{name}-{len(self._numbers) + 1}")
