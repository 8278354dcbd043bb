"""Stages that call a chat model: query transforms, answers, self-reflection."""

from rageval.generation.answer import Answer, AnswerFromMemory
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
    "Answer",
    "AnswerFromMemory",
    "ExpandQuery",
    "NormaliseQuery",
    "RewriteQueries",
    "SelfContained",
    "SelfReflect",
    "StepBack",
    "SubQuestions",
    "WriteHypotheticalAnswers",
]
