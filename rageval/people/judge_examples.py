"""Examples for a light judge, made from a corpus and its questions: what is supported, and what is not."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rageval.judges.light.corruptions import BREAKING, KEEPING, Vocabulary, join, vocabulary
from rageval.judges.light.weights import TrainedMetric
from rageval.retrieval.indexes.bm25 import BM25Index
from rageval.text import count_tokens, sentences
from rageval.text.languages import Language, base_language
from rageval.types import Benchmark, Document, Question, RelevanceLabel

MOST_DOCUMENTS = 1000
"""Of a larger corpus, so many documents are drawn."""
MOST_SENTENCES = 8
REFERENCE = "reference"
"""The kind of examples that people wrote in their own words."""
FIRST_NEIGHBOUR = 5
"""The rank of BM25 from which a document counts as a near one that does not say the same."""
_LAST_NEIGHBOUR = 12
_FEWEST_TOKENS = 8
_MOST_SENTENCES_IN_CONTEXT = 8


@dataclass(frozen=True, slots=True)
class Example:
    """A claim, or a question, against passages: `label` 1 where they support or answer it. `kind` says how it was made,
    and `document` which document it is about.
    """

    claim: str
    passages: tuple[str, ...]
    language: Language
    label: int
    kind: str
    document: str


@dataclass(frozen=True, slots=True)
class _Corpus:
    """Documents of one language, as long as they have sentences to make examples of."""

    language: Language
    documents: tuple[Document, ...]
    parts: Mapping[str, tuple[str, ...]]
    vocabulary: Vocabulary
    index: BM25Index

    def near(self, text: str, document: str, rng: random.Random) -> Document:
        """A near document for the text by BM25, from rank 5; where there is none, any other."""
        hits = self.index.search(text, _LAST_NEIGHBOUR)
        ranked = [hit.passage.doc_id for hit in hits if hit.passage.doc_id != document]
        found = ranked[FIRST_NEIGHBOUR - 1 :] or ranked[-1:]
        return self._get(rng.choice(found)) if found else self.other(document, rng)

    def other(self, document: str, rng: random.Random) -> Document:
        """Any other document; the document itself where it is alone."""
        return rng.choice([one for one in self.documents if one.id != document] or list(self.documents))

    def _get(self, identity: str) -> Document:
        return next(one for one in self.documents if one.id == identity)


def corpus_examples(benchmark: Benchmark, metric: TrainedMetric, seed: int = 0) -> list[Example]:
    """The examples that the benchmark gives for the metric. Equal input and seed give equal examples."""
    if metric == "faithfulness":
        return [*support_examples(benchmark.documents, seed), *reference_examples(benchmark, seed)]
    return question_examples(benchmark, metric, seed)


def support_examples(documents: Sequence[Document], seed: int = 0) -> list[Example]:
    """Claims made of the sentences of the documents, against contexts that support them or not.

    Supported: a sentence verbatim, cut, reordered, shortened or reworded, and two sentences joined, with the sentences
    around them as context. Not supported: such a claim with a number, name, word, negation, opposite or role changed,
    or with an opinion or a sentence of another document added; and such a claim with its sentence taken out of the
    context, or with another document as context: any, and a near one by BM25 (ranks 5 and beyond). `seed` decides all
    choices.
    """
    rng = random.Random(seed)  # noqa: S311
    return [
        example
        for corpus in _corpora(documents, rng)
        for document in corpus.documents
        for example in _of_document(corpus, document, rng)
    ]


def question_examples(
    benchmark: Benchmark, metric: Literal["context_relevance", "answer_relevance"], seed: int = 0
) -> list[Example]:
    """Questions against passages that answer them or not, or against answers to them and to other questions.

    For `context_relevance`: the passage around a labelled span of the question, or the labelled document; against any
    other document, and near ones by BM25 (ranks 5 and beyond) without a label. For `answer_relevance`: the references
    and labelled spans; against those of other questions, any and near ones. Pairs of two languages are left out.
    """
    rng = random.Random(seed)  # noqa: S311
    make = _passage_examples if metric == "context_relevance" else _answer_examples
    return [*make(benchmark, rng)]


def reference_examples(benchmark: Benchmark, seed: int = 0) -> list[Example]:
    """The first reference of each question against the document that has its evidence, as it is and with a number,
    name, word or negation changed; and against a near document. Pairs of two languages are left out.
    """
    rng = random.Random(seed)  # noqa: S311
    corpora = {corpus.language: corpus for corpus in _corpora(benchmark.documents, rng)}
    made: list[Example] = []
    for question, document, _ in _labelled(benchmark):
        corpus = corpora.get(base_language(document.language))
        if corpus is None or not question.references:
            continue
        claim = question.references[0]
        about = _Maker(corpus, document, rng)
        made.append(about.make(claim, _whole(document), 1, REFERENCE))
        made.append(about.make(claim, _whole(corpus.near(claim, document.id, rng)), 0, "reference, near document"))
        made += about.broken(claim, _whole(document), 1, "reference, changed")
    return made


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes examples about one document."""

    corpus: _Corpus
    document: Document
    rng: random.Random

    def make(self, claim: str, passages: Sequence[str], label: int, kind: str) -> Example:
        return Example(claim, tuple(passages), self.corpus.language, label, kind, self.document.id)

    def broken(self, claim: str, passages: Sequence[str], count: int, called: str = "") -> list[Example]:
        """The claim with as many of the changes that break it, each of another kind; `called` names them all."""
        made: list[Example] = []
        for kind in self.rng.sample([*BREAKING], len(BREAKING)):
            changed = BREAKING[kind](claim, self.corpus.language, self.corpus.vocabulary, self.rng)
            if changed is not None and changed != claim and len(made) < count:
                made.append(self.make(changed, passages, 0, called or kind))
        return made


def _of_document(corpus: _Corpus, document: Document, rng: random.Random) -> Iterator[Example]:
    about = _Maker(corpus, document, rng)
    parts = corpus.parts[document.id]
    chosen = sorted(rng.sample(range(len(parts)), min(MOST_SENTENCES, len(parts))))
    for at in (one for one in chosen if count_tokens(parts[one]) >= _FEWEST_TOKENS):
        first = max(0, at - rng.randrange(_MOST_SENTENCES_IN_CONTEXT))
        last = min(len(parts), at + 1 + rng.randrange(_MOST_SENTENCES_IN_CONTEXT))
        context = [_text(parts[first:last], corpus.language)]
        without = [_text([*parts[first:at], *parts[at + 1 : last]], corpus.language)]
        claim = parts[at]
        yield about.make(claim, context, 1, "verbatim")
        said = [claim]
        for kind, change in KEEPING.items():
            if changed := change(claim, corpus.language, corpus.vocabulary, rng):
                said.append(changed)
                yield about.make(changed, context, 1, kind)
        others = [one for one in range(first, last) if one != at]
        if others:
            joined = join(claim, parts[rng.choice(others)], corpus.language)
            said.append(joined)
            yield about.make(joined, context, 1, "joined")
            yield about.make(rng.choice(said[:-1]), without, 0, "evidence removed")
        stranger = corpus.parts[corpus.other(document.id, rng).id]
        yield about.make(join(claim, rng.choice(stranger), corpus.language), context, 0, "sentence added")
        yield from about.broken(rng.choice(said), context, 3)
        yield about.make(rng.choice(said), _some(corpus, corpus.other(document.id, rng), rng), 0, "other document")
        yield about.make(rng.choice(said), _some(corpus, corpus.near(claim, document.id, rng), rng), 0, "near document")


def _passage_examples(benchmark: Benchmark, rng: random.Random) -> Iterator[Example]:
    corpora = {corpus.language: corpus for corpus in _corpora(benchmark.documents, rng)}
    relevant: dict[str, set[str]] = defaultdict(set)
    for label in benchmark.labels:
        if label.grade > 0:
            relevant[label.question_id].add(label.doc_id)
    for question, document, label in _labelled(benchmark):
        corpus = corpora.get(base_language(document.language))
        if corpus is None:
            continue
        about = _Maker(corpus, document, rng)
        yield about.make(question.text, [_around(document, label)], 1, "labelled")
        weak = corpus.other(document.id, rng)
        strong = corpus.near(question.text, document.id, rng)
        for other, kind in ((weak, "other document"), (strong, "near document")):
            if other.id not in relevant[question.id]:
                yield about.make(question.text, _some(corpus, other, rng), 0, kind)


def _answer_examples(benchmark: Benchmark, rng: random.Random) -> Iterator[Example]:
    labelled = [*_labelled(benchmark)]
    by_language: dict[Language, list[Question]] = defaultdict(list)
    for question in dict.fromkeys(question.id for question, _, _ in labelled):
        asked = next(one for one, _, _ in labelled if one.id == question)
        if asked.references:
            by_language[base_language(asked.language)].append(asked)
    for question, document, label in labelled:
        language = base_language(question.language)
        answers = [*question.references[:1]]
        if label.start is not None:
            answers.append(_around(document, label, sentences_around=0))
        others = [one for one in by_language[language] if one.id != question.id]
        for answer in answers:
            yield Example(question.text, (answer,), language, 1, "answer", document.id)
        for other in rng.sample(others, min(len(answers), len(others))):
            yield Example(question.text, (other.references[0],), language, 0, "answer to another question", document.id)


def _labelled(benchmark: Benchmark) -> Iterator[tuple[Question, Document, RelevanceLabel]]:
    """Each question with a document that answers it, in the question's language, and the label that says so."""
    questions = {question.id: question for question in benchmark.questions}
    documents = {document.id: document for document in benchmark.documents}
    seen: set[tuple[str, str]] = set()
    for label in benchmark.labels:
        question, document = questions.get(label.question_id), documents.get(label.doc_id)
        if question is None or document is None or label.grade <= 0 or (question.id, document.id) in seen:
            continue
        if base_language(question.language) == base_language(document.language):
            seen.add((question.id, document.id))
            yield question, document, label


def _corpora(documents: Sequence[Document], rng: random.Random) -> list[_Corpus]:
    """The documents by language; of a large corpus, 1,000 at random."""
    drawn = rng.sample([*documents], MOST_DOCUMENTS) if len(documents) > MOST_DOCUMENTS else [*documents]
    by_language: dict[Language, list[Document]] = defaultdict(list)
    parts: dict[str, tuple[str, ...]] = {}
    for document in drawn:
        found = tuple(document.text[start:end] for start, end in sentences(document.text))
        if found:
            by_language[base_language(document.language)].append(document)
            parts[document.id] = found
    return [
        _Corpus(
            language,
            tuple(some),
            parts,
            vocabulary((one.text for one in some), language),
            BM25Index([one.passage(0, len(one.text)) for one in some]),
        )
        for language, some in by_language.items()
    ]


def _some(corpus: _Corpus, document: Document, rng: random.Random) -> list[str]:
    """Some sentences of the document that stand together."""
    parts = corpus.parts[document.id]
    first = rng.randrange(len(parts))
    return [_text(parts[first : first + 2 + rng.randrange(_MOST_SENTENCES_IN_CONTEXT)], corpus.language)]


def _around(document: Document, label: RelevanceLabel, sentences_around: int = 2) -> str:
    """The sentences of the labelled span and those around them; the document where the label has no span."""
    if label.start is None or label.end is None:
        return document.text
    spans = sentences(document.text)
    inside = [i for i, (start, end) in enumerate(spans) if start < label.end and end > label.start]
    if not inside:
        return document.text
    first, last = max(0, inside[0] - sentences_around), min(len(spans) - 1, inside[-1] + sentences_around)
    return document.text[spans[first][0] : spans[last][1]]


def _whole(document: Document) -> list[str]:
    return [document.text]


def _text(parts: Sequence[str], language: Language) -> str:
    return ("" if language == "zh" else " ").join(parts)
