"""The judges, by name. `JUDGES` is what `rageval list judges` shows."""

from rageval.judges.abstention import Abstention
from rageval.judges.answer import ANSWER_CORRECTNESS, ANSWER_RELEVANCE, COMPLETENESS, HARMLESSNESS, AnswerVerdict
from rageval.judges.base import (
    EmbeddingJudge,
    Item,
    Judge,
    Judged,
    PooledJudge,
    asks_model,
    judge_bound,
    judge_key,
)
from rageval.judges.citations import CitationSupport
from rageval.judges.claim_support import ClaimAgreement, ClaimSupport, ReferenceSupport
from rageval.judges.custom import CustomJudge
from rageval.judges.embedding import RegeneratedQuestions, SemanticSimilarity
from rageval.judges.nuggets import Nuggets
from rageval.judges.panel import Panel, check_raters, has_pool, judging_model, panel, with_pool
from rageval.judges.relevance import PassageGrade, PassageRelevance, SentenceRelevance
from rageval.judges.rubric import Rubric

_ALL: tuple[Judge, ...] = (
    ClaimSupport(),
    ReferenceSupport(),
    ClaimAgreement(),
    CitationSupport(),
    PassageRelevance(),
    PassageGrade(),
    SentenceRelevance(),
    ANSWER_RELEVANCE,
    RegeneratedQuestions(),
    ANSWER_CORRECTNESS,
    COMPLETENESS,
    HARMLESSNESS,
    Nuggets(),
    SemanticSimilarity(),
    Abstention(),
)
JUDGES: dict[str, Judge] = {judge.name: judge for judge in _ALL}

__all__ = [
    "JUDGES",
    "Abstention",
    "AnswerVerdict",
    "CitationSupport",
    "ClaimAgreement",
    "ClaimSupport",
    "CustomJudge",
    "EmbeddingJudge",
    "Item",
    "Judge",
    "Judged",
    "Nuggets",
    "Panel",
    "PassageGrade",
    "PassageRelevance",
    "PooledJudge",
    "ReferenceSupport",
    "RegeneratedQuestions",
    "Rubric",
    "SemanticSimilarity",
    "SentenceRelevance",
    "asks_model",
    "check_raters",
    "has_pool",
    "judge_bound",
    "judge_key",
    "judging_model",
    "panel",
    "with_pool",
]
