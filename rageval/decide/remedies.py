"""What to try next for each cause of failure, with the sweep that would test it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from rageval.decide.diagnosis import CauseName
from rageval.experiment.grid import PIPELINE
from rageval.retrieval.settings import SearchSettings
from rageval.types import Json

_SEARCHING = ("naive", "rag_fusion", "rerank", "self_rag")
_BASE = "naive"
_CHUNK_TOKENS, _K, _CANDIDATES, _DEPTH = 384, 5, 50, 100
_PASSAGE_METRICS = ("evidence_recall@2000t", "evidence_iou@2000t", "evidence_mrr@10")
_DOCUMENT_METRICS = ("hit_rate@5", "recall@20", "ndcg@10")
_ANSWER_METRICS = ("answer_correctness", "faithfulness")
_REFUSAL_METRICS = ("negative_rejection", "abstention_accuracy")

_ADVICE: Mapping[CauseName, str] = {
    "pipeline_failed": (
        "Read the messages (`rageval show RUN --failed`), repair what they name, and ask these questions again: "
        "`rageval run FILE --retry-failed`."
    ),
    "degenerate": (
        "Another model, or fewer tokens for the answer (max_tokens); at an endpoint a penalty on repetition. See "
        "whether the prompt ends in text that the model only continues."
    ),
    "no_answer_in_corpus": (
        "Tell the generator in its prompt to refuse where the passages hold no answer, or let it grade passages before "
        "it answers (self_rag). Where the evidence is gone, add the documents or tag the question unanswerable."
    ),
    "split_evidence": "Larger passages, or an overlap of some sentences between them.",
    "not_retrieved": "Another index or several (hybrid), or several wordings of the question (rag_fusion).",
    "ranked_too_low": "Read more passages (k), or let a reranker order the candidates.",
    "read_but_wrong": (
        "Fewer passages beside the evidence, the best first (reranker); another prompt or model; and a look at the "
        "references and the judge."
    ),
    "read_but_refused": (
        "A prompt that asks for what the passages do say; fewer passages beside the evidence; another model; and for "
        "refusals in words of your own `abstention: {phrases: [...]}`."
    ),
    "unsupported": "A prompt that allows the passages alone, with citations; a pipeline that checks it (self_rag).",
    "not_known": "Labels with spans, reference answers, or a judge (`rageval judge`), as the reasons say.",
}


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to try, and the experiment file for `rageval sweep` that would test it; None where no setting would help."""

    advice: str
    sweep: str | None

    def to_json(self) -> dict[str, Json]:
        return {"advice": self.advice, "sweep": self.sweep}


def remedy_for(cause: CauseName, manifest: Mapping[str, Any], *, spans: bool) -> Remedy:
    """The remedy for a cause (any but `right`), with a sweep around the settings of that run.

    The sweep is of the run's own recipe where that takes the settings of every search, else of the recipe `naive`. It
    is scored on passages where labels mark `spans`, else on documents; on answers where the run has any and the cause
    is theirs.
    """
    recipe, given = _settings(manifest)
    factors, metrics = _factors(cause, recipe, given, spans, manifest.get("generate", True))
    if not factors:
        return Remedy(_ADVICE[cause], None)
    left_out = {*factors, *(("dense_search",) if "retriever" in factors else ())}
    alone = len(factors.get(PIPELINE, [recipe])) == 1
    fixed = {
        name: [value]
        for name, value in given.items()
        if name not in left_out and (alone or name in SearchSettings.__annotations__)
    }
    lines = [
        f"benchmark: {_shown(manifest['benchmark'].get('reference') or manifest['benchmark']['name'])}",
        "sweep:",
        *(f"  {name}: {_shown(levels)}" for name, levels in {PIPELINE: [recipe], **factors, **fixed}.items()),
        f"metrics: {_shown(metrics)}",
    ]
    return Remedy(_ADVICE[cause], "\n".join(lines) + "\n")


def _settings(manifest: Mapping[str, Any]) -> tuple[str, dict[str, Json]]:
    """The recipe that a sweep can vary, and the settings that the run gives it."""
    recipe = cast("str", manifest["label"]).partition("(")[0].strip()
    if recipe not in _SEARCHING:
        return _BASE, {}
    given = cast("dict[str, Json]", {**manifest.get("params", {})})
    return recipe, given


def _factors(
    cause: CauseName, recipe: str, given: Mapping[str, Json], spans: bool, generates: bool
) -> tuple[dict[str, Sequence[Json]], Sequence[str]]:
    """The levels to try, by factor, and the metrics that tell; nothing where no setting would help."""
    k = _number(given, "k", _K)
    retrieval = _PASSAGE_METRICS if spans else _DOCUMENT_METRICS
    match cause:
        case "split_evidence" if "chunker" not in given:
            tokens = _number(given, "chunk_tokens", _CHUNK_TOKENS)
            return {"chunk_tokens": [tokens, 2 * tokens, 4 * tokens], "overlap": [0, 2]}, retrieval
        case "not_retrieved":
            recipes = list(dict.fromkeys([recipe, "rag_fusion"]))
            return {PIPELINE: recipes, "retriever": ["bm25", "dense", "hybrid"]}, retrieval
        case "ranked_too_low":
            more = [k, 2 * k, 4 * k]
            factors = _reranked(more, given)
            if generates:
                return factors, _ANSWER_METRICS
            del factors["k"]  # one ranking tells of every k
            return factors, [f"{'evidence_all' if spans else 'hit_rate'}@{n}" for n in more]
        case "read_but_wrong" | "read_but_refused":
            fewer = list(dict.fromkeys([max(1, k // 2), k]))
            metrics = _ANSWER_METRICS if cause == "read_but_wrong" else (*_ANSWER_METRICS, "abstention_accuracy")
            return _reranked(fewer, given), metrics
        case "unsupported":
            return {PIPELINE: list(dict.fromkeys([recipe, "self_rag"]))}, _ANSWER_METRICS
        case "no_answer_in_corpus":
            return {PIPELINE: list(dict.fromkeys([recipe, "self_rag"]))}, _REFUSAL_METRICS
        case _:
            return {}, ()


def _reranked(counts: list[int], given: Mapping[str, Json]) -> dict[str, Sequence[Json]]:
    """So many passages read, as they come and reranked, with candidates enough for the most of them."""
    factors: dict[str, Sequence[Json]] = {"k": counts, "reranker": [None, "pointwise"]}
    for name, default in (("candidates", _CANDIDATES), ("depth", _DEPTH)):
        if max(counts) > _number(given, name, default):
            factors[name] = [max(counts)]
    return factors


def _number(given: Mapping[str, Json], name: str, default: int) -> int:
    value = given.get(name, default)
    return value if isinstance(value, int) else default


def _shown(value: object) -> str:
    """As YAML on one line: JSON is YAML."""
    return json.dumps(value, ensure_ascii=False)
