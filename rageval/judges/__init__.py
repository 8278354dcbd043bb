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
from rageval.judges.context_verdict import CONTEXT_AGREEMENT, SUFFICIENT_CONTEXT, ContextVerdict
from rageval.judges.contradiction import ClaimContradiction
from rageval.judges.custom import CustomJudge
from rageval.judges.embedding import RegeneratedQuestions, SemanticSimilarity
from rageval.judges.entailment import AnswerEntailment, SentenceEntailment
from rageval.judges.fact_questions import FactQuestions
from rageval.judges.facts import FactMatch
from rageval.judges.nuggets import Nuggets
from rageval.judges.panel import Panel, check_raters, has_pool, judging_model, panel, with_pool
from rageval.judges.relevance import PassageGrade, PassageRelevance, SentenceRelevance
from rageval.judges.rubric import Rubric

_ALL: tuple[Judge, ...] = (
    ClaimSupport(),
    ReferenceSupport(),
    ClaimAgreement(),
    CitationSupport(),
    ClaimContradiction(),
    FactMatch(),
    FactQuestions(),
    SentenceEntailment(),
    AnswerEntailment(),
    SUFFICIENT_CONTEXT,
    CONTEXT_AGREEMENT,
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
    "AnswerEntailment",
    "AnswerVerdict",
    "CitationSupport",
    "ClaimAgreement",
    "ClaimContradiction",
    "ClaimSupport",
    "ContextVerdict",
    "CustomJudge",
    "EmbeddingJudge",
    "FactMatch",
    "FactQuestions",
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
    "SentenceEntailment",
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
