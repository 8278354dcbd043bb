"""One HTML page: its own styles and script, and its data as text that is never markup.

The page's Content-Security-Policy allows its own script and styles by their hashes and no request at all. Trusted Types
keep the script from writing markup, so whatever a text of a run holds stays text.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import cast

import yaml

from rageval.types import Json

_ASSETS = files("rageval.report.html") / "assets"
_LINE_ENDS = {0x2028: "\\u2028", 0x2029: "\\u2029", 0x3C: "\\u003c", 0x3E: "\\u003e", 0x26: "\\u0026"}


@dataclass(frozen=True, slots=True)
class Page:
    """What a page is made of: names of files in `assets`, to which the base is added.

    `texts` are YAML files with the words of the interface by key, English and Chinese. `connects` allows requests to
    the server that the page comes from, `loads_shards` scripts of the folder beside it.
    """

    title: str
    scripts: tuple[str, ...]
    styles: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    connects: bool = False
    loads_shards: bool = False


def page_text(page: Page, data: Json, blocks: Iterable[tuple[str, str]] = (), *, language: str = "") -> Iterator[str]:
    """The page, part by part. `data` is what its script starts with.

    `blocks` are further texts by name, as `packed` makes them, which the script reads when they are needed. `language`
    is that of the interface, `en` or `zh`; without one the browser's decides.
    """
    style = "\n".join(map(_asset, ("base.css", *page.styles)))
    script = "\n".join(map(_asset, ("dom.js", *page.scripts)))
    yield "<!doctype html>\n"
    yield f'<html lang="{html.escape(language or "en")}" data-language="{html.escape(language)}">\n<head>\n'
    yield '<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{html.escape(content_security_policy(page))}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
    yield f"<title>{html.escape(page.title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
    yield '<noscript>This page needs JavaScript. 此页面需要 JavaScript。</noscript>\n<div id="page"></div>\n'
    yield _json_block("texts", _texts(page.texts))
    yield _json_block("data", data)
    yield f"<script>{script}</script>\n"
    for name, text in blocks:
        yield f'<script type="text/plain" id="block-{html.escape(name)}">{text}</script>\n'
    yield "</body>\n</html>\n"


def content_security_policy(page: Page) -> str:
    """The policy of the page, also for the header of a server."""
    style = "\n".join(map(_asset, ("base.css", *page.styles)))
    script = "\n".join(map(_asset, ("dom.js", *page.scripts)))
    shards = " 'self' file:" if page.loads_shards else ""
    requests = "'self'" if page.connects else "'none'"
    trusted = "rageval-shards" if page.loads_shards else "'none'"
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_digest(script)}'{shards}",
            f"style-src '{_digest(style)}'",
            "img-src data: blob:",
            f"connect-src {requests}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            f"trusted-types {trusted}",
        )
    )


def packed(data: Json) -> str:
    """JSON as a compressed block: gzip, then base64."""
    plain = _json(data).encode()
    return base64.b64encode(gzip.compress(plain, compresslevel=6, mtime=0)).decode("ascii")


def _json_block(name: str, data: Json) -> str:
    return f'<script type="application/json" id="{name}">{_json(data).translate(_LINE_ENDS)}</script>\n'


def _json(data: Json) -> str:
    """Compact JSON, in which half a surrogate pair, which UTF-8 cannot hold, is written as its escape."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode(errors="backslashreplace").decode()


@cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


@cache
def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def _texts(names: tuple[str, ...]) -> dict[str, Json]:
    """The words of the interface by key, each `{"en": …, "zh": …}`."""
    found: dict[str, Json] = {}
    for name in ("base.yaml", *names):
        found |= cast(Mapping[str, Json], yaml.safe_load(_asset(name)))
    return found
