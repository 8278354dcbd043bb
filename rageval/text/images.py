"""Images that texts name: how a text names one, and what it is."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from rageval.errors import ExecutionError

IMAGE_TOKENS = 16_384
"""The tokens of an image in a prompt, at most, as estimates count them: what Qwen2.5-VL takes at its default of at most
16,384 patches. Of OpenAI's models gpt-4o takes up to 1,445, and gpt-4o-mini bills more: up to 48,169.
"""

_KINDS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
)
_REFERENCE = re.compile(
    r"!\[(?P<caption>(?:[^\[\]]|\[[^\[\]]*\]){0,2000})\]"
    r"\(\s*(?:<(?P<angled>[^<>\n]+)>|(?P<plain>[^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*))"
    r"(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?\s*\)"
)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """`![caption](name)` at `start` to `end` of a text, with the caption on one line."""

    start: int
    end: int
    caption: str
    name: str


def find_references(text: str) -> list[ImageReference]:
    """The references to images in a text, in order. Those of HTML, and links to images, are none."""
    return [
        ImageReference(*found.span(), " ".join(found["caption"].split()), (found["angled"] or found["plain"]).strip())
        for found in _REFERENCE.finditer(text)
    ]


@dataclass(frozen=True, slots=True)
class Image:
    """A PNG, JPEG, GIF or WebP picture: the SHA-256 of its bytes (64 hex digits), its media type, and what holds the
    bytes: a file, or they themselves. Images of the same bytes are equal.
    """

    digest: str
    media_type: str = field(compare=False)
    held: Path | bytes = field(compare=False, repr=False)

    @classmethod
    def of(cls, raw: bytes, path: Path | None = None) -> Image:
        """The image of these bytes, which are read again from the `path` where there is one. Raises ValueError for
        bytes of another kind.
        """
        kind = next((name for begins, name in _KINDS if begins.match(raw)), None)
        if kind is None:
            raise ValueError("no PNG, JPEG, GIF or WebP picture")
        return cls(hashlib.sha256(raw).hexdigest(), kind, path or raw)

    def read(self) -> bytes:
        """The bytes. Raises ExecutionError where the file is gone or another one by now."""
        if isinstance(self.held, bytes):
            return self.held
        try:
            raw = self.held.read_bytes()
        except OSError as error:
            raise ExecutionError(f"{self.held}: the image cannot be read ({error.strerror or error})") from None
        if hashlib.sha256(raw).hexdigest() != self.digest:
            raise ExecutionError(f"{self.held}: the image has changed since the benchmark was loaded: run again")
        return raw

    def data_uri(self) -> str:
        """The bytes as `data:image/png;base64,…`. Raises as `read`."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.read()).decode()}"


def base64_of(text: str) -> str | None:
    """The base64 of the image where the text is a data URI as `Image.data_uri` writes it, else None."""
    head, comma, data = text.partition(",")
    return data if comma and any(head == f"data:{kind};base64" for _, kind in _KINDS) else None
