"""What MkDocs calls while it builds the site: pages that are made, links, languages, and search in Chinese."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify
from rjieba import cut

from website.links import DOCS, HOMES, ROOT, outside_files, site_path, with_site_links
from website.pictures import PICTURES, with_pictures
from website.reference import PAGES

_CHINESE = "zh/"
_HAN = re.compile(r"[\u3400-\u9fff]+")
_BREAK = "\u200b"
_WORKER = Path(__file__).with_name("iframe-worker.js")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Headings get the anchors that they have on GitHub."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is not under `docs/`: home pages, files that pages link to, the reference, pictures."""
    for place, file in _from_outside().items():
        files.append(File.generated(config, place, content=_as_page(file)))
    for place, make in PAGES.items():
        files.append(File.generated(config, place, content=make()))
    for place, draw in PICTURES.items():
        files.append(File.generated(config, place, content=draw()))
    files.append(File.generated(config, f"javascripts/{_WORKER.name}", content=_WORKER.read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links and pictures as they are in the site."""
    place = page.file.src_uri
    if place in PAGES:
        return markdown
    return with_pictures(with_site_links(markdown, _from_outside().get(place, DOCS / place)), place)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Chinese pages say that they are Chinese."""
    if not page.file.src_uri.startswith(_CHINESE):
        return output
    return output.replace('<html lang="en"', '<html lang="zh"', 1)


def on_post_build(config: MkDocsConfig) -> None:
    """Cut the Chinese of the search index into words, before the plugin `offline` copies it."""
    path = Path(config.site_dir) / "search" / "search_index.json"
    index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for entry in index["docs"]:
        entry["title"], entry["text"] = (_HAN.sub(_cut, entry[key]) for key in ("title", "text"))
    path.write_text(json.dumps(index, separators=(",", ":")), encoding="utf-8")


@cache
def _from_outside() -> dict[str, Path]:
    """The files outside `docs/` that the site has, by their places in it."""
    return {site_path(file): file for file in [ROOT / name for name in HOMES] + outside_files()}


def _cut(words: re.Match[str]) -> str:
    return f"{_BREAK}{_BREAK.join(cut(words[0]))}{_BREAK}"


def _as_page(file: Path) -> str:
    """A page as it is, any other file as code."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        return text
    return f"# {file.relative_to(ROOT).as_posix()}\n\n````{file.suffix.removeprefix('.')}\n{text}````\n"
