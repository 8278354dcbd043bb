"""RAGAS's data sets as benchmarks with recorded runs, and runs as its data sets."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ragas import EvaluationDataset, SingleTurnSample

from rageval.benchmark import from_records
from rageval.errors import DeclarationError
from rageval.identity import fingerprint
from rageval.io.records import outcome_to_json
from rageval.io.run_folder import RunFolder
from rageval.pipeline import Pipeline
from rageval.pipeline.function import CallFunction
from rageval.types import Benchmark, Document, Hit, Passage, Question, RelevanceLabel, Response


def to_ragas(run_folder: str | Path) -> EvaluationDataset:
    """A run as a RAGAS data set: a sample for each question, in the order of the run.

    `retrieved_contexts` are the passages that the generator read, as judges see them (with their titles), and
    `retrieved_context_ids` their documents; `reference` is the first reference; `reference_context_ids` are the
    documents with a grade above 0, best first. What a question has none of is None: a failed one has no response and no
    contexts. Raises DeclarationError where the folder holds no finished run.
    """
    folder = RunFolder(Path(run_folder))
    name = folder.manifest()["benchmark"]["name"]
    outcomes = folder.outcomes()
    samples: list[SingleTurnSample] = []
    for question, grades in folder.questions().values():
        outcome = outcomes.get(question.id)
        if outcome is None:
            raise DeclarationError(f"{run_folder}: question {question.id} has no response yet: finish the run first")
        relevant = sorted((doc_id for doc_id, grade in grades.items() if grade > 0), key=lambda d: (-grades[d], d))
        response = outcome if isinstance(outcome, Response) else Response()
        given = SingleTurnSample(reference_context_ids=[*relevant] or None)
        samples.append(sample_of(question, response, given))
    return EvaluationDataset(samples=[*samples], name=name)


def from_ragas(dataset: EvaluationDataset, name: str) -> tuple[Benchmark, Pipeline]:
    """A RAGAS data set as a benchmark of that name, and what it recorded as the pipeline `recorded`.

    Questions are `q1`, `q2`, … in the order of the samples. Contexts are documents, under their ids where the samples
    give any, else under a digest of their text; an id without a text is a document without one. Reference contexts are
    labels of grade 1. Raises DeclarationError where a sample is of several turns, has no `user_input`, or has other
    than one id for each context.
    """
    samples = single_turns(dataset)
    retrieved = [
        _contexts(f"samples[{i}].retrieved_context", s.retrieved_context_ids, s.retrieved_contexts)
        for i, s in enumerate(samples)
    ]
    relevant = [
        _contexts(f"samples[{i}].reference_context", s.reference_context_ids, s.reference_contexts)
        for i, s in enumerate(samples)
    ]
    all_contexts = [context for contexts in (*retrieved, *relevant) for context in contexts]
    known = {text: doc_id for doc_id, text in reversed(all_contexts) if doc_id and text}

    def document_of(doc_id: str, text: str) -> str:
        return doc_id or known.get(text) or f"text-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    texts: dict[str, dict[str, None]] = {}
    for doc_id, text in all_contexts:
        texts.setdefault(document_of(doc_id, text), {}).update({text: None} if text else {})
    documents = {doc_id: _document(doc_id, "\n\n".join(parts)) for doc_id, parts in texts.items()}
    questions: list[Question] = []
    labels: list[RelevanceLabel] = []
    responses: dict[str, Response] = {}
    for number, (sample, hits, wanted) in enumerate(zip(samples, retrieved, relevant, strict=True), 1):
        text, references = sample.user_input or "", (sample.reference,) if sample.reference else ()
        question = Question(f"q{number}", text, references=references)
        questions.append(question)
        labels += [RelevanceLabel(question.id, d, 1) for d in dict.fromkeys(document_of(*one) for one in wanted)]
        found = [_hit(documents[document_of(*one)], one[1], rank) for rank, one in enumerate(hits)]
        responses[question.id] = Response(tuple(found), sample.response)
    no_documents = [Document("none", "", "no passages were recorded")]
    benchmark = from_records(name, [*documents.values()] or no_documents, questions, labels)

    async def recorded(question: Question) -> Response:
        return responses[question.id]

    digest = fingerprint({question: outcome_to_json(response, {}) for question, response in responses.items()})
    return benchmark, Pipeline("recorded", CallFunction(digest, recorded))


def sample_of(question: Question, response: Response, given: SingleTurnSample | None) -> SingleTurnSample:
    """The response as RAGAS sees it, with what else is `given`."""
    passages = response.context_passages
    texts = [f"{p.title}: {p.text}" if p.title else p.text for p in passages] if any(p.text for p in passages) else None
    known = given or SingleTurnSample()
    return known.model_copy(
        update={
            "user_input": question.text,
            "response": response.answer,
            "retrieved_contexts": texts,
            "retrieved_context_ids": [passage.doc_id for passage in passages] or None,
            "reference": question.references[0] if question.references else known.reference,
        }
    )


def single_turns(dataset: EvaluationDataset) -> list[SingleTurnSample]:
    """The data set's samples. Raises DeclarationError where one is of several turns or has no question."""
    samples: list[SingleTurnSample] = []
    for number, sample in enumerate(dataset.samples):
        if not isinstance(sample, SingleTurnSample):
            raise DeclarationError(f"samples[{number}]: found a {type(sample).__name__}, expected a SingleTurnSample")
        if not (sample.user_input or "").strip():
            raise DeclarationError(f"samples[{number}].user_input: found none, expected the question")
        samples.append(sample)
    if not samples:
        raise DeclarationError("samples: found none, expected at least one")
    return samples


def _contexts(place: str, ids: Sequence[object] | None, texts: Sequence[str] | None) -> list[tuple[str, str]]:
    """Ids with texts, either of them empty where it is not given."""
    given_texts = [""] * len(ids or ()) if texts is None else texts
    given_ids = [""] * len(given_texts) if ids is None else [str(one) for one in ids]
    if len(given_ids) != len(given_texts):
        raise DeclarationError(
            f"{place}_ids: found {len(given_ids)}, expected {len(given_texts)}, one for each of the contexts"
        )
    return [*zip(given_ids, given_texts, strict=True)]


def _document(doc_id: str, text: str) -> Document:
    return Document(doc_id, text, "" if text.strip() else doc_id)


def _hit(document: Document, text: str, rank: int) -> Hit:
    given = text or document.text
    start = document.text.index(given)
    return Hit(Passage(document.id, start, start + len(given), given, document.title), -float(rank))
