"""Handles an exception in a judge: it becomes an abstention with the reason, or stops the run."""

from __future__ import annotations

from rageval.judges.base import Item, Judge, Judged
from rageval.models.base import ChatModel
from rageval.models.wrapped import MeteredChat
from rageval.pipeline.failure import raise_what_stops, told, traceback_of
from rageval.types import WHOLE_RESPONSE, Abstained, Question, Response


async def guarded_judgment(judge: Judge, question: Question, response: Response, chat: ChatModel) -> Judged:
    """Returns what the judge says. If it raises, returns an abstention about the whole response, with the cost of its
    calls so far.

    Raises the errors that must stop the run (`rageval.errors.STOPS_THE_RUN`).
    """
    metered = MeteredChat(chat)
    try:
        return await judge.judge(question, response, metered)
    except Exception as error:  # noqa: BLE001 (a judge may be of the user's own)
        return Judged((Item(WHOLE_RESPONSE, 0, response.answer or "", abstention_after(error)),), metered.usage)


def abstention_after(error: Exception) -> Abstained:
    """Returns the abstention of a judge that raised. Raises the error again if it must stop the run."""
    raise_what_stops(error)
    return Abstained(told(error), traceback=traceback_of(error))
