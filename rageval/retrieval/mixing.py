"""Contexts with a chosen share of noise, and with false passages: what RGB's probes are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from rageval.benchmark.rgb import COUNTERFACTUAL
from rageval.errors import DeclarationError
from rageval.pipeline import NO_CONTEXT, ContextSize, Need, Query, Resources, Shared, Stage, State
from rageval.retrieval.chunkers import Chunker, most_tokens, without_model
from rageval.retrieval.indexes import BM25, Index, as_indexes
from rageval.retrieval.labelled import RetrieveLabelled
from rageval.retrieval.passages import split
from rageval.types import Document, Hit, Question


@dataclass(frozen=True)
class MixPassages(Stage):
    """Put `k` passages into the context, round(`noise` * `k`) of them irrelevant and the others relevant.

    Relevant are the passages that the question's labels name (as in `RetrieveLabelled`): the highest grades first, and
    of the same grade those in the question's language. Where there are fewer than wanted, noise takes their place: the
    step `mix_passages` says how many there were of each. With `counterfactual`, the question's counterfactual documents
    stand in for the relevant ones: those with a label of grade 0 or less for the question and `kind: counterfactual`
    in their metadata (see `rageval.benchmark.rgb`).

    Noise is the documents that the benchmark labels with grade 0 or less for the question, in the order of the labels.
    For a question without such labels it is near noise: the best passages that `index` finds for it in documents of its
    language that have no label for it. Where there is too little noise, the context is shorter. Of a document without
    a span, the first passage is taken.

    `seed` decides the order in the context alone, by the SHA-256 of seed, question id and passage id: it is the same
    everywhere, and passages that two shares of noise have in common stand in the same order. `hits` begin with the
    evidence. The stage sees labels: a probe of the generator, not a system. After RGB, Chen et al. 2023, arXiv
    2309.01431; RGB rounds the noise up. Raises DeclarationError for a question without counterfactual documents where
    those are wanted.
    """

    k: int = 5
    noise: float = 0.0
    counterfactual: bool = False
    seed: int = 0
    index: Index = BM25()

    def __post_init__(self) -> None:
        index, *others = as_indexes(self.index)
        if others:
            raise DeclarationError(f"index: found {1 + len(others)}, expected one")
        without_model(index.chunker)
        object.__setattr__(self, "index", index)
        if self.k < 1:
            raise DeclarationError(f"k: found {self.k}, expected at least 1")
        if not 0.0 <= self.noise <= 1.0:
            raise DeclarationError(f"noise: found {self.noise}, expected a share from 0 to 1")

    def needs(self, generate: bool) -> frozenset[Need]:
        return self.index.needs()

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return self.index.indexing_calls(documents)

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return self.index.indexing_tokens(documents)

    def all_prompts(self) -> frozenset[str]:
        return self.index.prompts()

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return ContextSize(self.k, most_tokens(self.index.chunker))

    def indexes(self) -> tuple[Shared[object], ...]:
        return (self.index,)

    async def run(self, state: State, resources: Resources) -> State:
        own = _Own.of(state.question, resources)
        if self.counterfactual:
            evidence = own.first_passages(own.false, self.index.chunker)
            if not evidence:
                raise DeclarationError(
                    f"counterfactual: found no counterfactual passage for question {state.question.id!r}, expected one "
                    "at least: ask questions that have them, such as those of rgb:zh_fact.json"
                )
        else:
            labelled = (await RetrieveLabelled(self.k, self.index.chunker).run(state, resources)).response.hits
            evidence = sorted(labelled, key=lambda hit: (-hit.score, not own.shares_language(hit)))
        evidence = evidence[: self.k - round(self.noise * self.k)]
        noise = own.first_passages(own.irrelevant, self.index.chunker) or await self._near_noise(own, resources)
        noise = noise[: self.k - len(evidence)]
        hits = (*evidence, *noise)
        order = sorted(range(len(hits)), key=lambda i: self._draw(own.question.id, hits[i].passage.id))
        false = len(evidence) if self.counterfactual else 0
        return state.with_response(hits=hits, context=tuple(order)).with_step(
            "mix_passages", relevant=len(evidence) - false, counterfactual=false, noise=len(noise)
        )

    async def _near_noise(self, own: _Own, resources: Resources) -> list[Hit]:
        index = await resources.get(self.index)
        found = await index.search(Query(own.question.text), len(own.documents))
        return [Hit(hit.passage, 0.0) for hit in found if own.is_unlabelled(hit) and own.shares_language(hit)]

    def _draw(self, question_id: str, passage_id: str) -> bytes:
        return hashlib.sha256(f"{self.seed}:{question_id}:{passage_id}".encode()).digest()


@dataclass(frozen=True, slots=True)
class _Own:
    """What the labels of one question say about the documents."""

    question: Question
    documents: dict[str, Document]
    grades: dict[str, int]

    @classmethod
    def of(cls, question: Question, resources: Resources) -> _Own:
        grades = {label.doc_id: label.grade for label in resources.labels if label.question_id == question.id}
        return cls(question, {document.id: document for document in resources.documents}, grades)

    @property
    def false(self) -> list[Document]:
        return [document for document in self._without_relevance() if _is_false(document)]

    @property
    def irrelevant(self) -> list[Document]:
        return [document for document in self._without_relevance() if not _is_false(document)]

    def _without_relevance(self) -> list[Document]:
        return [self.documents[name] for name, grade in self.grades.items() if grade <= 0 and name in self.documents]

    def first_passages(self, documents: list[Document], chunker: Chunker) -> list[Hit]:
        return [Hit(passage, 0.0) for document in documents for passage in split(chunker, document)[:1]]

    def is_unlabelled(self, hit: Hit) -> bool:
        name = hit.passage.doc_id
        return name not in self.grades and not _is_false(self.documents[name])

    def shares_language(self, hit: Hit) -> bool:
        return self.documents[hit.passage.doc_id].language == self.question.language


def _is_false(document: Document) -> bool:
    return document.metadata.get("kind") == COUNTERFACTUAL
