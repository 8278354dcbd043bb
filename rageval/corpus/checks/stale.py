"""Documents that are out of date: they say so, a newer version is there, or their date is old."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rageval.corpus.faults import Fault
from rageval.corpus.prose import excerpt
from rageval.corpus.readers.reading import find_date
from rageval.text.quotes import fold
from rageval.types import Document

_HEAD = 600  # characters in which a document speaks of itself
_WITHDRAWN = r"superseded|deprecated|obsolete|withdrawn|archived|retired|repealed|replaced|outdated|no longer \w+"
_PAPER = (
    r"document|page|version|policy|guide|manual|procedure|article|specification|standard|release|edition|notice|draft"
)
_SAYS_SO = re.compile(
    rf"^\W*(?:status|state)\W{{0,4}}(?:{_WITHDRAWN})"
    rf"|\bthis (?:{_PAPER}) (?:is|was|has been|became) (?:now )?(?:{_WITHDRAWN})\b"
    r"|^\W*(?:superseded|replaced) by\b"
    rf"|^\W*(?:{_WITHDRAWN})\W*$"
    r"|已废止|已作废|已失效|停止执行"
    r"|(?:本|该)(?:文件|文档|页面|版本|办法|规定|制度|通知|标准|手册)\w{0,12}(?:废止|作废|失效|过期|被\w{0,20}(?:取代|替代|代替))"
    r"|^\W*(?:状态|文件状态)\W{0,3}(?:废止|作废|失效|过期)"
    r"|^\W*(?:已)?被\w{0,20}(?:取代|替代|代替)",
    flags=re.IGNORECASE | re.MULTILINE,
)
_UNTIL = re.compile(
    r"(?:valid|effective|in force|applies) (?:until|through|up to)|expires?(?: on)?"
    r"|有效期(?:至|到|截至)|截止日期",
    flags=re.IGNORECASE,
)
_VERSION = re.compile(
    r"(?<![^\W_])(?:v|ver|version|rev|revision)[\s._-]*(\d+(?:\.\d+)*)(?!\w)|第\s*([0-9一二三四五六七八九十]+)\s*版|版本\s*(\d+(?:\.\d+)*)",
    flags=re.IGNORECASE,
)
_DIGITS = {digit: number for number, digit in enumerate("一二三四五六七八九十", start=1)}


def stale_faults(documents: Sequence[Document], *, today: str, older_than: str = "") -> Iterator[Fault]:
    """One fault at most for each document: it says near its beginning that it is superseded, or was valid until a day
    before `today`; the same title or id is there in a later version; or its `date` is before `older_than`. Days are
    `YYYY-MM-DD`; "" is none.
    """
    newer = _newer_versions(documents)
    for document in documents:
        if (note := _says_so(document.text, today)) or (note := newer.get(document.id, "")):
            yield Fault("stale", document.id, note)
        elif older_than and "" < (date := find_date(str(document.metadata.get("date", "")))) < older_than:
            yield Fault("stale", document.id, f"of {date}, before {older_than}")


def _says_so(text: str, today: str) -> str:
    head = text[:_HEAD]
    if found := _SAYS_SO.search(head):
        return f"says: {excerpt(head[found.start() :])}"
    for match in _UNTIL.finditer(head):
        if "" < (date := find_date(head[match.end() : match.end() + 16])) < today:
            return f"was valid until {date}"
    return ""


def _newer_versions(documents: Sequence[Document]) -> dict[str, str]:
    """By id, what to say of documents of which a later version is there."""
    found: dict[str, str] = {}
    for named in ([(one.title, one.id) for one in documents], [(one.id, one.id) for one in documents]):
        versions: dict[str, list[tuple[tuple[int, ...], str]]] = {}
        for written, doc_id in named:
            if match := _VERSION.search(written):
                family = fold(written[: match.start()] + " " + written[match.end() :])
                versions.setdefault(family, []).append((_number(match), doc_id))
        for family in versions.values():
            newest, newest_id = max(family)
            for number, older_id in family:
                if number < newest:
                    found.setdefault(older_id, f"an older version of {newest_id}")
    return found


def _number(match: re.Match[str]) -> tuple[int, ...]:
    written = next(filter(None, match.groups()))
    return tuple(_DIGITS.get(part) or (int(part) if part.isdecimal() else 0) for part in written.split("."))
