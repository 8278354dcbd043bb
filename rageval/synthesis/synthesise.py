"""Write questions about a corpus. Every attempt is logged as it ends, so that a killed synthesis goes on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from rageval.errors import BudgetError, DeclarationError
from rageval.experiment.choose_models import choose_budget
from rageval.experiment.open_models import OpenModels
from rageval.experiment.workers import work_through
from rageval.models.base import ChatModel, Embedder
from rageval.prompts import prompt_digests
from rageval.synthesis.attempts import Attempt, State, Task, settle
from rageval.synthesis.coverage import Source, sources_in_turn
from rageval.synthesis.desk import Desk
from rageval.synthesis.drafts import Draft, RefusedError
from rageval.synthesis.filters import pass_filters
from rageval.synthesis.folder import LOG, Folder
from rageval.synthesis.kinds import KINDS, allot, kinds_in_order
from rageval.synthesis.request import Request
from rageval.synthesis.result import Synthesis, yields_of
from rageval.synthesis.search import CHUNKER, PASSAGE_TOKENS, Search
from rageval.synthesis.writing import PROMPTS, WRITERS
from rageval.types import Json, Passage, Usage

_log = logging.getLogger("rageval")

OnKept = Callable[[int, int], None]
CHECKED_WITH = ("answer", "answer_correctness", "answer_from_memory", "passage_relevance")
_FORMAT = 2
_DRAWS = 1000


@dataclass(frozen=True)
class Forecast:
    """What a synthesis would ask. `low` calls if every question is kept at once and no other passage seems to answer,
    `high` if all `attempts` at each are made up to the last filter (without calls for other passages that answer).
    """

    questions: Mapping[str, int]
    passages: int
    documents: int
    low: int
    high: int
    done: int

    def to_json(self) -> dict[str, Json]:
        return {
            "questions": {**self.questions},
            "documents": self.documents,
            "passages": self.passages,
            "calls_at_least": self.low,
            "calls_about_at_most": self.high,
            "attempts_done": self.done,
        }


def forecast(request: Request, out: Path) -> Forecast:
    """What `synthesise` would ask; no model is opened. The attempts in `out` are counted, whatever they are of."""
    log = out / LOG
    done = len(log.read_bytes().splitlines()) if log.is_file() else 0
    counts = allot(request.mix, request.n)
    passages = sum(len(CHUNKER.split(document)) for document in request.benchmark.documents)
    low, high = (sum(KINDS[kind].calls[end] * n for kind, n in counts.items()) for end in (0, 1))
    return Forecast(counts, passages, len(request.benchmark.documents), low, high * request.attempts, done)


def synthesise(
    request: Request,
    out: Path,
    cache: Path,
    *,
    on_kept: OnKept | None = None,
    on_embedding: Callable[[int, int], None] | None = None,
) -> Synthesis:
    """Write the benchmark `out`: as many questions as asked for, or fewer, with the reason.

    Goes on with the same synthesis in that folder, and pays for nothing twice. `on_kept` gets (questions so far, n).
    Where the budget is spent, the benchmark holds what there is by then. Raises DeclarationError before anything is
    asked (the folder holds something else, a model cannot be opened), ModelError where a model refuses every call.
    """
    started = time.monotonic()
    with OpenModels(cache, budget=choose_budget([request.budget]), on_embedding=on_embedding) as models:
        generator = models.chat(request.models.chat, request.base)
        judge = models.chat(request.models.raters[0], request.base)
        embedder = models.embedder(request.models.embed, request.base)
        work = _Work(request, generator, judge, embedder, out, cache, on_kept or (lambda done, total: None))
        work.folder.check(work.job)
        if generator is judge or generator.identity == judge.identity:
            _log.warning(
                "synthesis: the same model writes and checks the questions (%s), and may find its own mistakes right: "
                "give another judge in a file of models, or let people check them",
                generator.identity,
            )
        with work.folder.locked(work.job):
            state, stopped, reused = models.run(work.run())
            return work.finish(state, stopped, reused, time.monotonic() - started)


@dataclass(frozen=True)
class _Work:
    request: Request
    generator: ChatModel
    judge: ChatModel
    embedder: Embedder
    out: Path
    cache: Path
    on_kept: OnKept

    @cached_property
    def folder(self) -> Folder:
        return Folder(self.out, {document.id: document for document in self.request.benchmark.documents})

    @cached_property
    def kinds(self) -> list[str]:
        return kinds_in_order(self.request.mix, self.request.n, self.request.seed)

    @cached_property
    def known(self) -> list[str]:
        """The benchmark's own questions, which none may repeat."""
        return [question.text for question in self.request.benchmark.questions]

    @property
    def job(self) -> dict[str, Json]:
        """Whatever can change a question."""
        asked = self.request
        return {
            "format": _FORMAT,
            "benchmark": asked.benchmark.content_hash,
            "n": asked.n,
            "mix": {**asked.mix},
            "personas": [*asked.personas],
            "like": [*asked.like],
            "seed": asked.seed,
            "attempts": asked.attempts,
            "keep_questions": asked.keep_questions,
            "passage_tokens": PASSAGE_TOKENS,
            "generator": self.generator.identity,
            "judge": self.judge.identity,
            "embedder": self.embedder.identity,
            "prompts": prompt_digests([*PROMPTS, *CHECKED_WITH]),
        }

    async def run(self) -> tuple[State, str, int]:
        """The last state, why the work stopped early, and how many attempts were there before."""
        made = self.folder.read()
        state = self._settle(made)
        if len(state.kept) == self.request.n:
            return state, "", len(made)
        made = {key: one for key, one in made.items() if one.filter != "call failed"}
        reused, state = len(made), self._settle(made)
        try:
            search = await Search.build(self.request.benchmark.documents, self.embedder, self.cache)
            sources = await self._sources(search)
            while state.open:
                await self._round(state, made, search, sources)
                state = self._settle(made)
        except BudgetError as error:
            return self._settle(made), str(error), reused
        return state, "", reused

    async def _sources(self, search: Search) -> list[Source]:
        if not any(search.passages.values()):
            raise DeclarationError(f"{self.request.benchmark.name}: found no text in any document, expected some")
        wanted = self.request.n * self.request.attempts
        turn = sources_in_turn(search.passages, await search.topics(self.request.seed), self.request.seed)
        return [*islice(turn, wanted)]

    def _settle(self, made: Mapping[tuple[int, int], Attempt]) -> State:
        return settle(made, self.request.n, self.request.attempts, self.known)

    async def _round(
        self, state: State, made: dict[tuple[int, int], Attempt], search: Search, sources: list[Source]
    ) -> None:
        kept = len(state.kept)
        self.on_kept(kept, self.request.n)

        async def attempt(task: Task) -> None:
            nonlocal kept
            one = await self._attempt(task, search, state)
            self.folder.add(one)
            made[one.slot, one.attempt] = one
            if not one.filter:
                kept += 1
                self.on_kept(kept, self.request.n)

        tasks = [
            Task(slot, state.round, self.kinds[slot], sources[state.round * self.request.n + slot])
            for slot in state.open
        ]
        at_once = max(self.generator.concurrency, self.judge.concurrency)
        await work_through(tasks, attempt, at_once, 0, lambda done, total: None)

    async def _attempt(self, task: Task, search: Search, state: State) -> Attempt:
        sample = 1 + self.request.seed % _DRAWS * _DRAWS + task.source.draw
        desk = Desk(self.generator, self.judge, search, sample, self.request.style_of(task.slot))
        draft: Draft | None = None
        refused, reason, rank, others = "", "", None, tuple[Passage, ...]()
        try:
            draft = await WRITERS[task.kind](desk, task.source)
            passed = await pass_filters(task.kind, draft, desk, state.earlier)
            rank, others = passed.rank, passed.others
        except RefusedError as error:
            refused, reason = error.filter, str(error)
        usage: Usage = desk.usage
        return Attempt(
            task.slot, task.attempt, task.kind, refused, reason, draft, rank, others, task.source.passage, usage
        )

    def finish(self, state: State, stopped: str, reused: int, elapsed_s: float) -> Synthesis:
        kept = [state.kept[slot] for slot in sorted(state.kept)]
        provenance: dict[str, Json] = {
            "generator": self.generator.identity,
            "judge": self.judge.identity,
            "seed": self.request.seed,
        }
        if not kept and not (self.request.keep_questions and self.known):
            ids: list[str] = []
        else:
            ids = self.folder.write(
                self.request.benchmark, kept, provenance, keep_questions=self.request.keep_questions
            )
        return Synthesis(
            self.out,
            tuple(ids),
            yields_of(state, self.kinds),
            self.request.attempts,
            self.generator.identity,
            self.judge.identity,
            stopped,
            reused,
            elapsed_s,
        )
