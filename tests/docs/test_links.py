"""Every link of a page leads somewhere, by GitHub's rules; addresses are those of the public."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from website.links import ROOT, links

PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "benchmarks").rglob("*.md"),
        *(ROOT / "results").glob("*.md"),
    ]
)
PUBLIC = {"api.example.com", "api.openai.com", "NAME.openai.azure.com", "docs.ray.io", "github.com"}
"""Hosts that pages name. Whoever adds one looks at it: a page is read by everybody."""
LOOPBACK = {"127.0.0.1", "localhost"}

_HEADING = re.compile(r"^#{1,6} (.*?)\s*#*$", flags=re.MULTILINE)
_FENCE = re.compile(r"^(`{3,}).*?^\1`*$", flags=re.MULTILINE | re.DOTALL)
_ADDRESS = re.compile(r"\bhttps?://[^\s)\"'`>,]*")
_IP = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_OF_A_MACHINE = re.compile(r"(?<![\w.~])/(?:root|home|work|mnt|Users)/")


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives to the headings of a page."""
    seen: dict[str, int] = {}
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found.add(slug if slug not in seen else f"{slug}-{seen[slug]}")
        seen[slug] = seen.get(slug, 0) + 1
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    lost: list[str] = []
    for link in links(page.read_text(encoding="utf-8")):
        file = link.file(page)
        if not file.exists() or not file.is_relative_to(ROOT):
            lost.append(link.path)
        elif link.anchor and link.anchor not in anchors(file):
            lost.append(f"{link.path}#{link.anchor}")
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_addresses_are_public(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for address in _ADDRESS.findall(text):
        parts = urlsplit(address)
        assert parts.scheme == "https" or parts.hostname in LOOPBACK, address
        assert parts.netloc in PUBLIC or parts.hostname in LOOPBACK, address
    assert {*_IP.findall(text)} <= {"127.0.0.1"}
    assert _OF_A_MACHINE.findall(text) == []


def test_a_lost_link_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One `word`: two\n\n## One\n\n## One\n\n[a](page.md#one-1) `[b](c.md)`\n\n```\n[d](e.md)\n```\n", "utf-8"
    )
    assert anchors(page) == {"one-word-two", "one", "one-1"}
    assert [(link.path, link.anchor) for link in links(page.read_text("utf-8"))] == [("page.md", "one-1")]
