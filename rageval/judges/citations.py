"""Citations, sentence by sentence: do the cited passages support the sentence, and is each of them needed?

Source: ALCE, Gao et al. 2023, arXiv 2305.14627. The passages are asked about by the prompt of the claim matrix
(`rageval.judges.support`), or by a detector; sentences that cite the same passages are judged in one call.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from rageval.judges.asking import asking, verdict_of
from rageval.judges.base import Item, JudgeBound, Judged
from rageval.judges.claim_list import MOST_CLAIMS, NUMBER_TOKENS
from rageval.judges.evidence import Context, nearest_sentence
from rageval.judges.light.detectors import Detector, shown_text
from rageval.judges.support import judge_support
from rageval.models.base import ChatModel
from rageval.pipeline import Bound, PromptSizes
from rageval.pipeline.sizes import prompt_size
from rageval.text import take_citations
from rageval.text.citations import CitedSentence, Source, cited_sentences, urls_in
from rageval.types import Abstained, Graded, Json, Language, Question, Response, Usage, Verdict

UNCITED = "cites no passage"

_Pair: TypeAlias = tuple[int, frozenset[int]]
"""A sentence, and places in the context of the passages that may support it."""


@dataclass(frozen=True)
class CitationSupport:
    """Does each sentence follow from the passages that it cites together, and does each citation help?

    An item `sentence` has grade 1 where the cited passages, joined, support the sentence. It has 0 without asking where
    it cites nothing, and, as in ALCE's code, where one of its markers names no passage that was read. An item
    `citation` has grade 1 where its sentence has, unless the passage alone does not support the sentence and the other
    cited ones do without it. A sentence with one citation takes one call, one with two at most three.

    What a sentence cites is read in `cited_answer`, or else in the answer (`rageval.text.citations`). Citations of a
    response that no marker places belong to the answer as a whole, which then counts as one sentence. An abstention and
    an empty answer cost nothing. With a `detector`, that is asked in place of the chat model.
    """

    name: str = "citation_support"
    summary: str = "Do the cited passages support each sentence of the answer, and is each of them needed?"
    detector: Detector | None = None

    @property
    def prompts(self) -> tuple[str, ...]:
        return ("support",) if self.detector is None else ()

    @property
    def settings(self) -> Mapping[str, Json]:
        settings: dict[str, Json] = {"citations": "by sentence"}
        return settings if self.detector is None else {**settings, "detector": {**self.detector.settings}}

    def with_detector(self, detector: Detector) -> CitationSupport:
        return replace(self, detector=detector)

    def calls(self, passages: int) -> tuple[int, int]:
        """At most one for every set of passages, when it is cited and when one more is; and one for each passage alone.
        A detector takes its own for each sentence.
        """
        sets = _most_sets(passages)
        return 0, sets if self.detector is None else self.detector.calls(MOST_CLAIMS * sets)

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        passages, sentences = sizes.context.passages, sizes.answer
        sets = _most_sets(passages)
        pairs = None if sentences is None else sentences * min(sets, 1 + 2 * passages)
        if self.detector is not None:
            calls = self.detector.calls(1) and (None if pairs is None else self.detector.calls(pairs))
            return JudgeBound(Bound(calls, None if calls != 0 else 0))
        listed = None if sentences is None else sentences * (1 + NUMBER_TOKENS)
        prompt = prompt_size("support", sizes.language, listed, sizes.passages())
        return JudgeBound(asking(prompt) * (sets if pairs is None else min(sets, pairs)))

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer:
            return Judged()
        asked = _Asked(self.detector, cited_in(response), response, question.language, chat)
        await asked.ask_all()
        return Judged(tuple(asked.items()), asked.usage)


def _most_sets(passages: int) -> int:
    """How often a set of passages is asked about at most: those that are cited, single ones, and those with one left
    out, each in its own round.
    """
    every = 2**passages - 1
    return every + passages + every - 1 if passages > 1 else passages


def cited_in(response: Response) -> list[CitedSentence]:
    """The sentences of an answer with the places in the context that each cites."""
    sources = [
        Source(passage.title, urls_in(f"{passage.doc_id} {passage.title}")) for passage in response.context_passages
    ]
    answer, written = response.answer or "", response.cited_answer
    if written is not None and take_citations(written, len(sources))[0] != answer:
        written = None  # of an answer that a later stage replaced
    found = cited_sentences(answer if written is None else written, sources)
    if not response.citations or any(one.cited or one.lost for one in found):
        return found
    places = [response.context.index(hit) for hit in response.citations if hit in response.context]
    unread = [f"hit {hit + 1}" for hit in response.citations if hit not in response.context]
    return [CitedSentence(answer, tuple(dict.fromkeys(places)), tuple(dict.fromkeys(unread)))]


class _Asked:
    """What is known of one answer's sentences against sets of the passages that they cite."""

    def __init__(
        self,
        detector: Detector | None,
        sentences: Sequence[CitedSentence],
        response: Response,
        language: Language,
        chat: ChatModel,
    ) -> None:
        self.usage = Usage()
        self._detector = detector
        self._sentences = sentences
        self._context: Context = list(zip(response.context, response.context_passages, strict=True))
        self._language = language
        self._chat = chat
        self._known: dict[_Pair, Verdict] = {}

    async def ask_all(self) -> None:
        """All passages of each sentence together; where that is a yes for several, each alone, and for those that
        alone are a no, the others without it.
        """
        cited = {i: frozenset(one.cited) for i, one in enumerate(self._sentences) if one.cited and not one.lost}
        await self._ask(cited.items())
        several = {i: places for i, places in cited.items() if len(places) > 1 and self._says(i, places) is True}
        await self._ask([(i, frozenset({place})) for i, places in several.items() for place in places])
        alone = [(i, place) for i, places in several.items() for place in places if self._says(i, {place}) is False]
        await self._ask([(i, several[i] - {place}) for i, place in alone])

    def items(self) -> list[Item]:
        """Every sentence, and behind it each of its citations."""
        found: list[Item] = []
        citations = 0
        for i, one in enumerate(self._sentences):
            found.append(Item("sentence", i, one.text, self._of_sentence(i, one)))
            for shown, verdict in self._of_citations(i, one):
                found.append(Item("citation", citations, f"{shown} {one.text}", verdict))
                citations += 1
        return found

    def _of_sentence(self, i: int, one: CitedSentence) -> Verdict:
        if not one.cited and not one.lost:
            return Graded(0.0, rationale=UNCITED)
        if one.lost:
            return Graded(0.0, rationale=self._told(one.lost))
        verdict = self._known[i, frozenset(one.cited)]
        if isinstance(verdict, Abstained) or not verdict.grade:
            return verdict
        shown = nearest_sentence(one.text, [self._context[place] for place in one.cited], self._language)
        return verdict if shown is None else replace(verdict, evidence=(shown,))

    def _of_citations(self, i: int, one: CitedSentence) -> list[tuple[str, Verdict]]:
        found: list[tuple[str, Verdict]] = [
            (marker, Graded(0.0, rationale=self._told([marker]))) for marker in one.lost
        ]
        return found + [(f"[{place + 1}]", self._of_citation(i, place, one)) for place in one.cited]

    def _of_citation(self, i: int, place: int, one: CitedSentence) -> Verdict:
        if one.lost:
            return Graded(0.0, rationale=f"its sentence is not supported: {self._told(one.lost)}")
        together = self._known[i, frozenset(one.cited)]
        if isinstance(together, Abstained):
            return together
        if not together.grade:
            return Graded(0.0, rationale="its sentence is not supported")
        if len(one.cited) == 1:
            return Graded(1.0, together.probability)
        alone = self._known[i, frozenset({place})]
        if isinstance(alone, Abstained) or alone.grade:
            return alone
        others = self._known[i, frozenset(one.cited) - {place}]
        if isinstance(others, Abstained):
            return others
        if others.grade:
            return Graded(0.0, rationale="it does not support the sentence, and the others do without it")
        return Graded(1.0, rationale="the others do not support the sentence without it")

    def _told(self, lost: Sequence[str]) -> str:
        verb = "names" if len(lost) == 1 else "name"
        return f"{', '.join(lost)} {verb} none of the {len(self._context)} passages that were read"

    def _says(self, i: int, places: Collection[int]) -> bool | None:
        """Whether these passages support the sentence; None where the judge abstained."""
        verdict = self._known[i, frozenset(places)]
        return None if isinstance(verdict, Abstained) else verdict.grade > 0.0

    async def _ask(self, asked: Collection[_Pair]) -> None:
        """Each set of passages once, about all sentences that it is asked for and that are not known yet."""
        by_set: dict[frozenset[int], list[int]] = {}
        for i, places in asked:
            if (i, places) not in self._known and i not in by_set.get(places, ()):
                by_set.setdefault(places, []).append(i)
        for places, numbers in by_set.items():
            texts = [self._sentences[i].text for i in numbers]
            verdicts, usage = await self._supported(texts, [self._context[place] for place in sorted(places)])
            self.usage += usage
            self._known.update({(i, places): verdict for i, verdict in zip(numbers, verdicts, strict=True)})

    async def _supported(self, texts: Sequence[str], context: Context) -> tuple[list[Verdict], Usage]:
        if self._detector is None:
            return await judge_support(texts, context, self._language, self._chat, whole=len(texts))
        shown = _joined(context)
        pairs = [(text, shown) for text in texts]
        said, usage = await self._detector.probabilities("faithfulness", pairs, self._language, self._chat)
        return [one if isinstance(one, Abstained) else verdict_of(one) for one in said], usage


def _joined(context: Context) -> list[str]:
    """Passages as one text, since a detector that takes the best of several would not join what they say."""
    return ["\n".join(shown_text(passage) for _, passage in context)]
