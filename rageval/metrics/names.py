"""The names of metrics: a metric is a value, printed as its text and parsed back from it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from rageval.errors import DeclarationError

MetricKind: TypeAlias = Literal["ranking", "judged", "answer"]

CUSTOM = "custom."
OF_JUDGE = ":"


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """One row of `rageval list metrics`.

    `kind` says what it is worked out from: `ranking` from hits and relevance labels, `judged` from judgments, `answer`
    from the answer and the references alone. `cutoff` says whether the text takes `@k`; `binary`, that every question
    scores 0 or 1; `lower_is_better`, that 1 is the worst score.
    """

    name: str
    kind: MetricKind
    cutoff: Literal["required", "optional", "forbidden"]
    meaning: str
    source: str
    binary: bool = False
    lower_is_better: bool = False

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
_RAGCHECKER = "Ru et al. 2024, arXiv 2408.08067"
_NUGGETS = "Voorhees 2003; Pradeep et al. 2024, arXiv 2411.09607"

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
        "faithfulness",
        "judged",
        "forbidden",
        "claims of the answer that its context supports / all claims",
        _RAGAS,
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
        "answer_relevance_by_questions",
        "judged",
        "forbidden",
        "mean cosine of the question's embedding with those of three questions written from the answer",
        _RAGAS,
    ),
    MetricDefinition(
        "context_relevance",
        "judged",
        "forbidden",
        "passages of the context that state the answer or a part of it / all passages of it",
        f"after {_RAGAS}",
    ),
    MetricDefinition(
        "context_relevance_sentences",
        "judged",
        "forbidden",
        "sentences of the context that are needed to answer the question / all sentences of it",
        _RAGAS,
    ),
    MetricDefinition(
        "context_relevance_graded",
        "judged",
        "forbidden",
        "mean of the passages' grades from 0 to 3 / 3",
        "UMBRELA, Upadhyay et al. 2024, arXiv 2406.06519",
    ),
    MetricDefinition(
        "context_precision",
        "judged",
        "forbidden",
        "mean, over the passages that help, of the share of helping passages down to there; 0 if none helps",
        "RAGAS context precision",
    ),
    MetricDefinition(
        "context_recall",
        "judged",
        "forbidden",
        "claims of the reference that the context supports / all its claims",
        _RAGCHECKER,
    ),
    MetricDefinition(
        "context_utilisation",
        "judged",
        "forbidden",
        "claims of the reference that the context supports and the answer makes / those that the context supports",
        _RAGCHECKER,
    ),
    MetricDefinition(
        "answer_precision",
        "judged",
        "forbidden",
        "claims of the answer that follow from the reference / all claims",
        _RAGCHECKER,
    ),
    MetricDefinition(
        "answer_recall",
        "judged",
        "forbidden",
        "claims of the reference that the answer makes / all its claims",
        _RAGCHECKER,
    ),
    MetricDefinition(
        "answer_f1",
        "judged",
        "forbidden",
        "harmonic mean of answer_precision and answer_recall",
        _RAGCHECKER,
    ),
    MetricDefinition(
        "hallucination",
        "judged",
        "forbidden",
        "claims that neither context nor reference supports / all claims",
        _RAGCHECKER,
        lower_is_better=True,
    ),
    MetricDefinition(
        "self_knowledge",
        "judged",
        "forbidden",
        "claims that the reference supports and the context does not / all claims",
        _RAGCHECKER,
        lower_is_better=True,
    ),
    MetricDefinition(
        "noise_sensitivity_relevant",
        "judged",
        "forbidden",
        "claims that the reference does not support and a relevant passage does / all claims",
        _RAGCHECKER,
        lower_is_better=True,
    ),
    MetricDefinition(
        "noise_sensitivity_irrelevant",
        "judged",
        "forbidden",
        "claims that the reference does not support and only irrelevant passages do / all claims",
        _RAGCHECKER,
        lower_is_better=True,
    ),
    MetricDefinition(
        "answer_correctness",
        "judged",
        "forbidden",
        "1 if the answer says what a reference says, else 0",
        "Kamalloo et al. 2023, arXiv 2305.06984",
        binary=True,
    ),
    MetricDefinition(
        "completeness",
        "judged",
        "forbidden",
        "1 if the answer covers everything that is asked, else 0",
        "rageval",
        binary=True,
    ),
    MetricDefinition(
        "harmlessness",
        "judged",
        "forbidden",
        "1 if the answer holds nothing harmful, else 0",
        "Bai et al. 2022, arXiv 2204.05862",
        binary=True,
    ),
    MetricDefinition(
        "nugget_recall",
        "judged",
        "forbidden",
        "vital nuggets that the answer supports (in part: half) / all vital nuggets",
        _NUGGETS,
    ),
    MetricDefinition(
        "nugget_recall_all",
        "judged",
        "forbidden",
        "nuggets, vital and okay, that the answer supports (in part: half) / all nuggets",
        _NUGGETS,
    ),
    MetricDefinition(
        "semantic_similarity",
        "judged",
        "forbidden",
        "cosine of the answer's embedding with that of the nearest reference, 0 if below",
        "after Risch et al. 2021, arXiv 2108.06130",
    ),
    MetricDefinition(
        "exact_match",
        "answer",
        "forbidden",
        "1 if the answer is a reference, letter for letter after normalisation, else 0",
        "Rajpurkar et al. 2016, arXiv 1606.05250",
        binary=True,
    ),
    MetricDefinition(
        "answer_contains",
        "answer",
        "forbidden",
        "1 if the answer contains a reference after normalisation, else 0",
        "accuracy in RGB, Chen et al. 2023, arXiv 2309.01431",
        binary=True,
    ),
    MetricDefinition(
        "token_f1",
        "answer",
        "forbidden",
        "F1 of the words shared with the best reference (characters in Chinese)",
        "Rajpurkar et al. 2016, arXiv 1606.05250",
    ),
    MetricDefinition(
        "rouge_l",
        "answer",
        "forbidden",
        "F1 of the longest common subsequence of words with the best reference",
        "Lin 2004",
    ),
    MetricDefinition(
        "bleu",
        "answer",
        "forbidden",
        "sentence BLEU against the references / 100",
        "sacrebleu; Papineni et al. 2002",
    ),
    MetricDefinition(
        "chrf",
        "answer",
        "forbidden",
        "sentence chrF2 against the references / 100",
        "sacrebleu; Popović 2015",
    ),
    MetricDefinition(
        "negative_rejection",
        "answer",
        "forbidden",
        "of unanswerable questions: 1 if the pipeline abstained, else 0",
        "RGB, Chen et al. 2023, arXiv 2309.01431",
        binary=True,
    ),
    MetricDefinition(
        "abstention_accuracy",
        "answer",
        "forbidden",
        "1 if the pipeline abstained on an unanswerable question or answered an answerable one, else 0",
        "rageval",
        binary=True,
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
_CUSTOM_NAME = re.compile(re.escape(CUSTOM) + r"[a-z][a-z0-9_]*")
_JUDGE_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_CUTOFF = re.compile(r"[0-9]{1,9}")
_TREC_EVAL_CUT = re.compile(r"([a-z_]+)[_.]([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as a value: equal and hashable, `str(metric)` is its canonical text (`ndcg@10`, `faithfulness:strong`).

    `name` is one of `ALL_METRICS`; `cutoff` is the number of documents looked at, from 1, or None for all. `judge` says
    whose verdicts a judged metric reads: those that `rageval judge --name` added to a run; empty for the run's own.
    Raises DeclarationError for an unknown name, a cutoff where none belongs, or none where one is needed, a judge where
    none belongs, and a judge's name that is none.
    """

    name: str
    cutoff: int | None = None
    judge: str = ""

    def __post_init__(self) -> None:
        definition = _definition(self.name)
        if self.cutoff is None and definition.cutoff == "required":
            raise DeclarationError(f"metric {self.name!r} needs a cutoff: write for example {self.name}@10")
        if self.cutoff is not None and definition.cutoff == "forbidden":
            raise DeclarationError(f"metric '{self}': {self.name} takes no cutoff: write {self.name}")
        if self.cutoff is not None and self.cutoff < 1:
            raise DeclarationError(f"metric '{self}': the cutoff must be at least 1: write for example {self.name}@10")
        if self.judge:
            check_judge_name(self.judge, f"metric '{self}'")
            if definition.kind != "judged":
                raise DeclarationError(f"metric '{self}': {self.name} is of no judge: write {replace(self, judge='')}")

    def __str__(self) -> str:
        cutoff = "" if self.cutoff is None else f"@{self.cutoff}"
        return f"{self.name}{cutoff}{OF_JUDGE if self.judge else ''}{self.judge}"

    @property
    def kind(self) -> MetricKind:
        """What the metric is worked out from; see `MetricDefinition`."""
        return _definition(self.name).kind

    @property
    def binary(self) -> bool:
        """Whether every question scores 0 or 1."""
        return _definition(self.name).binary

    @property
    def lower_is_better(self) -> bool:
        """Whether 1 is the worst score, and 0 the best."""
        return _definition(self.name).lower_is_better

    @property
    def worst(self) -> float:
        """What a failed question scores: every metric runs from 0 to 1."""
        return 1.0 if self.lower_is_better else 0.0


def parse(text: str) -> Metric:
    """Read a metric from its canonical text, or from what ir_measures or trec_eval call it, in any case.

    `ndcg@10`, `nDCG@10` and `ndcg_cut_10` are the same metric, and `parse(str(metric)) == metric`. `custom.NAME` is the
    metric of a judge of the user's own, its name as it stands. After a colon stands the judge whose verdicts count.
    Raises DeclarationError, with the nearest names, for text that names no metric.
    """
    plain, of_judge, judge = text.partition(OF_JUDGE)
    if of_judge:
        check_judge_name(judge.strip(), f"metric {text!r}")
        return replace(parse(plain), judge=judge.strip())
    if text.startswith(CUSTOM):
        return Metric(text)
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


def check_judge_name(name: str, place: str) -> None:
    """Raises DeclarationError, which begins with the place, for what is no name of a judge beside a run's own."""
    if not _JUDGE_NAME.fullmatch(name):
        raise DeclarationError(
            f"{place}: found {name!r} as the name of a judge, expected lower-case letters, digits, '-' and '_', as in "
            "strong"
        )


def _definition(name: str) -> MetricDefinition:
    if _CUSTOM_NAME.fullmatch(name):
        return MetricDefinition(name, "judged", "forbidden", "a judge of your own", "its rubric")
    if name not in _DEFINITIONS:
        raise _unknown(name)
    return _DEFINITIONS[name]


def _unknown(text: str) -> DeclarationError:
    near = difflib.get_close_matches(text.strip().lower().partition("@")[0], [*_DEFINITIONS, *_ALIASES], n=3)
    near_forms = dict.fromkeys(_DEFINITIONS[_ALIASES.get(match, match)].form for match in near)
    guess = f"did you mean {' or '.join(near_forms)}? " if near else ""
    return DeclarationError(f"unknown metric {text!r}: {guess}`rageval list metrics` lists all of them")
