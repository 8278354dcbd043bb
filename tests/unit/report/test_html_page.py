"""Pages for the browser: what is in the file, whatever the texts are."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
import yaml

from rageval.report.html.page import Page, content_security_policy, packed, page_text
from rageval.report.html.write import SCRIPTS

ASSETS = files("rageval.report.html") / "assets"
NASTY = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "\u2028\u2029",
    "&lt;&amp;",
    "<\\/script>",
    "\"'`",
    "\x00",
    "漢字 🌊",
]


class _Scripts(HTMLParser):
    """The scripts of a page by their type and id, and its policy."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[tuple[str, str], str] = {}
        self.policy = ""
        self._in: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "style"):
            self._in = (given.get("type") or tag, given.get("id") or "")
            self.found[self._in] = ""
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._in = None

    def handle_data(self, data: str) -> None:
        if self._in is not None:
            self.found[self._in] += data


def _parsed(page: Page, data: object, **options: object) -> _Scripts:
    parser = _Scripts()
    parser.feed("".join(page_text(page, data, **options)))  # type: ignore[arg-type]
    return parser


def test_texts_never_leave_their_block() -> None:
    data = {text: [text] for text in NASTY}
    found = _parsed(Page("</title><script>x</script>", SCRIPTS), data).found
    assert json.loads(found["application/json", "data"]) == data
    assert set(found) == {("style", ""), ("application/json", "texts"), ("application/json", "data"), ("script", "")}


def test_the_policy_allows_the_own_script_and_styles_alone() -> None:
    parsed = _parsed(Page("x", SCRIPTS, ("report.css",)), {})
    policy = dict(part.split(" ", 1) for part in parsed.policy.split("; "))
    for kind, source in (("script", parsed.found["script", ""]), ("style", parsed.found["style", ""])):
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert policy[f"{kind}-src"] == f"'sha256-{digest}'"
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"


@pytest.mark.parametrize(
    ("page", "directive", "value"),
    [
        (Page("x", (), connects=True), "connect-src", "'self'"),
        (Page("x", (), loads_shards=True), "trusted-types", "rageval-shards"),
    ],
)
def test_the_policy_of_other_pages(page: Page, directive: str, value: str) -> None:
    assert f"{directive} {value}" in content_security_policy(page).split("; ")


def test_packed_texts_come_back() -> None:
    data = {"texts": NASTY, "lone surrogate": "\ud800"}
    text = packed(data)
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", text)
    assert json.loads(gzip.decompress(base64.b64decode(text)).decode(errors="surrogatepass")) == data


def test_every_word_of_the_interface_is_there_in_both_languages_and_used() -> None:
    pages = {"base.yaml": ["dom.js", "report.js"], "report.yaml": [*SCRIPTS]}
    words = {name: yaml.safe_load((ASSETS / name).read_text("utf-8")) for name in pages}
    known = {key for texts in words.values() for key in texts}
    for texts in words.values():
        for key, said in texts.items():
            assert set(said) == {"en", "zh"}, key
            assert all(isinstance(one, str) and one for one in said.values()), key
            assert set(re.findall(r"{\w+}", said["en"])) == set(re.findall(r"{\w+}", said["zh"])), key
    script = "\n".join((ASSETS / name).read_text("utf-8") for name in ("dom.js", *SCRIPTS))
    for key in re.findall(r'\bt\("(\w+)"', script):
        assert key in known, key
    prefixes = tuple(prefix for prefix in re.findall(r"\bt\(`(\w*)\$", script) if prefix)
    quoted = {*re.findall(r'"(\w+)"', script), *re.findall(r"^  (\w+): {", script, re.MULTILINE)}
    unused = {key for key in words["report.yaml"] if key not in quoted and not key.startswith(prefixes)}
    assert not unused
