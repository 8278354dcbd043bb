"""Scores of pairs of texts by a classifier or reranker in a GGUF file, run in this process by llama.cpp."""

from __future__ import annotations

import math
import re
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from rageval.errors import DeclarationError
from rageval.extras import need_package
from rageval.models.gguf_header import read_gguf_header
from rageval.models.local import as_c_text, import_llama_cpp, llama_server, usable_cores
from rageval.models.weights import default_cache_folder, remembered_sha256
from rageval.models.wire import one_line
from rageval.types import Abstained

WITH_SOFTMAX = ("qwen3", "qwen3vl")
"""The architectures of which llama.cpp gives the softmax at the first label, and not its logit (`build_pooling`)."""
_TOO_LONG = re.compile(r"input \((\d+) tokens\)")
_LOADING = Lock()


class GgufPairs:
    """The score that llama.cpp gives a pair of query and document (pooling `rank`): the output of the first label.

    A pair longer than `max_tokens`, or than the model can read, loses the end of one of its texts. The model is loaded
    at the first pair. `threads` defaults to the cores that this process may use. `use` and `kept` are words for
    messages: what needs the file, and what the text is called that is never cut.

    Raises MissingExtraError where xllamacpp is not installed, and DeclarationError for a file that is no GGUF file or
    that has no classification head.
    """

    def __init__(self, path: Path, max_tokens: int, threads: int | None, *, use: str, kept: str) -> None:
        need_package("xllamacpp", "local", use)
        self.header = read_gguf_header(path)
        if not self.header.labels:
            raise DeclarationError(
                f"{path}: found a model ({self.header.architecture}) without a classification head, expected a "
                "classifier or reranker"
            )
        self._path = path
        self._max_tokens = max_tokens
        self._threads = threads
        self._use = use
        self._kept = kept

    def __getstate__(self) -> dict[str, Any]:
        """On another node the file is opened anew: a loaded model cannot travel."""
        return {name: value for name, value in vars(self).items() if name != "_server"}

    @cached_property
    def digest(self) -> str:
        """The file's SHA-256."""
        return remembered_sha256(self._path, default_cache_folder())

    def score(self, query: str, document: str, cut: Literal["query", "document"] = "document") -> float | Abstained:
        """A finite number, higher for a better pair; an abstention with the reason where there is none.

        Of a pair that is too long, the end of the text `cut` is left out. A call takes as long as the model computes.
        """
        texts = {"query": as_c_text(query), "document": as_c_text(document)}
        try:
            return self._score(texts, cut)
        except RuntimeError as error:
            return Abstained(f"{self._path.name}: {one_line(error)}")

    def _score(self, texts: dict[str, str], cut: Literal["query", "document"]) -> float | Abstained:
        body = self._ask(texts)
        while "error" in body:
            told = one_line(body["error"]["message"])
            too_long = _TOO_LONG.match(told)
            if too_long is None:
                return Abstained(f"{self._path.name}: {told}")
            tokens, characters = int(too_long[1]), sum(map(len, texts.values()))
            texts[cut] = texts[cut][: -math.ceil((tokens - self._most_tokens) * characters / tokens)]
            if not texts[cut]:
                return Abstained(
                    f"{self._path.name}: the {self._kept} leaves no room for a passage, expected up to "
                    f"{self._most_tokens} tokens of both"
                )
            body = self._ask(texts)
        score = body["results"][0]["relevance_score"]
        if score is None or not math.isfinite(score):
            return Abstained(f"{self._path.name} gave a score that is no finite number")
        return float(score)

    def _ask(self, texts: dict[str, str]) -> dict[str, Any]:
        with _LOADING:
            server = self._server
        return server.handle_rerank({"query": texts["query"], "documents": [texts["document"]]})

    @property
    def _most_tokens(self) -> int:
        return min(self._max_tokens, self.header.context_tokens or self._max_tokens)

    @cached_property
    def _server(self) -> Any:
        xllamacpp = import_llama_cpp()
        params = xllamacpp.CommonParams()
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
        params.n_batch = params.n_ubatch = self._most_tokens  # a pair is read in one piece
        threads = self._threads or usable_cores()
        return llama_server(self._path, params, self._most_tokens, threads, "a GGUF classifier or reranker")
