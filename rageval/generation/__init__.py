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

__all__ = [
    "Answer",
    "AnswerFromMemory",
    "ExpandQuery",
    "NormaliseQuery",
    "RewriteQueries",
    "SelfReflect",
    "StepBack",
    "SubQuestions",
    "WriteHypotheticalAnswers",
]
