"""Whatever a benchmark holds, writing it to a folder and loading it changes nothing."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rageval.benchmark import from_records, load, select_questions
from rageval.types import Benchmark, Document, Question, RelevanceLabel

# Every code point that UTF-8 can hold, line separators of all kinds among them.
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(str.strip)
names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=5)
languages = st.sampled_from(["en", "zh"])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
metadata = st.dictionaries(texts, scalars | st.lists(scalars, max_size=2), max_size=2)
documents = st.builds(
    Document, id=names, text=texts, title=st.just("") | texts, language=languages, metadata=metadata
)  # fmt: skip
questions = st.builds(
    Question,
    id=names,
    text=texts,
    language=languages,
    references=st.lists(texts, max_size=2).map(tuple),
    tags=st.lists(st.sampled_from(["factual", "multi-hop", "unanswerable"]), unique=True).map(tuple),
)


@st.composite
def benchmarks(draw: st.DrawFn) -> Benchmark:
    docs = draw(st.lists(documents, min_size=1, max_size=4, unique_by=lambda document: document.id))
    asked = draw(st.lists(questions, min_size=1, max_size=4, unique_by=lambda question: question.id))
    labels: list[RelevanceLabel] = []
    for question in asked:
        for position, document in enumerate(docs):
            # The first document makes each answerable question one with a relevant document.
            lowest = (1 if position == 0 else -1) if question.answerable else -1
            grade = draw(st.integers(lowest, 3 if question.answerable else 0))
            cuts = sorted(draw(st.sets(st.integers(0, len(document.text)), max_size=4)))
            spans = list(zip(cuts[::2], cuts[1::2], strict=False)) or [(None, None)]
            labels += [RelevanceLabel(question.id, document.id, grade, start, end) for start, end in spans]
    return from_records("random", docs, asked, labels)


def write(benchmark: Benchmark, folder: Path, shuffle: random.Random | None = None) -> None:
    document_lines = [
        {"id": d.id, "text": d.text, "title": d.title, "language": d.language, "metadata": dict(d.metadata)}
        for d in benchmark.documents
    ]
    question_lines = [
        {"id": q.id, "text": q.text, "language": q.language, "references": list(q.references), "tags": list(q.tags)}
        for q in benchmark.questions
    ]
    label_lines = [
        "\t".join("" if cell is None else str(cell) for cell in (x.question_id, x.doc_id, x.grade, x.start, x.end))
        for x in benchmark.labels
    ]
    if shuffle is not None:
        for lines in (document_lines, question_lines, label_lines):
            shuffle.shuffle(lines)
    files = {
        "card.yaml": ["name: random"],
        "documents.jsonl": [json.dumps(line, ensure_ascii=False) for line in document_lines],
        "questions.jsonl": [json.dumps(line, ensure_ascii=False) for line in question_lines],
        "labels.tsv": ["question_id\tdocument_id\tgrade\tstart\tend", *label_lines],
    }
    for name, lines in files.items():
        (folder / name).write_bytes("".join(line + "\n" for line in lines).encode())


@given(benchmarks())
@settings(deadline=None)
def test_a_written_benchmark_loads_as_itself(benchmark: Benchmark) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(benchmark, Path(folder))
        assert load(folder) == benchmark


@given(benchmarks(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_lines_does_not_change_the_hash(benchmark: Benchmark, shuffle: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(benchmark, Path(folder), shuffle)
        assert load(folder).content_hash == benchmark.content_hash


@given(benchmarks(), st.data(), st.integers())
def test_a_sample_is_a_subset_in_order(benchmark: Benchmark, data: st.DataObject, seed: int) -> None:
    n = data.draw(st.integers(1, len(benchmark.questions)))
    chosen = select_questions(benchmark, n, seed)
    assert len(chosen) == n
    remaining = iter(benchmark.questions)
    assert all(question in remaining for question in chosen)
