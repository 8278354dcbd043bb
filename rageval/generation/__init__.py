"""Stages that call a chat model: query transforms, answers, self-reflection."""

from rageval.generation.adaptive import Adaptive, Corrective
from rageval.generation.answer import Answer, AnswerFromMemory
from rageval.generation.candidates import AnswerCandidates
from rageval.generation.queries import (
    ExpandQuery,
    NormaliseQuery,
    RewriteQueries,
    StepBack,
    SubQuestions,
    WriteHypotheticalAnswers,
)
from rageval.generation.reflect import SelfReflect
from rageval.generation.self_contained import SelfContained

__all__ = [
    "Adaptive",
    "Answer",
    "AnswerCandidates",
    "AnswerFromMemory",
    "Corrective",
    "ExpandQuery",
    "NormaliseQuery",
    "RewriteQueries",
    "SelfContained",
    "SelfReflect",
    "StepBack",
    "SubQuestions",
    "WriteHypotheticalAnswers",
]
