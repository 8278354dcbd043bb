"""The names of metrics: a metric is a value, printed as its text and parsed back from it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rageval.errors import DeclarationError

MetricKind: TypeAlias = Literal["ranking", "judged"]


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """One row of `rageval list metrics`. `cutoff` says whether the text takes `@k`; `binary`, that every question
    scores 0 or 1.
    """

    name: str
    kind: MetricKind
    cutoff: Literal["required", "optional", "forbidden"]
    meaning: str
    source: str
    binary: bool = False

    @property
    def form(self) -> str:
        """How the metric is written, such as `recall@k` or `ndcg, ndcg@k`."""
        match self.cutoff:
            case "required":
                return f"{self.name}@k"
            case "optional":
                return f"{self.name}, {self.name}@k"
            case "forbidden":
                return self.name


_RAGAS = "Es et al. 2023, arXiv 2309.15217"

ALL_METRICS: tuple[MetricDefinition, ...] = (
    MetricDefinition(
        "hit_rate",
        "ranking",
        "required",
        "1 if any of the first k documents is relevant, else 0",
        "trec_eval success",
        binary=True,
    ),
    MetricDefinition(
        "mrr",
        "ranking",
        "optional",
        "1 / rank of the first relevant document (within the first k), else 0",
        "trec_eval recip_rank",
    ),
    MetricDefinition(
        "ndcg",
        "ranking",
        "optional",
        "discounted gain of the ranking (its first k) / that of the best possible one; the gain is the grade",
        "trec_eval ndcg and ndcg_cut; Järvelin and Kekäläinen 2002",
    ),
    MetricDefinition("precision", "ranking", "required", "relevant documents among the first k / k", "trec_eval P"),
    MetricDefinition(
        "recall",
        "ranking",
        "required",
        "relevant documents among the first k / all relevant documents",
        "trec_eval recall",
    ),
    MetricDefinition(
        "map",
        "ranking",
        "optional",
        "sum of the precisions at the relevant documents found (within the first k) / all relevant documents",
        "trec_eval map and map_cut",
    ),
    MetricDefinition(
        "r_precision",
        "ranking",
        "forbidden",
        "relevant documents among the first R / R, where R documents are relevant",
        "trec_eval Rprec",
    ),
    MetricDefinition(
        "faithfulness", "judged", "forbidden", "claims of the answer that its context supports / all claims", _RAGAS
    ),
    MetricDefinition(
        "answer_relevance",
        "judged",
        "forbidden",
        "1 if the answer addresses the question, else 0",
        f"after {_RAGAS}",
        binary=True,
    ),
    MetricDefinition(
        "context_relevance",
        "judged",
        "forbidden",
        "passages of the context that help to answer the question / all passages of it",
        f"after {_RAGAS}",
    ),
)

_DEFINITIONS = {definition.name: definition for definition in ALL_METRICS}

# Lower case; what other tools (ir_measures, trec_eval) call the same metric.
_ALIASES = {
    "success": "hit_rate",
    "hit": "hit_rate",
    "rr": "mrr",
    "recip_rank": "mrr",
    "p": "precision",
    "r": "recall",
    "ap": "map",
    "rprec": "r_precision",
}
# trec_eval writes the cutoff after an underscore in its output and after a point on its command line.
_TREC_EVAL_CUT_NAMES = {
    "p": "precision",
    "recall": "recall",
    "ndcg_cut": "ndcg",
    "map_cut": "map",
    "success": "hit_rate",
}
_CUTOFF = re.compile(r"[0-9]{1,9}")
_TREC_EVAL_CUT = re.compile(r"([a-z_]+)[_.]([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as a value: equal and hashable, `str(metric)` is its canonical text (`ndcg@10`, `map`).

    `name` is one of `ALL_METRICS`; `cutoff` is the number of documents looked at, from 1, or None for all.
    Raises DeclarationError for an unknown name, a cutoff where none belongs, or none where one is needed.
    """

    name: str
    cutoff: int | None = None

    def __post_init__(self) -> None:
        definition = _DEFINITIONS.get(self.name)
        if definition is None:
            raise _unknown(self.name)
        if self.cutoff is None and definition.cutoff == "required":
            raise DeclarationError(f"metric {self.name!r} needs a cutoff: write for example {self.name}@10")
        if self.cutoff is not None and definition.cutoff == "forbidden":
            raise DeclarationError(f"metric '{self}': {self.name} takes no cutoff: write {self.name}")
        if self.cutoff is not None and self.cutoff < 1:
            raise DeclarationError(f"metric '{self}': the cutoff must be at least 1: write for example {self.name}@10")

    def __str__(self) -> str:
        return self.name if self.cutoff is None else f"{self.name}@{self.cutoff}"

    @property
    def kind(self) -> MetricKind:
        """`ranking`: arithmetic over hits and relevance labels; `judged`: arithmetic over judgments."""
        return _DEFINITIONS[self.name].kind

    @property
    def binary(self) -> bool:
        """Whether every question scores 0 or 1."""
        return _DEFINITIONS[self.name].binary

    @property
    def worst(self) -> float:
        """What a failed question scores. All metrics so far run from 0 to 1 and higher is better."""
        return 0.0


def parse(text: str) -> Metric:
    """Read a metric from its canonical text, or from what ir_measures or trec_eval call it, in any case.

    `ndcg@10`, `nDCG@10` and `ndcg_cut_10` are the same metric, and `parse(str(metric)) == metric`.
    Raises DeclarationError, with the nearest names, for text that names no metric.
    """
    lowered = text.strip().lower()
    if lowered in _DEFINITIONS or lowered in _ALIASES:
        return Metric(_ALIASES.get(lowered, lowered))
    name, at, cutoff = lowered.partition("@")
    name = _ALIASES.get(name, name)
    if at and name in _DEFINITIONS:
        if not _CUTOFF.fullmatch(cutoff):
            raise DeclarationError(
                f"metric {text!r}: found the cutoff {cutoff!r}, expected a whole number from 1: write {name}@10"
            )
        return Metric(name, int(cutoff))
    found = _TREC_EVAL_CUT.fullmatch(lowered)
    if found and found[1] in _TREC_EVAL_CUT_NAMES:
        return Metric(_TREC_EVAL_CUT_NAMES[found[1]], int(found[2]))
    raise _unknown(text)


def _unknown(text: str) -> DeclarationError:
    near = difflib.get_close_matches(text.strip().lower().partition("@")[0], [*_DEFINITIONS, *_ALIASES], n=3)
    near_forms = dict.fromkeys(_DEFINITIONS[_ALIASES.get(match, match)].form for match in near)
    guess = f"did you mean {' or '.join(near_forms)}? " if near else ""
    return DeclarationError(f"unknown metric {text!r}: {guess}`rageval list metrics` lists all of them")
