"""A classifier of the user's own as a detector: a GGUF file, run in this process by llama.cpp."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from rageval.errors import DeclarationError
from rageval.extras import need_package
from rageval.judges.light.detectors import Pair
from rageval.judges.light.rerank import Scores, best_probability
from rageval.judges.light.weights import TrainedMetric
from rageval.models.base import ChatModel
from rageval.models.gguf_header import GgufHeader, read_gguf_header
from rageval.models.local import as_c_text, import_llama_cpp, llama_server, usable_cores
from rageval.models.weights import default_cache_folder, remembered_sha256
from rageval.models.wire import one_line
from rageval.text.languages import Language
from rageval.types import Abstained, Json, Usage

_WITH_SOFTMAX = ("qwen3", "qwen3vl")
"""The architectures of which llama.cpp gives the softmax at the first label, and not its logit (`build_pooling`)."""
_TOO_LONG = re.compile(r"input \((\d+) tokens\)")
_LOADING = Lock()


@dataclass(frozen=True)
class GgufDetector:
    """P(yes) from the score that llama.cpp gives a pair of claim and passage (pooling `rank`): with `scores` logit its
    sigmoid. Of several passages, the one with the highest score counts.

    `first` is the text that the model reads first; a rerank template in the file takes the claim as its query. A pair
    longer than `max_tokens`, or than the model can read, loses the end of its passage; a claim that leaves no room for
    one is an abstention, as is a score that is no finite number or, with `scores` probability, outside 0 to 1. The
    model is loaded at the first pair. `threads` defaults to the cores that this process may use.

    Raises MissingExtraError where xllamacpp is not installed, and DeclarationError for a file that is no GGUF file,
    that has no classification head, or that has several labels: llama.cpp gives the score of the first alone, of which
    P does not follow unless it took their softmax.
    """

    path: Path
    scores: Scores = "logit"
    first: Literal["claim", "passage"] = "claim"
    max_tokens: int = 512
    metrics: tuple[TrainedMetric, ...] = ("faithfulness",)
    threads: int | None = None

    def __post_init__(self) -> None:
        need_package("xllamacpp", "local", "a judge in a GGUF file")
        header = self._header
        if not header.labels:
            raise DeclarationError(
                f"{self.path}: found a model ({header.architecture}) without a classification head, expected a "
                "classifier or reranker"
            )
        if header.architecture in _WITH_SOFTMAX:
            if self.scores == "logit":
                raise DeclarationError(
                    f"{self.path}: found scores: logit, expected scores: probability, which is what llama.cpp gives "
                    f"for {header.architecture}"
                )
        elif header.labels > 1:
            raise DeclarationError(
                f"{self.path}: found {header.labels} labels, expected one: llama.cpp gives the logit of the first "
                "alone, of which P does not follow; give the classifier as an ONNX file (provider: onnx)"
            )

    def __reduce__(self) -> tuple[type[GgufDetector], tuple[object, ...]]:
        """On another node the file is opened anew: a loaded model cannot travel."""
        return GgufDetector, (self.path, self.scores, self.first, self.max_tokens, self.metrics, self.threads)

    @property
    def name(self) -> str:
        return f"gguf ({self.path.name} {self._digest[:12]})"

    @property
    def settings(self) -> Mapping[str, Json]:
        return {"gguf": self._digest, "scores": self.scores, "first": self.first, "max_tokens": self.max_tokens}

    def calls(self, pairs: int) -> int:
        return 0

    async def probabilities(
        self, metric: TrainedMetric, pairs: Sequence[Pair], language: Language, chat: ChatModel
    ) -> tuple[list[float | Abstained], Usage]:
        return [await asyncio.to_thread(self._probability, claim, texts) for claim, texts in pairs], Usage()

    def _probability(self, claim: str, texts: Sequence[str]) -> float | Abstained:
        found: list[float] = []
        for text in texts:
            try:
                score = self._score(as_c_text(claim), as_c_text(text))
            except RuntimeError as error:
                return Abstained(f"{self.path.name}: {one_line(error)}")
            if isinstance(score, Abstained):
                return score
            found.append(score)
        return best_probability(found, self.scores, self.path.name) if found else 0.0

    def _score(self, claim: str, text: str) -> float | Abstained:
        body = self._ask(claim, text)
        while "error" in body:
            told = one_line(body["error"]["message"])
            too_long = _TOO_LONG.match(told)
            if too_long is None:
                return Abstained(f"{self.path.name}: {told}")
            tokens = int(too_long[1])
            text = text[: -math.ceil((tokens - self._most_tokens) * (len(claim) + len(text)) / tokens)]
            if not text:
                return Abstained(
                    f"{self.path.name}: the claim leaves no room for a passage, expected up to {self._most_tokens} "
                    "tokens of both"
                )
            body = self._ask(claim, text)
        score = body["results"][0]["relevance_score"]
        if score is None or not math.isfinite(score):
            return Abstained(f"{self.path.name} gave a score that is no finite number")
        return float(score)

    def _ask(self, claim: str, text: str) -> dict[str, Any]:
        query, document = (text, claim) if self.first == "passage" else (claim, text)
        with _LOADING:
            server = self._server
        return server.handle_rerank({"query": query, "documents": [document]})

    @property
    def _most_tokens(self) -> int:
        return min(self.max_tokens, self._header.context_tokens or self.max_tokens)

    @cached_property
    def _server(self) -> Any:
        xllamacpp = import_llama_cpp()
        params = xllamacpp.CommonParams()
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
        params.n_batch = params.n_ubatch = self._most_tokens  # a pair is read in one piece
        threads = self.threads or usable_cores()
        return llama_server(self.path, params, self._most_tokens, threads, "a GGUF classifier or reranker")

    @cached_property
    def _header(self) -> GgufHeader:
        return read_gguf_header(self.path)

    @cached_property
    def _digest(self) -> str:
        return remembered_sha256(self.path, default_cache_folder())
