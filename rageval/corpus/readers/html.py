"""HTML, through Beautiful Soup and markdownify."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, TypeAlias, cast
from warnings import catch_warnings, simplefilter

from rageval.corpus.readers.decoding import decode, refuse_binary
from rageval.corpus.readers.plain import split_heading
from rageval.corpus.readers.reading import EXTRA, Part, Read, RefusedFile, dated, find_date, tidy_line
from rageval.extras import need_package
from rageval.text.tidy import tidy

Tag: TypeAlias = Any
"""Beautiful Soup's; its stubs leave much unknown."""

_NEVER = "script, style, noscript, template, svg, iframe, object, nav, form, button, dialog, [hidden], " + ", ".join(
    f'[role="{role}"]' for role in ("navigation", "banner", "contentinfo", "search", "dialog", "alertdialog")
)
MOST_LEVELS = 150  # markdownify works by recursion
_BLOCKS = ("aside", "header", "footer", "figure", "figcaption", "address", "details", "summary", "main", "center")
_AROUND = ("header", "footer", "aside")
_CONTENT = ("main", "article")
_NOISE = re.compile(
    r"(?i)(?:^|[-_\s])(?:cookies?|consent|gdpr|breadcrumbs?|navbar|sidebar|skip-?link|share-?buttons?|advert\w*)"
    r"(?:$|[-_\s])"
)
_UNSEEN = re.compile(r"(?i)display\s*:\s*none|visibility\s*:\s*hidden")
_DATES = (
    'meta[property="article:modified_time"]',
    'meta[property="article:published_time"]',
    'meta[name="last-modified" i]',
    'meta[name="dcterms.modified" i]',
    'meta[name="date" i]',
    'meta[name="dcterms.date" i]',
    "time[datetime]",
)


def read_html(raw: bytes) -> Read:
    """The page's `main`, or else its body, as Markdown; the title is its first heading, or else `<title>`."""
    need_html()
    return Read((parse_html(decode_html(raw)),))


def need_html() -> None:
    """Raises MissingExtraError without the packages that read HTML."""
    for package in ("bs4", "markdownify"):
        need_package(package, EXTRA, "reading HTML")


def parse_html(text: str) -> Part:
    """The page as one document. Raises `RefusedFile` where it is nested too deeply."""
    page = _soup(text)
    title = page.title.get_text() if page.title else ""
    date = _date(page)
    return _part(to_markdown(_main(page)), title, date)


def to_markdown(html: Tag | str) -> str:
    """Markdown with headings, tables, lists and code. Links are their text, pictures their description.

    Raises `RefusedFile` where tags are nested more than `MOST_LEVELS` deep.
    """
    soup = _soup(html) if isinstance(html, str) else html
    for image in soup.find_all("img"):
        image.replace_with(str(image.get("alt") or ""))
    for block in soup.find_all(_BLOCKS):
        block.name = "div"
    module = cast("Any", import_module("markdownify"))
    converter = module.MarkdownConverter(
        heading_style="ATX",
        bullets="-",
        strip=["a"],
        escape_asterisks=False,
        escape_underscores=False,
        table_infer_header=True,
        code_language_callback=_code_language,
    )
    return tidy(converter.convert_soup(soup))


def _soup(text: str) -> Tag:
    module = cast("Any", import_module("bs4"))
    with catch_warnings():
        simplefilter("ignore", module.XMLParsedAsHTMLWarning)  # XHTML is meant
        simplefilter("ignore", module.MarkupResemblesLocatorWarning)
        soup = module.BeautifulSoup(text, "html.parser")
    level: list[Tag] = [soup]
    for _ in range(MOST_LEVELS):
        level = [child for tag in level for child in getattr(tag, "contents", ())]
        if not level:
            return soup
    raise RefusedFile(f"HTML that is nested too deeply: more than {MOST_LEVELS} levels")


def _part(markdown: str, title: str, date: str) -> Part:
    heading, text = split_heading(markdown)
    return Part(text, heading or tidy_line(title), metadata=dated(date))


def decode_html(raw: bytes) -> str:
    """By the encoding that the page declares, if its bytes agree."""
    declared = cast("Any", import_module("bs4.dammit")).EncodingDetector.find_declared_encoding(raw, is_html=True)
    refuse_binary(raw)
    try:
        return raw.decode("gb18030" if str(declared).lower() in ("gb2312", "gbk") else declared or "utf-8")
    except (UnicodeDecodeError, LookupError):
        return decode(raw)


def _main(page: Tag) -> Tag:
    """What the page is about: boilerplate is taken out of it."""
    for tag in page.select(_NEVER):
        tag.decompose()
    body = page.body or page
    whole = len(body.get_text())
    for tag in body.find_all(True):
        if not tag.decomposed and tag.name not in ("html", "body", *_CONTENT) and _is_noise(tag, whole):
            tag.decompose()
    for comment in page.find_all(string=_is_comment):
        comment.extract()
    mains = page.select('main, [role="main"]')
    return mains[0] if mains and mains[0].get_text().strip() else body


def _is_comment(text: object) -> bool:
    return type(text).__name__ in ("Comment", "Doctype", "Declaration", "ProcessingInstruction", "CData")


def _is_noise(tag: Tag, whole: int) -> bool:
    """Whether a tag is around the content, hidden, or called noise; never if it holds more than half of the page."""
    names = " ".join([str(tag.get("id") or ""), *(tag.get("class") or [])])
    named = tag.name in _AROUND and tag.find_parent(_CONTENT) is None
    if not (named or _NOISE.search(names) or _UNSEEN.search(str(tag.get("style") or ""))):
        return False
    return tag.find(_CONTENT) is None and len(tag.get_text()) * 2 <= whole


def _date(page: Tag) -> str:
    for selector in _DATES:
        for tag in page.select(selector):
            if date := find_date(str(tag.get("content") or tag.get("datetime") or "")):
                return date
    return ""


def _code_language(pre: Tag) -> str:
    """`python` for `<pre><code class="language-python">`."""
    code = pre.find("code") or pre
    classes = [str(name) for tag in (code, pre) for name in tag.get("class") or ()]
    return next((name.removeprefix("language-") for name in classes if name.startswith("language-")), "")
