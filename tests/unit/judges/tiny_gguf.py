"""A classifier of pairs as a GGUF file, written by hand: no package that makes such files is needed.

It is a BERT of one layer whose score is the mean, over the tokens of the pair, of a number for each word: P can be
worked out by hand. llama.cpp puts one token before the pair and one between its texts, which count 0, as do words that
the model does not know. Its layer norms have an epsilon so large that they only divide, and weights that undo it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

Value: TypeAlias = "str | int | float | bool | Sequence[str]"

_WIDTH, _EPSILON, _ALIGNMENT = 4, 1e8, 32


def write_gguf(
    path: Path,
    words: Mapping[str, float],
    *,
    labels: int = 1,
    context_tokens: int = 64,
    template: str | None = None,
    architecture: str = "bert",
) -> Path:
    """The mean of the words' numbers is the score of the first label; without `labels` there is no head."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"\u2581{word}" for word in words)]
    keys: dict[str, Value] = {
        "general.architecture": architecture,
        f"{architecture}.context_length": context_tokens,
        f"{architecture}.embedding_length": _WIDTH,
        f"{architecture}.feed_forward_length": _WIDTH,
        f"{architecture}.block_count": 1,
        f"{architecture}.attention.head_count": 1,
        f"{architecture}.attention.layer_norm_epsilon": _EPSILON,
        f"{architecture}.attention.causal": False,
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type_count": 1,
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.unknown_token_id": 1,
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.seperator_token_id": 3,  # as the format spells it
    }
    if labels > 1:
        keys[f"{architecture}.classifier.output_labels"] = [f"label {i}" for i in range(labels)]
    if template is not None:
        keys["tokenizer.chat_template.rerank"] = template
    zeros, undone = np.zeros(_WIDTH), np.full(_WIDTH, math.sqrt(_EPSILON))
    numbers = np.array([0, 0, 0, 0, *words.values()])
    weights = {
        "token_embd.weight": np.outer(numbers, [1, -1, 0, 0]),  # their mean is 0, which a layer norm takes off
        "token_types.weight": np.zeros((1, _WIDTH)),
        "position_embd.weight": np.zeros((context_tokens, _WIDTH)),
        "token_embd_norm.weight": undone,
        "token_embd_norm.bias": zeros,
    }
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_down"):
        passed_on = name in ("attn_v", "attn_output")
        weights[f"blk.0.{name}.weight"] = np.eye(_WIDTH) if passed_on else np.zeros((_WIDTH, _WIDTH))
        weights[f"blk.0.{name}.bias"] = zeros
    for name in ("attn_output_norm", "layer_output_norm"):
        weights |= {f"blk.0.{name}.weight": undone, f"blk.0.{name}.bias": zeros}
    if labels:
        weights["cls.output.weight"] = np.eye(labels, _WIDTH)
    path.write_bytes(_file(keys, weights))
    return path


def _file(keys: Mapping[str, Value], weights: Mapping[str, np.ndarray]) -> bytes:
    header = b"GGUF" + struct.pack("<IQQ", 3, len(weights), len(keys))
    for key, value in keys.items():
        kind, content = _value(value)
        header += _text(key) + struct.pack("<I", kind) + content
    data = b""
    for name, array in weights.items():
        shape = array.shape[::-1]
        header += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += _aligned(array.astype("<f4").tobytes())
    return _aligned(header) + data


def _value(value: Value) -> tuple[int, bytes]:
    """The number of its type, and its bytes."""
    match value:
        case bool():
            return 7, struct.pack("<?", value)
        case int():
            return 4, struct.pack("<I", value)
        case float():
            return 6, struct.pack("<f", value)
        case str():
            return 8, _text(value)
        case _:
            return 9, struct.pack("<IQ", 8, len(value)) + b"".join(map(_text, value))


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _aligned(content: bytes) -> bytes:
    return content + bytes(-len(content) % _ALIGNMENT)
