"""Stages that call a chat model: query transforms, answers, self-reflection."""

from rageval.generation.answer import Answer, AnswerFromMemory
from rageval.generation.queries import RewriteQueries, WriteHypotheticalAnswers
from rageval.generation.reflect import SelfReflect

__all__ = ["Answer", "AnswerFromMemory", "RewriteQueries", "SelfReflect", "WriteHypotheticalAnswers"]
