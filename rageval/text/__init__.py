"""Text as languages need it: sentences, search words, token counts and citations."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Protocol, cast

from rageval.text.languages import Language, base_language, prompt_language

CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff"

_RUN = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+(?:['’][^\W_{CJK}]+)?")
_IS_CJK = re.compile(f"[{CJK}]")
_BOUNDARY = re.compile(
    r"(?P<zh>[。！？；…।॥؟۔]+[”’」』）】》\"')]*)"
    r"|(?P<en>[.!?]+[\"'”’)\]]*)(?=\s|$)"
    rf"|(?P<tight>[.!?]+)(?=[{CJK}])"
    r"|(?P<line>\n+)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?i:e\.g|i\.e|et al|etc|cf|vs|figs?|eqs?|sec|vol|pp?|dr|mrs?|ms|prof|approx|resp)|\b[A-Z])$"
)
_NUMBERING = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.)、:：）](?!\d))\s*")
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{CJK}{UNSPACED}]|[^\W_{CJK}{UNSPACED}]+|[^\w\s]|_")
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
_SCRIPT_RUN = re.compile(
    rf"(?P<unspaced>[{CJK}{UNSPACED}]+)"
    rf"|(?:[^\W_{CJK}{UNSPACED}]|[{_MARKS}])+(?:['’](?:[^\W_{CJK}{UNSPACED}]|[{_MARKS}])+)?"
)
_BIGRAMS = frozenset({"ja", "ko", "th", "lo", "km", "my"})
_SNOWBALL = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "cs": "czech", "da": "danish", "nl": "dutch",
    "eo": "esperanto", "et": "estonian", "fi": "finnish", "fr": "french", "de": "german", "el": "greek", "hi": "hindi",
    "hu": "hungarian", "id": "indonesian", "ga": "irish", "it": "italian", "lt": "lithuanian", "ne": "nepali",
    "no": "norwegian", "nb": "norwegian", "nn": "norwegian", "fa": "persian", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "st": "sesotho", "es": "spanish", "sv": "swedish",
    "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
_SPACES = " \t\u3000"
_OPEN, _CLOSE = "[［【", "]］】"
_MARKER = re.compile(rf"[{re.escape(_OPEN)}](\d{{1,3}}(?:\s*[,，、]\s*\d{{1,3}})*)[{re.escape(_CLOSE)}]")
_NUMBER = re.compile(r"\d+")
_NO_CITATION_AFTER = re.compile(rf"(?:[^\W{CJK}]|[{re.escape(_OPEN + _CLOSE)}]|第\s*)$")
_NO_CITATION_BEFORE = re.compile(rf"[^\W{CJK}]|[({re.escape(_CLOSE)}]")
_CHARACTERS_PER_LATIN_TOKEN = 5


def sentences(text: str) -> list[tuple[int, int]]:
    """Sentence spans of `text`, in order, without surrounding white space; they cover every visible character.

    Chinese sentences end after 。！？；… and closing quotes; English ones after . ! ? before white space, except after
    common abbreviations and single initials; a line break ends a sentence in either. Empty text has no sentences.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        before = text[max(start, match.start() - 8) : match.start()]
        if match["en"] == "." and _ABBREVIATION.search(before):
            continue
        _append_stripped(spans, text, start, match.end())
        start = match.end()
    _append_stripped(spans, text, start, len(text))
    return spans


def _append_stripped(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))


def count_tokens(text: str) -> int:
    """How many language-model tokens `text` takes, estimated without a tokenizer.

    A Chinese, Japanese, Korean or Thai character or a punctuation mark counts 1, a word 1 for every five letters begun.
    Against the Qwen2.5 tokenizer this is high by a tenth to a third, so a budget counted in it is kept.
    """
    total = 0
    for match in _TOKEN.finditer(text):
        total += 1 + (match.end() - match.start() - 1) // _CHARACTERS_PER_LATIN_TOKEN
    return total


def token_ends(text: str) -> list[int]:
    """Where each estimated token ends, rising: as many as `count_tokens` says. Those of a long word end within it."""
    return [
        min(start + _CHARACTERS_PER_LATIN_TOKEN, match.end())
        for match in _TOKEN.finditer(text)
        for start in range(match.start(), match.end(), _CHARACTERS_PER_LATIN_TOKEN)
    ]


def cut_at_sentence(text: str, tokens: int) -> str:
    """Return the longest beginning of `text` that ends with a sentence and takes at most so many estimated tokens.

    A text that fits is returned as it is. Where even the first sentence is too long, it is cut after a word, or after a
    Chinese character.
    """
    if len(text) <= tokens or count_tokens(text) <= tokens:  # a token has at least one character
        return text
    end = used = 0
    for start, stop in sentences(text):
        used += count_tokens(text[start:stop])
        if used > tokens:
            break
        end = stop
    return text[:end] or text[: end_of_tokens(text, tokens)].rstrip()


def end_of_tokens(text: str, tokens: int) -> int:
    """Where the first so many estimated tokens end, not within a word; a single word that is too long is cut."""
    used = end = 0
    for match in _TOKEN.finditer(text):
        size = 1 + (match.end() - match.start() - 1) // _CHARACTERS_PER_LATIN_TOKEN
        if used + size > tokens:
            return end or match.start() + tokens * _CHARACTERS_PER_LATIN_TOKEN
        used += size
        end = match.end()
    return end


def search_words(text: str, language: Language = "en") -> list[str]:
    """Words for lexical search: NFKC, lower case, Snowball stems for alphabetic words, jieba words for Chinese.

    Works on mixed text of English and Chinese whichever of the two it is said to be in. Chinese words are cut in
    jieba's search mode (long words also give their parts); single-character function words and English stop words are
    dropped. In other languages all words count, with Snowball's stems where it has the language; Japanese, Korean,
    Thai, Lao, Khmer and Burmese characters give bigrams, and the single character where it stands alone.
    """
    if prompt_language(language) != base_language(language):
        return _words_of_scripts(text, base_language(language))
    words: list[str] = []
    latin: list[str] = []
    for match in _RUN.finditer(unicodedata.normalize("NFKC", text).lower()):
        run = match.group()
        if _IS_CJK.match(run):
            words.extend(w for w in _jieba().cut_for_search(run) if w not in _CHINESE_STOP_WORDS)
        elif run not in _ENGLISH_STOP_WORDS:
            latin.append(run)
    return words + _stemmer().stemWords(latin)


def _words_of_scripts(text: str, language: Language) -> list[str]:
    words: list[str] = []
    alphabetic: list[str] = []
    for match in _SCRIPT_RUN.finditer(unicodedata.normalize("NFKC", text).lower()):
        run = match.group()
        if not match["unspaced"]:
            alphabetic.append(run)
        elif language not in _BIGRAMS and _IS_CJK.match(run):
            words.extend(word for word in _jieba().cut_for_search(run) if word not in _CHINESE_STOP_WORDS)
        else:
            words.extend(run[start : start + 2] for start in range(max(1, len(run) - 1)))
    stemmer = _stemmer_of(language)
    return words + (alphabetic if stemmer is None else stemmer.stemWords(alphabetic))


def reply_lines(text: str) -> list[str]:
    """The distinct lines of a reply, without list markers and quotes around them."""
    lines = (_NUMBERING.sub("", line).strip().strip("\"“”'") for line in text.split("\n"))
    return list(dict.fromkeys(line for line in lines if line))


def read_numbers(reply: str, most: int) -> list[int]:
    """The numbers from 1 to `most` that a reply such as `[2] > [1]` names, each where it is named first.

    Numbers in brackets count, [1, 2] and 【1】 too; where there are none, all numbers do. Other numbers are left out.
    """
    inside = [number for marker in _MARKER.findall(reply) for number in _NUMBER.findall(marker)]
    return [*dict.fromkeys(n for n in map(int, inside or _NUMBER.findall(reply)) if 1 <= n <= most)]


def take_citations(text: str, passages: int | None = None) -> tuple[str, list[int]]:
    """The text without its citations such as [1], [1, 2], ［1］ or 【1】, and the numbers in them, in order.

    Numbers in brackets are a citation where all of them name one of the `passages` that were given, counted from 1
    (without `passages`: where none is 0). All else stays: [0], and [793] where five passages were given; arr[1] and
    whatever else is glued to a letter or digit of Latin script; links such as [1](…); ordinals such as 第[3]条.
    """
    highest = 999 if passages is None else passages
    kept, numbers, end = "", list[int](), 0
    for match in _MARKER.finditer(text):
        named = [int(number) for number in _NUMBER.findall(match[1])]
        follows_a_citation = bool(numbers) and match.start() == end
        if not all(1 <= number <= highest for number in named) or _is_glued(text, match, follows_a_citation):
            continue
        kept += text[end : match.start()].rstrip(_SPACES)
        end = match.end()
        if not kept or kept.endswith("\n"):
            end = len(text) - len(text[end:].lstrip(_SPACES))
        numbers += named
    return (kept + text[end:]).strip(), numbers


def _is_glued(text: str, match: re.Match[str], follows_a_citation: bool) -> bool:
    """Whether the marker is part of what stands right before or behind it."""
    before = text[max(0, match.start() - 4) : match.start()]
    after_something = not follows_a_citation and _NO_CITATION_AFTER.search(before) is not None
    return after_something or _NO_CITATION_BEFORE.match(text, match.end()) is not None


class _Segmenter(Protocol):
    def cut_for_search(self, text: str, hmm: bool = True) -> list[str]: ...


class _Stemmer(Protocol):
    def stemWords(self, words: list[str]) -> list[str]: ...  # noqa: N802


@cache
def _jieba() -> _Segmenter:
    import rjieba

    return cast(_Segmenter, rjieba)


@cache
def _stemmer_of(language: Language) -> _Stemmer | None:
    """Snowball's stemmer of a language; None where it has none."""
    if language not in _SNOWBALL:
        return None
    import Stemmer

    return cast(_Stemmer, Stemmer.Stemmer(_SNOWBALL[language]))  # pyright: ignore[reportUnknownMemberType]


@cache
def _stemmer() -> _Stemmer:
    import Stemmer

    return cast(_Stemmer, Stemmer.Stemmer("english"))  # pyright: ignore[reportUnknownMemberType]


_ENGLISH_STOP_WORDS = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was will with".split()
)
_CHINESE_STOP_WORDS = frozenset(
    "的 了 和 是 在 与 及 或 也 都 就 而 着 吗 呢 吧 啊 把 被 让 从 到 对 为 以 于 之 其 这 那 它 们".split()
)
