"""Pictures and scanned pages: what is recognised in those of the folder `pictures`, and what is told without it."""

from __future__ import annotations

import difflib
import importlib.util
import io
import json
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest

from rageval.corpus import folder as folder_module
from rageval.corpus.folder import read_folder
from rageval.corpus.readers import READERS, pdf
from rageval.corpus.readers.picture import PICTURES, read_picture
from rageval.corpus.readers.reading import Read, RefusedFile
from rageval.errors import MissingExtraError
from rageval.models import recognise
from tests.conftest import CommandLine

FOLDER = Path(__file__).parent / "pictures"
WRITTEN: dict[str, Any] = json.loads((FOLDER / "written.json").read_text(encoding="utf-8"))
needs_ocr = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("rapidocr", "onnxruntime"))), reason="the extra ocr is not installed"
)


@cache
def read(name: str) -> Read:
    path = FOLDER / name
    return READERS[path.suffix][1](path.read_bytes())


def accuracy(written: str, found: str) -> float:
    """The share of the characters written that are found in their order; white space does not count."""
    plain, seen = ("".join(text.split()) for text in (written, found))
    blocks = difflib.SequenceMatcher(a=plain, b=seen, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(plain)


@needs_ocr
@pytest.mark.parametrize("name", ["table_en.png", "table_zh.png"])
def test_a_table_is_read_row_by_row(name: str) -> None:
    (part,) = read(name).parts
    rows = [line.split() for line in part.text.splitlines() if line]
    assert rows == [" ".join(row).split() for row in WRITTEN[name]]
    assert part.metadata == {"recognised": [1]}


@needs_ocr
@pytest.mark.parametrize("name", ["scan_en.pdf", "scan_zh.pdf"])
def test_a_scanned_page_is_read(name: str) -> None:
    found = read(name)
    (part,) = found.parts
    assert part.text.splitlines() == WRITTEN[name]
    assert (part.metadata["recognised"], part.metadata["pages"]) == ([1], [0])
    (note,) = found.notes
    assert note.startswith("text recognised with a mean confidence of 0.9") or note.endswith("1.00")


@needs_ocr
@pytest.mark.parametrize("name", ["chart_en.png", "chart_zh.png"])
def test_most_of_a_chart_is_read(name: str) -> None:
    """Title, axes and all numbers but one: the number in the highest bar's label is not found."""
    text = read(name).parts[0].text
    assert accuracy(WRITTEN[name][0], text) == 1.0
    assert accuracy("".join(sorted(WRITTEN[name])), "".join(sorted(text.split()))) >= 0.85


@needs_ocr
def test_a_tiff_file_has_pages() -> None:
    pillow = cast("Any", import_module("PIL.Image"))
    blank = pillow.new("RGB", (200, 80), "white")
    pages = [pillow.open(FOLDER / "text_en.png").convert("RGB"), blank, pillow.open(FOLDER / "text_zh.png")]
    raw = io.BytesIO()
    pages[0].save(raw, "TIFF", save_all=True, append_images=[page.convert("RGB") for page in pages[1:]])
    (part,) = read_picture(raw.getvalue()).parts
    assert part.metadata["recognised"] == [1, 3]
    first, second, third = cast("list[int]", part.metadata["pages"])
    assert part.text[first:second].split("\n")[0] == WRITTEN["text_en.png"][0]
    assert part.text[third:].splitlines() == WRITTEN["text_zh.png"]


@needs_ocr
@pytest.mark.parametrize(
    ("raw", "reason"), [(b"\x89PNG\r\n\x1a\nnothing", "a damaged picture"), (b"", "a damaged picture")]
)
def test_what_is_no_picture_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(RefusedFile, match=reason):
        read_picture(raw)


@needs_ocr
@pytest.mark.parametrize("name", ["table_en.png", "scan_en.jpg"])
@pytest.mark.parametrize("share", [0.01, 0.5])
def test_a_picture_that_is_cut_off_is_refused(name: str, share: float) -> None:
    raw = (FOLDER / name).read_bytes()
    with pytest.raises(RefusedFile, match="a damaged picture"):
        read_picture(raw[: int(len(raw) * share)])


@needs_ocr
def test_a_picture_without_text_is_refused() -> None:
    raw = io.BytesIO()
    cast("Any", import_module("PIL.Image")).new("RGB", (64, 64), "white").save(raw, "PNG")
    with pytest.raises(RefusedFile, match="no text is recognised in it"):
        read_picture(raw.getvalue())


@needs_ocr
def test_init_reads_pictures(tmp_path: Path, command_line: CommandLine) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "lakes.png").write_bytes((FOLDER / "table_zh.png").read_bytes())
    ended = command_line("init", given, "--out", tmp_path / "mine")
    assert ended.code == 0, ended.err
    (line,) = (tmp_path / "mine" / "documents.jsonl").read_text("utf-8").splitlines()
    document = json.loads(line)
    assert document["id"] == "lakes.png"
    assert "银鱼" in document["text"]
    assert "text recognised with a mean confidence of" in ended.out


@pytest.fixture
def without_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (folder_module, pdf):
        monkeypatch.setattr(module, "can_recognise", lambda: False)

    def need(package: str, extra: str, purpose: str) -> None:
        raise MissingExtraError(package, extra, purpose)

    monkeypatch.setattr(recognise, "need_package", need)


@pytest.mark.usefixtures("without_ocr")
def test_without_the_extra_pictures_are_counted_and_the_remedy_is_told(
    tmp_path: Path, command_line: CommandLine
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "a.md").write_text("Line nine runs to the depot at Delmar.", encoding="utf-8")
    for name in ("b.png", "c.PNG"):
        (given / name).write_bytes((FOLDER / "table_en.png").read_bytes())
    assert read_folder(given).other == {".png": 2}
    ended = command_line("init", given, "--out", tmp_path / "mine")
    assert ended.code == 0
    told = " ".join(ended.out.split())
    assert "to recognise the text in pictures: pip install" in told
    assert "[ocr]" in told


@pytest.mark.usefixtures("without_ocr")
def test_without_the_extra_a_scan_is_refused_with_the_remedy() -> None:
    with pytest.raises(RefusedFile, match=r"no text on its 1 pages \(a scan\?\): recognise its text, by pip install"):
        pdf.read_pdf((FOLDER / "scan_en.pdf").read_bytes())
    with pytest.raises(MissingExtraError, match="rapidocr"):
        read_picture(b"")


def test_every_suffix_of_pictures_has_the_reader() -> None:
    kinds: Sequence[str] = [READERS[suffix][0] for suffix in PICTURES]
    assert set(kinds) == {"picture"}
