"""Filters: is a written question fit to be asked, and do its labels tell the truth?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rageval.synthesis.checks import (
    MOST_OVERLAP,
    duplicate_in,
    gives_itself_away,
    is_in_language,
    may_state,
    overlaps,
    reference_to_a_text,
    word_overlap,
)
from rageval.synthesis.desk import Desk
from rageval.synthesis.drafts import Draft, RefusedError
from rageval.synthesis.kinds import KINDS
from rageval.synthesis.search import rank_of
from rageval.types import Passage

ROUND_TRIP_DEPTH = 10
POOL_DEPTH = 5
DEEP = 20
_ONE_FACT = ("factual", "paraphrase", "cross_lingual", "follow_up", "multiple_choice")
_MAY_NAME_THE_ANSWER = ("comparison", "false_premise", "multiple_choice")


@dataclass(frozen=True, slots=True)
class Passed:
    """What the filters found of a question that passed them.

    `rank` is that of its evidence in a search for it; None where it is not among the first ten passages, and for an
    unanswerable question. `others` are passages that answer it too.
    """

    rank: int | None
    others: tuple[Passage, ...] = ()


async def pass_filters(kind: str, draft: Draft, desk: Desk, kept: Sequence[str]) -> Passed:
    """What is found of a good question. Raises RefusedError at the first filter that it does not pass: those that ask
    no model come first. `kept` are the questions that it must not repeat.
    """
    check_words(kind, draft, kept)
    if not await desk.says_yes("question_self_contained", draft.language, {"question": draft.asked}):
        raise RefusedError("unclear", "the judge does not see what it asks about")
    if not KINDS[kind].answerable:
        return await _check_unanswerable(draft, desk)
    if not await _is_answered(draft, desk, draft.evidence, may_abstain=False):
        raise RefusedError("evidence", "the judge, given the evidence alone, does not give the reference answer")
    if await _is_answered(draft, desk, ()):
        raise RefusedError("closed book", "the judge, given nothing, gives the reference answer")
    if kind == "multi_hop":
        await _check_both_needed(draft, desk)
    if kind == "multiple_choice":
        await _check_options(draft, desk)
    others = await _others_that_answer(draft, desk)
    if others and kind == "multi_hop":
        raise RefusedError("one passage", f"{others[0].id} alone leads to the reference answer")
    return Passed(rank_of(draft.evidence, await desk.search.find(draft.asked, ROUND_TRIP_DEPTH)), others)


def check_words(kind: str, draft: Draft, kept: Sequence[str]) -> None:
    """The filters that ask no model. Raises RefusedError."""
    said = str(draft.details.get("said", ""))
    texts = (draft.asked, *([said] if said else []))
    if not all(is_in_language(text, draft.language) for text in texts):
        raise RefusedError("language", f"expected {draft.language}")
    if draft.answer and kind not in _MAY_NAME_THE_ANSWER and gives_itself_away(draft.asked, draft.answer):
        raise RefusedError("given away", f"it contains {draft.answer!r}")
    for text in (*texts, draft.answer):
        if words := reference_to_a_text(text):
            raise RefusedError("refers to a text", f"it says {words!r}")
    if kind in _ONE_FACT and not _may_answer(draft, draft.evidence[0].text):
        raise RefusedError("evidence", f"nothing of {draft.answer!r} stands in the evidence")
    if kind == "paraphrase":
        overlap = word_overlap(draft.asked, (piece.text for piece in draft.evidence))
        if overlap > MOST_OVERLAP:
            raise RefusedError(
                "overlap", f"{overlap:.0%} of its words stand in the evidence, at most {MOST_OVERLAP:.0%}"
            )
    if (other := duplicate_in(draft.asked, kept)) is not None:
        raise RefusedError("duplicate", f"it repeats {other!r}")


async def _is_answered(draft: Draft, desk: Desk, passages: Sequence[Passage], *, may_abstain: bool = True) -> bool:
    """Whether the judge, with these passages or without any, gives the reference answer."""
    answer = await desk.answer(draft.asked, draft.language, passages, may_abstain=may_abstain)
    if answer is None or not _may_answer(draft, answer):
        return False
    return await desk.is_right(draft.asked, draft.language, draft.right_answers, answer)


def _may_answer(draft: Draft, text: str) -> bool:
    return any(may_state(text, answer, draft.asked) for answer in draft.right_answers)


async def _check_both_needed(draft: Draft, desk: Desk) -> None:
    """Each passage is deleted in turn: the others must not lead to the reference answer."""
    for deleted in range(len(draft.evidence)):
        left = [piece for place, piece in enumerate(draft.evidence) if place != deleted]
        if await _is_answered(draft, desk, left):
            raise RefusedError("one passage", f"{left[0].id} alone leads to the reference answer")


async def _check_options(draft: Draft, desk: Desk) -> None:
    options = [str(line) for line in draft.text.split("\n")[1:]]
    numbered = "\n".join(f"{number}. {option[3:]}" for number, option in enumerate(options, 1))
    right = next(place for place, option in enumerate(options) if option == draft.references[0])
    fields = {"question": draft.asked, "options": numbered}
    said = await desk.say_yes_each("question_options", draft.language, fields, len(options), draft.evidence)
    also = [options[place] for place, yes in enumerate(said) if yes and place != right]
    if also:
        raise RefusedError("options", f"the judge finds right too: {'; '.join(also)}")


async def _check_unanswerable(draft: Draft, desk: Desk) -> Passed:
    """A deep search over the corpus must find no passage from which the judge answers."""
    found = await desk.search.find(draft.asked, DEEP)
    (near,) = draft.evidence
    own = [one for one in desk.search.passages[near.doc_id] if one not in found]
    async for passage in desk.answering(draft.asked, draft.language, [*own, *found]):
        if await desk.answer(draft.asked, draft.language, [passage]) is not None:
            raise RefusedError("answered", f"the judge answers it from {passage.id}")
    return Passed(None)


async def _others_that_answer(draft: Draft, desk: Desk) -> tuple[Passage, ...]:
    """Passages from several retrievers, beside the evidence, that lead to the reference answer by themselves."""
    pool = await desk.search.pool(draft.asked, POOL_DEPTH)
    others = [one for one in pool if not any(overlaps(one, piece) for piece in draft.evidence)]
    likely = [one for one in others if _may_answer(draft, one.text)]
    said = desk.answering(draft.asked, draft.language, likely)
    return tuple([one async for one in said if await _is_answered(draft, desk, [one])])
