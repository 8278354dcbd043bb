"""A folder of files: ids, and every refusal told with its reason while nothing else is lost."""

from __future__ import annotations

import builtins
import os
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.corpus import folder as module
from rageval.corpus.folder import read_folder, to_id
from rageval.corpus.readers import zip_files
from rageval.errors import DeclarationError, MissingExtraError
from tests.unit.corpus.made_files import docx, epub, html, pdf, zipped

BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
ENCRYPTION = (
    "<encryption xmlns='urn:oasis:names:tc:opendocument:xmlns:container' xmlns:enc='http://www.w3.org/2001/04/xmlenc#'>"
    "<enc:EncryptedData><enc:CipherData><enc:CipherReference URI='OEBPS/a.xhtml'/></enc:CipherData></enc:EncryptedData>"
    "</encryption>"
)


def locked_zip() -> bytes:
    """A zip whose entry says that it is encrypted."""
    raw = bytearray(docx([("", "x")]))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(signature) + offset] |= 1
    return bytes(raw)


def with_bomb_in_package() -> bytes:
    raw = BytesIO(epub([("a.xhtml", "<p>x</p>")], title="t"))
    with zipfile.ZipFile(raw) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    parts["OEBPS/book.opf"] = f"{BOMB}<package>&b;</package>"
    return zipped(parts)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty.txt": (lambda: b"", "no text"),
    "blank.md": (lambda: b" \n \n", "no text"),
    "binary.txt": (lambda: b"\x7fELF\x02\0\0\0" * 9, "binary content"),
    "binary.html": (lambda: b"\0\0\0", "binary content"),
    "damaged.md": (lambda: b"\xff\xfea", "damaged utf-16"),
    "quotes.csv": (lambda: b'a,text\n"open', "bad CSV"),
    "scan.pdf": (lambda: pdf([[], []]), "a scan"),
    "locked.pdf": (lambda: pdf([["secret"]], encrypted=True), "encrypted"),
    "damaged.pdf": (lambda: b"%PDF-1.7\nnothing", "a damaged PDF"),
    "truncated.docx": (lambda: docx([("", "x")])[:200], "a damaged zip"),
    "old.docx": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "encrypted, or a file of an old Office"),
    "locked.docx": (locked_zip, "encrypted"),
    "other.docx": (lambda: zipped({"a.txt": "x"}), "a damaged DOCX"),
    "bomb.docx": (lambda: zipped({"word/document.xml": b"0" * 3_000_000}), "a zip bomb: it unpacks to"),
    "many.epub": (lambda: zipped({f"{i}": "" for i in range(12)}), "a zip bomb: 12 parts"),
    "entities.docx": (lambda: docx([("", "x")], before=BOMB), "entity bomb"),
    "entities.epub": (with_bomb_in_package, "entity bomb"),
    "locked.epub": (
        lambda: epub([("a.xhtml", "x")], title="t", more={"META-INF/encryption.xml": ENCRYPTION}),
        "encryp",
    ),
    "empty.epub": (lambda: epub([("a.xhtml", "")], title="t"), "no text"),
    "nothing.epub": (lambda: zipped({"x": "y"}), "no META-INF/container.xml"),
    "deep.html": (lambda: html("<div>" * 5000).encode(), "nested too deeply"),
    "large.txt": (lambda: b"word " * 300_000, "MB, expected at most 1"),
}


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(zip_files, "MOST_PARTS", 11)
    monkeypatch.setattr(zip_files, "MOST_RATIO", 100)
    folder = tmp_path / "files"
    folder.mkdir()
    for name, (raw, _) in REFUSED.items():
        (folder / name).write_bytes(raw())
    (folder / "good.txt").write_text("One good file.")
    (folder / "picture.png").write_bytes(b"x")
    (folder / ".hidden.txt").write_text("hidden")
    return folder


def test_every_refusal_is_told_and_nothing_else_is_lost(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rageval.corpus.folder.can_recognise", lambda: False)
    found = read_folder(broken, most_mb=1)
    assert [document.id for document in found.documents] == ["good.txt"]
    assert {one.path: one.reason for one in found.skipped}.keys() == REFUSED.keys()
    for one in found.skipped:
        assert REFUSED[one.path][1] in one.reason, one
    assert found.other == {".png": 1}
    assert found.files == {"plain text": 1}


def test_a_zip_that_declares_too_much(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(zip_files, "MOST_BYTES", 1000)
    (tmp_path / "a.docx").write_bytes(docx([("", "x" * 2000)]))
    (skipped,) = read_folder(tmp_path).skipped
    assert "a zip bomb: it unpacks to 2,6" in skipped.reason or "expected at most 1,000" in skipped.reason


def test_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.txt").write_text("A text.")
    (folder / "inside.txt").symlink_to("sub/a.txt")
    (folder / "out.txt").symlink_to(outside / "secret.txt")
    (folder / "out").symlink_to(outside)
    (folder / "loop.txt").symlink_to("loop.txt")
    (folder / "gone.txt").symlink_to("nowhere.txt")
    (folder / "again").symlink_to("sub")
    os.mkfifo(folder / "pipe.txt")
    found = read_folder(folder)
    assert [document.id for document in found.documents] == ["inside.txt", "sub/a.txt"]
    reasons = {one.path: one.reason for one in found.skipped}
    assert reasons.keys() == {"out.txt", "out", "loop.txt", "gone.txt", "again", "pipe.txt"}
    assert reasons["out.txt"] == reasons["out"] == "a link out of the folder"
    assert "link to a folder" in reasons["again"]
    assert "no regular file" in reasons["pipe.txt"]


def test_the_folder_that_is_written_to_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A text.")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "HOWTO.md").write_text("how")
    assert len(read_folder(tmp_path, leave_out=tmp_path / "mine").documents) == 1


def test_names_and_folders_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("A text.")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")).write_text("A text.")
    (tmp_path / "closed").mkdir()
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = read_folder(tmp_path)
    assert [document.id for document in found.documents] == ["a.txt"]
    assert {one.path: one.reason for one in found.skipped} == {
        "?.txt": "a name that is not UTF-8: rename it",
        "closed": "cannot be read (Permission denied)",
    }


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="no such folder"):
        read_folder(tmp_path / "none")


def test_without_the_extra_text_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.md", "b.txt", "c.csv", "d.jsonl"):
        (tmp_path / name).write_text('{"text": "x"}' if name == "d.jsonl" else "One text.")
    for name in ("e.html", "f.pdf", "g.docx", "h.epub"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "i.txt").write_bytes("Straße".encode("cp1252"))

    def missing(package: str, extra: str, purpose: str) -> None:
        raise MissingExtraError(package, extra, purpose)

    for name in ("html", "pdf", "docx", "epub", "decoding"):
        monkeypatch.setattr(f"rageval.corpus.readers.{name}.need_package", missing)
    real = builtins.__import__

    def refuse(name: str, *rest: object, **more: object) -> object:
        assert name.partition(".")[0] not in ("bs4", "pypdf", "mammoth", "markdownify", "defusedxml")
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    found = read_folder(tmp_path)
    assert [document.id for document in found.documents] == ["a.md", "b.txt", "c.csv", "d.jsonl:1"]
    assert [one.path for one in found.skipped] == ["e.html", "f.pdf", "g.docx", "h.epub", "i.txt"]
    assert all("[corpus]'" in one.reason for one in found.skipped)


@given(st.text(), st.text())
def test_ids(one: str, other: str) -> None:
    assert (to_id(one) == to_id(other)) == (one == other) or "\ud800" <= max(one + other, default="") <= "\udfff"
    assert to_id(one).split() in ([], [to_id(one)])


def test_readable_ids() -> None:
    assert to_id("指南/安装 说明.md") == "指南/安装%20说明.md"
    assert to_id("faq.csv:a#1") == "faq.csv:a%231"


def test_an_id_for_the_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "to_id", lambda _: "same")
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("A text.")
    (skipped,) = read_folder(tmp_path).skipped
    assert skipped.path == "b.txt"
    assert "another document has the id" in skipped.reason
