"""The hash is a plain SHA-256 of lines that can be written down by hand."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from rageval.benchmark import from_records
from rageval.types import Document, Question, RelevanceLabel, Turn

DOCUMENT = Document("d1", "检索", "T", "zh", {"b": 1, "a": [None]})
QUESTION = Question("q1", "What?", "en", ("r",), ("t",))
LABEL = RelevanceLabel("q1", "d1", 2, 0, 1)


def test_the_canonical_form() -> None:
    lines = (
        '["document","d1","T","\\u68c0\\u7d22","zh",{"a":[null],"b":1}]\n'
        '["label","q1","d1",2,0,1]\n'
        '["question","q1","What?","en",["r"],["t"]]\n'
    )
    benchmark = from_records("any name", [DOCUMENT], [QUESTION], [LABEL])
    assert benchmark.content_hash == hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.parametrize(
    ("document", "question", "label"),
    [
        (replace(DOCUMENT, text="检索。"), QUESTION, LABEL),
        (replace(DOCUMENT, title=""), QUESTION, LABEL),
        (replace(DOCUMENT, language="en"), QUESTION, LABEL),
        (replace(DOCUMENT, metadata={}), QUESTION, LABEL),
        (DOCUMENT, replace(QUESTION, text="Why?"), LABEL),
        (DOCUMENT, replace(QUESTION, references=()), LABEL),
        (DOCUMENT, replace(QUESTION, tags=("u",)), LABEL),
        (DOCUMENT, replace(QUESTION, history=(Turn("user", "Hello"),)), LABEL),
        (DOCUMENT, QUESTION, replace(LABEL, grade=1)),
        (DOCUMENT, QUESTION, replace(LABEL, end=2)),
        (DOCUMENT, QUESTION, replace(LABEL, start=None, end=None)),
    ],
)
def test_every_change_of_content_shows(document: Document, question: Question, label: RelevanceLabel) -> None:
    before = from_records("b", [DOCUMENT], [QUESTION], [LABEL]).content_hash
    assert from_records("b", [document], [question], [label]).content_hash != before
