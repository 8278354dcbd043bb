"""The header of a GGUF file, which is read without llama.cpp."""

from __future__ import annotations

from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.models.gguf_header import GgufHeader, read_gguf_header
from tests.unit.judges.tiny_gguf import write_gguf


@pytest.mark.parametrize("labels", [0, 1, 3])
def test_a_header_says_what_the_model_is(tmp_path: Path, labels: int) -> None:
    path = write_gguf(
        tmp_path / "model.gguf", {"好": 1.0}, labels=labels, context_tokens=48, architecture="jina-bert-v2"
    )
    assert read_gguf_header(path) == GgufHeader("jina-bert-v2", 48, labels)


def test_a_file_that_is_cut_anywhere_in_its_header_is_told(tmp_path: Path) -> None:
    whole = write_gguf(tmp_path / "model.gguf", {"good": 1.0}).read_bytes()
    broken = tmp_path / "broken.gguf"
    for size in range(0, whole.index(b"cls.output.weight"), 97):
        broken.write_bytes(whole[:size])
        with pytest.raises(DeclarationError, match=r"broken\.gguf: found no GGUF file of version 2 or 3, expected one"):
            read_gguf_header(broken)


def test_another_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model at all" * 9)
    with pytest.raises(DeclarationError, match=r"model\.onnx: found no GGUF file"):
        read_gguf_header(tmp_path / "model.onnx")
    with pytest.raises(DeclarationError, match=r"none\.gguf: cannot be read \(No such file"):
        read_gguf_header(tmp_path / "none.gguf")
