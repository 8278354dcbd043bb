"""How a text names images, and what an image is."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from rageval.errors import ExecutionError
from rageval.text.images import Image, base64_of, find_references
from tests.unit.charts import chart, read_chart

PICTURE = chart(3, 7, 11)


def test_the_charts_of_these_tests_can_be_read() -> None:
    assert read_chart(chart(3, 0, 64, 17)) == [3, 0, 64, 17]


@pytest.mark.parametrize(
    ("text", "caption", "name"),
    [
        ("See ![Rain in Delmar](figures/rain.png).", "Rain in Delmar", "figures/rain.png"),
        ("如图所示：![白沙镇渔获量（吨）](图/渔获.png)。", "白沙镇渔获量（吨）", "图/渔获.png"),
        ("![](a.png)", "", "a.png"),
        ("![Fig. 1. Sales\n  by year [2]](a.png 'the title')", "Fig. 1. Sales by year [2]", "a.png"),
        ('![x](<my figures/a b.png> "title")', "x", "my figures/a b.png"),
        ("![x](a(1).png)", "x", "a(1).png"),
        ("![x](data:image/png;base64,iVBORw0KGgo=)", "x", "data:image/png;base64,iVBORw0KGgo="),
    ],
)
def test_a_reference(text: str, caption: str, name: str) -> None:
    (found,) = find_references(text)
    assert (found.caption, found.name) == (caption, name)
    assert text[found.start : found.end].startswith("![")
    assert text[found.start : found.end].endswith(")")


@pytest.mark.parametrize("text", ["", "[a link](a.png)", "![x]", "![x] (a.png)", "![x](a b.png)", '<img src="a.png">'])
def test_no_reference(text: str) -> None:
    assert find_references(text) == []


def test_several_references_in_their_order() -> None:
    text = "![a](1.png)![b](2.png) ![a](1.png)"
    assert [(one.start, one.end, one.name) for one in find_references(text)] == [
        (0, 11, "1.png"),
        (11, 22, "2.png"),
        (23, 34, "1.png"),
    ]


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (PICTURE, "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF89a rest", "image/gif"),
        (b"RIFF\x10\n\x00\x00WEBPVP8 ", "image/webp"),
    ],
)
def test_the_bytes_tell_the_kind(raw: bytes, kind: str) -> None:
    image = Image.of(raw)
    assert (image.media_type, image.digest, image.read()) == (kind, hashlib.sha256(raw).hexdigest(), raw)
    assert image.data_uri() == f"data:{kind};base64,{base64.b64encode(raw).decode()}"


@pytest.mark.parametrize("raw", [b"", b"<svg/>", b"%PDF-1.7", b"RIFF....WAVE"])
def test_other_files_are_no_images(raw: bytes) -> None:
    with pytest.raises(ValueError, match="no PNG, JPEG, GIF or WebP picture"):
        Image.of(raw)


def test_images_are_equal_by_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PICTURE)
    assert Image.of(PICTURE, tmp_path / "a.png") == Image.of(PICTURE)
    assert len({Image.of(PICTURE, tmp_path / "a.png"), Image.of(PICTURE), Image.of(chart(3))}) == 2


def test_a_file_that_changed_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PICTURE)
    image = Image.of(PICTURE, path)
    assert image.read() == PICTURE
    path.write_bytes(chart(9))
    with pytest.raises(ExecutionError, match=r"a\.png: the image has changed since the benchmark was loaded"):
        image.read()
    path.unlink()
    with pytest.raises(ExecutionError, match=r"a\.png: the image cannot be read"):
        image.data_uri()


def test_data_uris_of_images_are_told_from_texts() -> None:
    assert base64_of(Image.of(PICTURE).data_uri()) == base64.b64encode(PICTURE).decode()
    for text in ("", "a text", "data:text/plain;base64,aGk=", "see data:image/png;base64,iVBO", "data:image/png"):
        assert base64_of(text) is None
