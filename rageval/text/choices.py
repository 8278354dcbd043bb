"""Which option of a multiple choice question does an answer choose?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from rageval.text.languages import Language, prompt_language
from rageval.text.normal_words import normal_words

_ALONE = re.compile(r"^\W*([A-Z])(?:\s*[.)\]:：、,，．）】]|\W*$|\s*\n)")
_NAMED = re.compile(
    r"(?:\b(?:answer|option|choice|choose|select)\b(?:\s+(?:is|would be|should be))?"
    r"|答案(?:是|为|应为|选)?|选项?|应选|故选)"
    r"\s*[:：]?\s*[\"'“‘(\[（【*]*([A-Z])(?![A-Za-z])",
    re.IGNORECASE,
)


def chosen_option(answer: str, options: Sequence[str], language: Language) -> int | None:
    """The place (from 0) of the option that an answer chooses; None where it names none, or several.

    It chooses by the letter that it begins with (`B`, `B. …`, `(B)`), or else by letters that it calls the answer
    (`The answer is B`, `答案是B`, `选B`), or else by the text of an option, normalised: of options that are in the
    answer, one that holds all others counts.
    """
    letters = ascii_uppercase[: len(options)]
    begins = _ALONE.match(answer)
    if begins and begins[1] in letters:
        return letters.index(begins[1])
    named = {letter for letter in _NAMED.findall(answer) if letter in letters}
    if named:
        return letters.index(named.pop()) if len(named) == 1 else None
    text = _padded(answer, language)
    said = {place: words for place, option in enumerate(options) if (words := _padded(option, language)) in text}
    longest = max(said, key=lambda place: len(said[place]), default=None)
    if longest is None or any(words not in said[longest] for words in said.values()):
        return None
    return longest


def _padded(text: str, language: Language) -> str:
    """Normalised words between spaces, so that none is found within another; Chinese has none to part its words."""
    words = normal_words(text, language)
    return "".join(words) if prompt_language(language) == "zh" else f" {' '.join(words)} "
