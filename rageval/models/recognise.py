"""What is written in a picture, through rapidocr: offline, Chinese and English."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, cast

from rageval.extras import need_package
from rageval.text.tidy import tidy

EXTRA_OCR = "ocr"

_PACKAGES = ("rapidocr", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Recognised:
    """The text of a picture, a line for each of its lines; what stands side by side is on one line. `confidence` is the
    mean over its pieces as the recogniser gives it, 0 to 1; 0 where there is no text.
    """

    text: str
    confidence: float


def can_recognise() -> bool:
    """Whether the packages of the extra are installed."""
    return all(importlib.util.find_spec(package) is not None for package in _PACKAGES)


def need_recognition() -> None:
    """Raise MissingExtraError where a package of the extra is not installed."""
    for package in _PACKAGES:
        need_package(package, EXTRA_OCR, "recognising text in pictures")


def recogniser_identity() -> str:
    """Package and version, which decide what is recognised. Raises as `need_recognition`."""
    need_recognition()
    return f"rapidocr-{importlib.metadata.version('rapidocr')}"


def open_pages(raw: bytes) -> list[Any]:
    """The pages of a picture's file, upright: several in a TIFF file, else one. Raises what Pillow raises for a damaged
    or far too large picture.
    """
    pillow, ops = (cast("Any", import_module(f"PIL.{name}")) for name in ("Image", "ImageOps"))
    picture = pillow.open(io.BytesIO(raw))
    pages: list[Any] = []
    for number in range(picture.n_frames if picture.format == "TIFF" else 1):
        picture.seek(number)
        pages.append(ops.exif_transpose(picture.convert("RGB")))
    return pages


def recognise(picture: Any) -> Recognised:
    """The text in a Pillow image."""
    found = _recogniser()(picture)
    if not found.txts:
        return Recognised("", 0.0)
    return Recognised(tidy(found.to_markdown()), sum(found.scores) / len(found.scores))


def recognised_note(pages: Sequence[Recognised]) -> str:
    """`text recognised with a mean confidence of 0.97`, over the pages that have any."""
    confidences = [page.confidence for page in pages if page.text]
    return f"text recognised with a mean confidence of {sum(confidences) / len(confidences):.2f}"


@cache
def _recogniser() -> Any:
    return cast("Any", import_module("rapidocr")).RapidOCR(params={"Global.log_level": "critical"})
