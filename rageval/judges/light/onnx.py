"""A classifier of the user's own as a detector: an ONNX file and its tokenizer, run in this process, without pickle."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np

from rageval.errors import DeclarationError
from rageval.extras import need_package
from rageval.judges.light.detectors import Pair
from rageval.judges.light.fit import sigmoid
from rageval.judges.light.weights import TrainedMetric
from rageval.models.base import ChatModel
from rageval.text.languages import Language
from rageval.types import Abstained, Json, Usage

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_EXTRA = "onnx"
_PURPOSE = "a judge in an ONNX file"


@dataclass(frozen=True)
class OnnxDetector:
    """P(yes) of a classifier of (passage, claim): the softmax of its logits at the label `supported`; of a model with
    one output, its sigmoid. Of several passages, the one with the highest P counts.

    The model takes int64 `input_ids` and, where it has them, `attention_mask` and `token_type_ids`; its first output is
    the logits of one pair. A pair longer than `max_tokens` loses the end of its passage. Raises DeclarationError for
    files that are none, MissingExtraError where onnxruntime or tokenizers is not installed.
    """

    path: Path
    tokenizer: Path
    supported: int = 0
    max_tokens: int = 512
    metrics: tuple[TrainedMetric, ...] = ("faithfulness",)

    def __post_init__(self) -> None:
        for package in ("onnxruntime", "tokenizers"):
            need_package(package, _EXTRA, _PURPOSE)
        labels = self._logits("", "").size
        if self.supported >= max(labels, 1):
            raise DeclarationError(
                f"{self.path}: found {labels} labels, expected more than {self.supported} (supported, counted from 0)"
            )

    def __reduce__(self) -> tuple[type[OnnxDetector], tuple[object, ...]]:
        """On another node the files are opened anew: an open model cannot travel."""
        return OnnxDetector, (self.path, self.tokenizer, self.supported, self.max_tokens, self.metrics)

    @property
    def name(self) -> str:
        return f"onnx ({self.path.name} {self._digest[:12]})"

    @property
    def settings(self) -> Mapping[str, Json]:
        return {"onnx": self._digest, "supported": self.supported, "max_tokens": self.max_tokens}

    def calls(self, pairs: int) -> int:
        return 0

    async def probabilities(
        self, metric: TrainedMetric, pairs: Sequence[Pair], language: Language, chat: ChatModel
    ) -> tuple[list[float | Abstained], Usage]:
        return [await asyncio.to_thread(self._probability, claim, texts) for claim, texts in pairs], Usage()

    def _probability(self, claim: str, texts: Sequence[str]) -> float | Abstained:
        found: list[float] = []
        for text in texts:
            logits = self._logits(text, claim)
            if not np.all(np.isfinite(logits)):
                return Abstained(f"{self.path.name} gave a logit that is no finite number")
            shares = sigmoid(logits) if logits.size == 1 else np.exp(logits - logits.max())
            found.append(float(shares[self.supported] / (1.0 if logits.size == 1 else shares.sum())))
        return max(found, default=0.0)

    def _logits(self, text: str, claim: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        encoded = self._tokens.encode(text, claim)
        rows = {"input_ids": encoded.ids, "attention_mask": encoded.attention_mask, "token_type_ids": encoded.type_ids}
        wanted = [one.name for one in self._session.get_inputs()]
        if unknown := [name for name in wanted if name not in _INPUTS]:
            raise DeclarationError(f"{self.path}: found the input {unknown[0]}, expected some of {', '.join(_INPUTS)}")
        try:
            outputs = self._session.run(None, {name: np.array([rows[name]], dtype=np.int64) for name in wanted})
        except Exception as error:  # noqa: BLE001 (the package has no error of its own)
            raise DeclarationError(f"{self.path}: found a model that cannot read a pair: {error}") from None
        return np.asarray(outputs[0], dtype=np.float64).reshape(-1)

    @cached_property
    def _session(self) -> Any:
        import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

        try:
            return cast("Any", onnxruntime).InferenceSession(str(self.path), providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 (the package has no error of its own)
            raise DeclarationError(f"{self.path}: found no ONNX model: {' '.join(str(error).split())}") from None

    @cached_property
    def _tokens(self) -> Any:
        from tokenizers import Tokenizer

        try:
            tokens = cast("Any", Tokenizer).from_file(str(self.tokenizer))
        except Exception as error:  # noqa: BLE001 (the package has no error of its own)
            raise DeclarationError(f"{self.tokenizer}: found no tokenizer.json: {error}") from None
        tokens.enable_truncation(self.max_tokens, strategy="only_first")
        return tokens

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256()
        for path in (self.path, self.tokenizer):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()
