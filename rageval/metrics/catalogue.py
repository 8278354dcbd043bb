"""The catalogue of metrics: every metric that rageval has, with what it means and where it is from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

MetricKind: TypeAlias = Literal["ranking", "judged", "answer"]


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
        "attribution",
        "judged",
        "forbidden",
        "1 if the context supports all that the answer says, else 0",
        "Rashkin et al. 2023, arXiv 2112.12870",
        binary=True,
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
