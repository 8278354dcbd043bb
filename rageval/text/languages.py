"""The language of a text, as an ISO 639 code, and what is written by hand for it.

The script of a text tells Chinese, Japanese, Korean and Thai. For other scripts py3langid decides, which is loaded when
it is first needed; English is known by its function words before that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any, Protocol, TypeAlias, TypeVar, cast

Language: TypeAlias = str
T = TypeVar("T")

LANGUAGES: tuple[Language, ...] = ("en", "zh")
"""The languages in which prompts, instructions and refusals are written by hand."""

LANGUAGE_CODE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
A_LANGUAGE = "a code such as en"

_CODE = re.compile(LANGUAGE_CODE)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile("[\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fd-\u30ff\u31f0-\u31ff\uff66-\uff9d]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_THAI = re.compile("[\u0e01-\u0e5b]")
_LATIN_WORD = re.compile("[A-Za-z\u00c0-\u024f]+")
_LETTER = re.compile(r"[^\W\d_]")
_ENGLISH = frozenset(
    "the and this that these those with from which what who whom whose when where why how does did are were has had "
    "not its their they you your would should could there because into between about".split()
)
_HEAD = 600
_FEWEST_LETTERS = 12
_FEWEST_HAN = 12
_SURE = 0.6
_KANA_SHARE = 0.05
_SCRIPTS = {
    **dict.fromkeys(("zh", "ja", "ko"), "han"),
    **dict.fromkeys(("ru", "uk", "be", "bg", "mk", "sr", "kk", "ky", "mn"), "cyrillic"),
    **dict.fromkeys(("ar", "fa", "ur", "ps", "ug"), "arabic"),
    **dict.fromkeys(("hi", "mr", "ne"), "devanagari"),
}


class Guess(str):
    """The language of a text that is too short to tell: the likeliest of its script, until a benchmark knows more."""

    __slots__ = ()


class ByLanguage(dict[Language, T]):
    """What is written by hand in some languages; any other has that of its `prompt_language`."""

    def __missing__(self, language: Language) -> T:
        return self[prompt_language(language)]


def is_language(value: object) -> bool:
    """Whether it is a language code such as `de`, `pt-BR` or `zh-Hant`."""
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def base_language(language: Language) -> Language:
    """The code without region and script: `pt` for `pt-BR`."""
    return language.partition("-")[0]


def prompt_language(language: Language) -> Language:
    """The language in which a model is prompted for a text in `language`: the same where there are prompts, or `en`."""
    base = base_language(language)
    return base if base in LANGUAGES else LANGUAGES[0]


def detect_language(text: str) -> Language:
    """The code of the language that most of a text is in; a `Guess` where the text is too short to tell.

    Each Chinese, Japanese, Korean or Thai character counts as one word and so does each run of Latin letters. So `HyDE
    的全称是什么` (6 against 1) is Chinese, and an English sentence that quotes a Chinese name stays English. Even a few
    kana make a text Japanese, and Hangul make it Korean. A text without letters, the empty one too, is a guess at `en`.
    """
    han, kana, hangul, thai = (len(pattern.findall(text)) for pattern in (_HAN, _KANA, _HANGUL, _THAI))
    if text.isascii() or not han + kana + hangul + thai:
        return _detect_letters(text)
    words = len(_LATIN_WORD.findall(text))
    if han + kana + hangul < words and thai < words:
        return _detect_letters(_LETTERS_BUT_LATIN.sub(" ", text))
    if thai > han + kana + hangul:
        return "th"
    if hangul > kana and hangul * 3 >= han:
        return "ko"
    if kana >= _KANA_SHARE * (han + kana) and kana:
        return "ja"
    return "zh" if han >= _FEWEST_HAN else Guess("zh")


_LETTERS_BUT_LATIN = re.compile("[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3130-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")


def _detect_letters(text: str) -> Language:
    head = text[:_HEAD]
    words = _LATIN_WORD.findall(head.lower())
    english = sum(word in _ENGLISH for word in words)
    if english and english * 8 >= len(words):
        return "en"
    letters = len(_LETTER.findall(head))
    if not letters:
        return Guess(LANGUAGES[0])
    language, probability = _identifier().classify(head)
    if letters >= _FEWEST_LETTERS and probability >= _SURE and is_language(language):
        return language
    is_latin = len(_LETTER.findall("".join(words))) * 2 >= letters
    return Guess(LANGUAGES[0] if is_latin or not is_language(language) else language)


def in_order(languages: Iterable[Language]) -> list[Language]:
    """Each of these languages once: those of `LANGUAGES` first, then the others by their codes."""
    return sorted(map(str, set(languages)), key=lambda code: (code not in LANGUAGES, code))


def majority(languages: Iterable[Language]) -> dict[str, Language]:
    """By script, the language that most of these are in, guesses aside; of as many, the one that comes first."""
    counts = Counter(language for language in languages if not isinstance(language, Guess))
    found: dict[str, Language] = {}
    for language, _ in counts.most_common():
        found.setdefault(script_of(language), language)
    return found


def script_of(language: Language) -> str:
    """The name of the script, where several languages share it."""
    base = base_language(language)
    return _SCRIPTS.get(base, base if base in ("th", "he", "el", "ta", "te", "ka", "hy", "km", "lo", "my") else "latin")


def settle(language: Language, most: dict[str, Language]) -> Language:
    """A guess in the light of the `majority` of the texts around it; any other language as it is."""
    return Guess(most.get(script_of(language), language)) if isinstance(language, Guess) else language


class _Identifier(Protocol):
    def classify(self, text: str) -> tuple[str, float]: ...


@cache
def _identifier() -> _Identifier:
    module = cast(Any, import_module("py3langid.langid"))
    return cast(_Identifier, module.LanguageIdentifier.from_model_file(module.MODEL_FILE, norm_probs=True))
