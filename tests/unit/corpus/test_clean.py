"""Cleaned copies: what is changed is told, what is sound stays to the byte, and labels move with the words."""

from __future__ import annotations

from rageval.benchmark import load
from rageval.benchmark.in_memory import from_records
from rageval.corpus.check import check_corpus
from rageval.corpus.clean import clean, move_labels
from rageval.types import Document, Question, RelevanceLabel
from tests.unit.corpus.planted import planted

TODAY = "2026-12-01"
TEXTS = (
    "",
    "Wagons are washed at night, long before the first train leaves for the lake.",
    "Tickets for bicycles cost two crowns, and dogs travel free on every line.",
    "The café at the upper station opens in May and closes with the first snow.",
)
FOOTER = "This page is for internal use only, and for nobody else."


def test_a_sound_corpus_stays_as_it_is() -> None:
    handbook = load("handbook")
    cleaned = clean(handbook.documents, redacted=True)
    assert (cleaned.documents, cleaned.changes) == (handbook.documents, ())
    labels, changes = move_labels(handbook, cleaned)
    assert (labels, changes) == (handbook.labels, ())


def test_what_can_be_mended_is_gone_and_the_rest_is_left() -> None:
    documents, _ = planted(load("handbook").documents)
    before = check_corpus(documents, today=TODAY).counts()
    cleaned = clean(documents, redacted=True)
    after = check_corpus(cleaned.documents, today=TODAY).counts()
    for kind in ("exact-duplicate", "boilerplate", "html", "personal"):
        assert (before[kind], after[kind]) == (3, 0), kind
    assert after["encoding"] == 2  # lost characters, and a text of which half a character is gone
    for kind in ("near-duplicate", "language", "stale", "long", "unfindable"):
        assert after[kind] == before[kind], kind
    told = {change.where for change in cleaned.changes}
    assert {"copy-1", "lost", "tags", "mail", "read-as-latin"} <= told
    assert [one.where for one in cleaned.changes if one.what == "encoding not mended"] == ["read-as-gbk", "lost"]
    assert all(one in cleaned.documents for one in documents if one.id not in told)


def test_personal_data_stays_unless_asked() -> None:
    document = Document("a", "Write to anna.weaver@brone.org, or to nobody.")
    assert clean([document]).documents == (document,)
    assert clean([document], redacted=True).documents[0].text == "Write to [e-mail], or to nobody."


def test_labels_move() -> None:
    """Two copies, a mended one, one that loses a paragraph before its evidence, and evidence that is cut."""
    documents = [
        Document("kept", "Lake Corva is 61 metres deep. It is salty."),
        Document("copy", "Lake  Corva is 61 metres deep.\nIt is salty."),
        Document("tags", "<p>Old</p><p>Mount Arlen is 2310 metres high.</p>"),
        *(Document(f"footer-{i}", f"{FOOTER}\n\nThe depot {i} has {i * 7 + 3} wagons.") for i in range(3)),
        Document("pages", "First <b>page</b>.\n\nSecond page.", metadata={"pages": [0, 20]}),
    ]

    def label(question: str, doc_id: str, words: str) -> RelevanceLabel:
        text = next(one.text for one in documents if one.id == doc_id)
        start = text.index(words)
        return RelevanceLabel(question, doc_id, 1, start, start + len(words))

    labels = [
        label("q1", "copy", "61 metres"),
        label("q1", "kept", "61 metres"),
        RelevanceLabel("q2", "copy", 2),
        label("q3", "tags", "2310 metres"),
        label("q4", "footer-1", "10 wagons"),
        label("q5", "footer-2", "for internal use"),
    ]
    questions = [Question(f"q{n}", "What is said about that?") for n in range(1, 6)]
    benchmark = from_records("made", documents, questions, labels)
    cleaned = clean(benchmark.documents)
    moved, changes = move_labels(benchmark, cleaned)
    texts = {one.id: one.text for one in cleaned.documents}
    assert texts["tags"] == "Old\n\nMount Arlen is 2310 metres high."
    assert texts["footer-1"] == "The depot 1 has 10 wagons."
    assert next(one.metadata for one in cleaned.documents if one.id == "pages") == {"pages": [0, 13]}
    assert texts["pages"][13:] == "Second page."
    quoted = {(one.question_id, one.doc_id, texts[one.doc_id][one.start : one.end]) for one in moved if one.start}
    assert quoted == {("q1", "kept", "61 metres"), ("q3", "tags", "2310 metres"), ("q4", "footer-1", "10 wagons")}
    assert RelevanceLabel("q2", "kept", 2) in moved
    assert len(moved) == 4
    told = {(one.what, one.where.split(",")[0]) for one in changes}
    assert told >= {
        ("label lost", "q5"),
        ("question without a label", "q5"),
        ("label moved", "q3"),
        ("label moved", "q2"),
    }
    assert from_records("again", cleaned.documents, questions, moved)


def test_a_document_of_which_nothing_is_left() -> None:
    documents = [Document(f"d{i}", f"{FOOTER}\n\n{text}") for i, text in enumerate(TEXTS)]
    cleaned = clean(documents)
    assert [one.id for one in cleaned.documents] == ["d1", "d2", "d3"]
    assert ("dropped", "d0") in {(one.what, one.where) for one in cleaned.changes}
