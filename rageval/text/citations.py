"""Citations as answers write them, by sentence: [1], [1, 3], [1-3], 【1】, (Source 2), ^1, [^1], links."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rageval.text import CJK, sentences

_OPEN, _CLOSE = r"\[［【(（", r"\]］】)）"
_WORD = (
    r"(?:sources?|src|passages?|documents?|docs?|references?|refs?|citations?"
    r"|来源|资料|段落|文档|文献|参考资料|参考文献|参考|出处|引用)\s*[:：#.]?\s*"
)
_RANGE = r"\s*[-–—~～至到]\s*"
_PART = rf"\d{{1,3}}(?:{_RANGE}\d{{1,3}})?"
_LIST = rf"{_PART}(?:\s*(?:[,，、;；&]|and|和|与)\s*(?:{_WORD})?{_PART})*"
_IN_URL = rf"[^\s<>()\[\]\"'“”‘’，。；、！？（）【】［］{CJK}]"
_URL = rf"https?://{_IN_URL}*(?![.,;:!?]){_IN_URL}"
_MARKER = re.compile(
    rf"`[^`\n]*`"
    rf"|\[(?P<label>[^\[\]\n]{{0,200}})\]\((?P<link>{_URL})\)"
    rf"|\[\^(?P<footnote>\d{{1,3}})\]"
    rf"|[{_OPEN}]\s*{_WORD}(?P<named>{_LIST})\s*[{_CLOSE}]"
    rf"|(?<!第)[\[［【]\s*(?P<numbers>{_LIST})\s*[\]］】](?![^\W{CJK}]|\()"
    rf"|(?:(?<=[\s.,;:!?\"')，。；：！？”’）{CJK}])|(?<=[A-Za-z]{{3}}))\^(?P<raised>\d{{1,3}})(?!\w)"
    rf"|[{_OPEN}<]\s*(?P<enclosed>{_URL})\s*[{_CLOSE}>]"
    rf"|(?P<url>{_URL})",
    re.IGNORECASE,
)
_NOTE = re.compile(r"^[ \t]*\[\^(\d{1,3})\][:：][ \t]*(.*)$\n?", re.MULTILINE)
_ADDRESS = re.compile(rf"^[ \t]*\[(\d{{1,3}})\][:：]?[ \t]*({_URL})[ \t]*$\n?", re.MULTILINE)
_FROM_TO = re.compile(rf"(\d+)(?:{_RANGE}(\d+))?")
_NUMBER_ALONE = re.compile(rf"\s*\^?(?:{_WORD})?(?P<list>{_LIST})\s*", re.IGNORECASE)
_NUMBERED = ("footnote", "named", "numbers", "raised")
_BLANK = " \t\u3000"
_FEWEST_OF_A_TITLE = 4

_Places: TypeAlias = tuple[list[int], list[str]]
"""The places of the sources that a marker names, and the parts of it that name none."""


@dataclass(frozen=True, slots=True)
class Source:
    """A passage as a citation can name it: by its number, its title or an address (a URL)."""

    title: str = ""
    urls: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CitedSentence:
    """A sentence without its markers, the places (from 0) of the sources that they name, each once, and the markers
    that name none.
    """

    text: str
    cited: tuple[int, ...] = ()
    lost: tuple[str, ...] = ()


def urls_in(text: str) -> frozenset[str]:
    """The addresses in a text as they are compared: without scheme, `www.`, fragment and last slash."""
    return frozenset(map(_plain, re.findall(_URL, text, re.IGNORECASE)))


def cited_sentences(text: str, sources: Sequence[Source]) -> list[CitedSentence]:
    """The sentences of an answer with what they cite. `sources` are the passages in the order in which the answer
    numbers them, from 1.

    A marker belongs to the sentence that it stands in or right behind; one that begins a line, to the sentence after
    it. What has no letter, such as the number in a list, is joined to the next sentence. A footnote's definition
    (`[^1]: …`) is no sentence: the footnote names the sources whose address or title the definition has; where there
    is none, it counts by its number. An address is a citation where any source has one, and text otherwise. Lists with
    a 0 ([0, 1]), numbers of more than three digits ([2021]), `code` and ordinals (第[3]条) are text.
    """
    notes = [found for pattern in (_NOTE, _ADDRESS) for found in pattern.findall(text)]
    defined = {int(number): _named_in(said, sources) for number, said in notes}
    text = _ADDRESS.sub("", _NOTE.sub("", text))
    kept, end = "", 0
    placed: list[tuple[int, _Places]] = []
    for match in _MARKER.finditer(text):
        read = _read(match, sources, defined)
        if read is None:
            continue
        places, stays = read
        before = text[end : match.start()]
        kept += before if stays else before.rstrip(_BLANK)
        end = match.end()
        begins_line = not kept or kept.endswith("\n")
        placed.append((len(kept) + begins_line, places))
        kept += stays
        if begins_line and not stays:
            end = len(text) - len(text[end:].lstrip(_BLANK))
    kept += text[end:]
    spans = _statements(kept)
    cited: list[list[int]] = [[] for _ in spans]
    lost: list[list[str]] = [[] for _ in spans]
    for place, (named, unnamed) in placed if spans else ():
        i = max(0, sum(start < place for start, _ in spans) - 1)
        cited[i] += named
        lost[i] += unnamed
    return [
        CitedSentence(kept[start:stop], tuple(dict.fromkeys(some)), tuple(dict.fromkeys(none)))
        for (start, stop), some, none in zip(spans, cited, lost, strict=True)
    ]


def _read(
    match: re.Match[str], sources: Sequence[Source], defined: Mapping[int, list[int]]
) -> tuple[_Places, str] | None:
    """What a marker names, and the words that stay in its place; None for what is no marker."""
    url = match["link"] or match["enclosed"] or match["url"]
    label = match["label"] or ""
    alone = _NUMBER_ALONE.fullmatch(label)
    if url and any(source.urls for source in sources):
        named = [i for i, source in enumerate(sources) if _plain(url) in source.urls]
        return (named, [] if named else [url]), "" if alone else label
    listed = alone["list"] if alone else next(filter(None, map(match.group, _NUMBERED)), None)
    numbers = _numbers(listed or "")
    if not numbers or (url and not alone):
        return None
    named, unnamed = list[int](), list[str]()
    for number in numbers:
        if defined.get(number):
            named += defined[number]
        elif number <= len(sources):
            named.append(number - 1)
        else:
            unnamed.append(f"[{number}]")
    return (named, unnamed), ""


def _numbers(listed: str) -> list[int]:
    """The numbers of a list, ranges spelled out; none where it has a 0 or a range that does not rise."""
    found = list[int]()
    for first, last in _FROM_TO.findall(listed):
        spelled = range(int(first), int(last or first) + 1)
        if not spelled or not spelled[0]:
            return []
        found += spelled
    return found


def _named_in(definition: str, sources: Sequence[Source]) -> list[int]:
    """The sources whose address or title a definition has."""
    urls = urls_in(definition)
    return [
        i
        for i, source in enumerate(sources)
        if urls & source.urls or (len(source.title) >= _FEWEST_OF_A_TITLE and source.title in definition)
    ]


def _statements(text: str) -> list[tuple[int, int]]:
    """Sentence spans, those without a letter joined to the next one, the last of them to the one before."""
    spans = list[tuple[int, int]]()
    first: int | None = None
    for start, end in sentences(text):
        first = start if first is None else first
        if any(map(str.isalpha, text[start:end])):
            spans.append((first, end))
            first = None
    if first is not None:
        spans.append((spans.pop()[0] if spans else first, len(text.rstrip())))
    return spans


def _plain(url: str) -> str:
    address = url.partition("://")[2].partition("#")[0].rstrip("/")
    return address.removeprefix("www.").casefold()
