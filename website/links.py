"""Where a file of the repository stands in the site, and the links of a page between them.

Pages link to each other as GitHub needs it: relative to the page's own file. In the site the READMEs are the home
pages, and files outside `docs/` stand under `repository/`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
HOMES = {"README.md": "index.md", "README.zh.md": "zh/index.md"}
OUTSIDE = "repository"

_LINK = re.compile(r"(?<=\]\()([^()\s]+)(?=\))")
_CODE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1$|(?<!`)(`+)(?!`).*?(?<!`)\2(?!`)", flags=re.MULTILINE | re.DOTALL)
_ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class Link:
    """A relative link: `path` as it is written (empty within the page), `anchor` without `#` (may be empty)."""

    path: str
    anchor: str

    def file(self, page: Path) -> Path:
        """The file that it names, which need not exist."""
        return Path(os.path.normpath(page.parent / self.path)) if self.path else page


def links(text: str) -> Iterator[Link]:
    """The relative links of a page, in their order; code is left out."""
    for found in _LINK.findall(_CODE.sub("", text)):
        if not _ELSEWHERE.match(found):
            path, _, anchor = found.partition("#")
            yield Link(path, anchor)


def site_path(file: Path) -> str:
    """Where the page made of a file of the repository stands in the site, relative to its root."""
    inside = file.relative_to(ROOT).as_posix()
    if inside in HOMES:
        return HOMES[inside]
    if file.is_relative_to(DOCS):
        return file.relative_to(DOCS).as_posix()
    return f"{OUTSIDE}/{inside.removesuffix('.md')}.md"


def with_site_links(text: str, page: Path) -> str:
    """The text of the page in the file `page`, its links being those of the site."""
    here = PurePosixPath(site_path(page)).parent

    def moved(written: str) -> str:
        if _ELSEWHERE.match(written) or written.startswith("#"):
            return written
        path, hash_sign, anchor = written.partition("#")
        target = site_path(Link(path, anchor).file(page))
        return os.path.relpath(target, here).replace(os.sep, "/") + hash_sign + anchor

    return _outside_code(text, lambda prose: _LINK.sub(lambda match: moved(match[1]), prose))


def outside_files() -> list[Path]:
    """The files outside `docs/` that pages of the site link to, directly or through each other, in order of name."""
    pages = [ROOT / name for name in HOMES] + sorted(DOCS.rglob("*.md"))
    found: set[Path] = set()
    while pages:
        page = pages.pop()
        for link in links(page.read_text(encoding="utf-8")):
            file = link.file(page)
            inside = file.is_relative_to(DOCS) or file.relative_to(ROOT).as_posix() in HOMES
            if not inside and file.is_file() and file not in found:
                found.add(file)
                if file.suffix == ".md":
                    pages.append(file)
    return sorted(found)


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with what is no code changed."""
    parts: list[str] = []
    end = 0
    for code in _CODE.finditer(text):
        parts += [change(text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, change(text[end:])])
