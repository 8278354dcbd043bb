"""Recorded runs as pipelines."""

import asyncio
import json
from pathlib import Path

import pytest

from rageval.errors import DeclarationError, ExecutionError
from rageval.pipeline import Pipeline, Resources
from rageval.pipeline.recorded import replay
from rageval.types import Document, Hit, Passage, Question, Response, Step

DOCUMENTS = (Document("d1", "First text here.", title="One"), Document("d2", "第二个文本。"))


def ask(pipeline: Pipeline, question_id: str = "q") -> Response:
    return asyncio.run(pipeline.answer(Question(question_id, "Why?"), Resources(DOCUMENTS)))


def test_trec_runs_are_ordered_by_score_then_by_descending_document(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text(
        "q Q0 d1 1 0.5 tag\nq Q0 d2 2 0.5 tag\nq Q0 zz 3 0.9 tag\nq Q0 d0 4 -1e300 tag\n"
        "r Q0 d1 1 16777217.0 tag\nr Q0 d2 2 16777216.0 tag\n"
    )
    pipeline = Pipeline("recorded", replay(path, k=2))
    response = ask(pipeline)
    assert [hit.passage.doc_id for hit in response.hits] == ["zz", "d2", "d1", "d0"]
    assert (response.context, response.answer) == ((0, 1), None)
    # As C floats both scores are 16777216: trec_eval sees a tie.
    assert [hit.passage.doc_id for hit in ask(pipeline, "r").hits] == ["d2", "d1"]


def test_hits_without_text_are_whole_documents(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text("q Q0 d1 1 3 tag\nq Q0 gone 2 2 tag\n")
    hits = ask(Pipeline("recorded", replay(path))).hits
    assert hits[0].passage == Passage("d1", 0, 16, "First text here.", "One")
    assert hits[1].passage == Passage("gone", 0, 0, "")


def test_a_question_that_the_file_lacks_has_no_hits_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text("q Q0 d1 1 3 tag\n")
    response = ask(Pipeline("recorded", replay(path)), "other")
    assert (response.hits, response.answer, response.steps) == ((), None, (Step("replay", {"found": False}),))


def write_lines(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n", encoding="utf-8")
    return path


def test_the_last_message_is_the_answer(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]
    pipeline = Pipeline(
        "recorded",
        replay(
            write_lines(
                tmp_path / "talks.jsonl",
                {"question_id": "q", "messages": said, "hits": [{"doc_id": "d1"}]},
                {"question_id": "r", "messages": said[:1]},
            )
        ),
    )
    assert (ask(pipeline).answer, ask(pipeline, "r").answer) == ("Because.", None)
    with pytest.raises(DeclarationError, match="messages and answer at once"):
        replay(write_lines(tmp_path / "both.jsonl", {"question_id": "q", "messages": said, "answer": "x"}))


def test_recorded_responses(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "responses.jsonl",
        {"question_id": "q", "answer": "Because.", "hits": [{"doc_id": "d2", "text": "文本"}, {"doc_id": "d1"}]},
        {"question_id": "r", "answer": "I don't know.", "hits": [{"doc_id": "d1", "score": 2.5, "text": "new"}]},
        {"question_id": 7, "answer": None},
    )
    pipeline = Pipeline("recorded", replay(path, k=1))
    response = ask(pipeline)
    assert [hit.passage for hit in response.hits] == [
        Passage("d2", 3, 5, "文本"),
        Passage("d1", 0, 16, "First text here.", "One"),
    ]
    assert response.hits[0].score > response.hits[1].score
    assert (response.answer, response.abstained, response.context) == ("Because.", False, (0,))
    assert ask(pipeline, "r").abstained
    assert ask(pipeline, "r").hits == (Hit(Passage("d1", 0, 0, "new", "One"), 2.5),)
    assert ask(pipeline, "7").answer is None


def test_what_a_line_says_of_abstaining_counts_and_else_the_text(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "responses.jsonl",
        {"question_id": "a", "answer": "I don't know is on third base.", "abstained": False},
        {"question_id": "b", "answer": "略。", "abstained": True},
        {"question_id": "c", "answer": "我不知道。"},
        {"question_id": "d", "answer": "我不知道。", "abstained": None},
        {"question_id": "e", "answer": None, "abstained": True},
    )
    pipeline = Pipeline("recorded", replay(path))
    assert {q: ask(pipeline, q).abstained for q in "abcde"} == {"a": False, "b": True, "c": True, "d": True, "e": True}


def test_all_hits_are_the_context_unless_k_says_otherwise(tmp_path: Path) -> None:
    answers = write_lines(
        tmp_path / "r.jsonl", {"question_id": "q", "hits": [{"doc_id": f"d{i % 2 + 1}"} for i in range(8)]}
    )
    ranking = tmp_path / "run.trec"
    ranking.write_text("".join(f"q Q0 d{i} {i + 1} {-i} tag\n" for i in range(8)))
    for path in (answers, ranking):
        assert ask(Pipeline("recorded", replay(path))).context == tuple(range(8))
        assert ask(Pipeline("recorded", replay(path, k=3))).context == (0, 1, 2)
        assert ask(Pipeline("recorded", replay(path, k=30))).context == tuple(range(8))


PASSAGES: list[tuple[object, tuple[Passage, ...]]] = [
    ([], ()),
    (["text here."], (Passage("d1", 6, 16, "text here.", "One"),)),
    (["d2", "d1"], (Passage("d2", 0, 6, "第二个文本。"), Passage("d1", 0, 16, "First text here.", "One"))),
    ([{"text": "文本", "doc_id": "d2"}], (Passage("d2", 3, 5, "文本"),)),
    ([{"page_content": "文本", "metadata": {"source": "a.pdf"}}], (Passage("d2", 3, 5, "文本"),)),
    ([{"page_content": "new", "metadata": {"source": "d1"}}], (Passage("d1", 0, 0, "new", "One"),)),
    ([{"content": "First", "id": "chunk-9", "score": 0.2}], (Passage("d1", 0, 5, "First", "One"),)),
    ([{"id": "d1"}], (Passage("d1", 0, 16, "First text here.", "One"),)),
]


@pytest.mark.parametrize("key", ["contexts", "retrieved_contexts", "documents", "source_documents"])
@pytest.mark.parametrize(("given", "passages"), PASSAGES)
def test_contexts_as_other_systems_log_them(
    key: str, given: object, passages: tuple[Passage, ...], tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "r.jsonl", {"question_id": "q", "answer": "Because.", key: given})
    response = ask(Pipeline("recorded", replay(path)))
    assert response.context_passages == passages
    assert [hit.score for hit in response.hits] == sorted((hit.score for hit in response.hits), reverse=True)


def test_a_text_that_no_document_has_is_read_and_belongs_to_none(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "r.jsonl", {"question_id": "q", "answer": "a", "contexts": ["From the web.", "y"]})
    first, second = ask(Pipeline("recorded", replay(path))).context_passages
    assert (first.text, second.text) == ("From the web.", "y")
    assert first.doc_id != second.doc_id
    assert {first.doc_id, second.doc_id}.isdisjoint(document.id for document in DOCUMENTS)


@pytest.mark.parametrize(
    "line",
    [
        {"hits": [{"doc_id": "gone"}]},
        {"hits": [{"doc_id": "d1"}, {"doc_id": "gone", "text": "with a text"}]},
        {"documents": [{"doc_id": "gone"}]},
    ],
)
def test_a_document_that_is_not_in_the_corpus_fails_its_question_alone(tmp_path: Path, line: dict[str, object]) -> None:
    path = write_lines(tmp_path / "r.jsonl", {"question_id": "q", **line}, {"question_id": "r", "answer": "x"})
    pipeline = Pipeline("recorded", replay(path))
    with pytest.raises(
        ExecutionError, match=r"doc_id 'gone' is not in the corpus; .* of its 2 documents, such as d1, d2"
    ):
        ask(pipeline)
    assert ask(pipeline, "r").answer == "x"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ({"answr": "x"}, "the unknown key 'answr'; did you mean answer?"),
        ({"context": ["x"]}, "the unknown key 'context'; did you mean contexts?"),
        ({"retrieved_context": ["x"]}, "did you mean retrieved_contexts?"),
        ({"abstain": True}, "did you mean abstained?"),
        ({"latency": 3}, "known are question_id, answer, abstained, hits, messages, contexts"),
        ({"hits": [{"doc_id": "d1", "txt": "x"}]}, "did you mean text?"),
        ({"hits": [{"docid": "d1"}]}, "did you mean doc_id?"),
        ({"hits": [], "contexts": []}, "hits and contexts at once"),
        ({"contexts": "one text"}, "contexts is not a list"),
        ({"contexts": [7]}, "neither a text nor an object"),
        ({"documents": [{"metadata": {}}]}, "neither a text nor an id"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(line: dict[str, object], hint: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "r.jsonl", {"question_id": "p"}, {"question_id": "q", **line})
    with pytest.raises(DeclarationError, match=r"r\.jsonl:2: found ") as refused:
        replay(path)
    assert hint in str(refused.value)


GOOD = '{"question_id": "a", "answer": "x"}'


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "7",
        '{"answer": "x"}',
        '{"question_id": "q", "answer": 7}',
        '{"question_id": "q", "hits": [{"score": 1}]}',
        '{"question_id": "q", "hits": ["d1"]}',
        '{"question_id": "q", "hits": [{"doc_id": "d1", "score": "high"}]}',
        '{"question_id": "q", "hits": [{"doc_id": "d1", "score": NaN}]}',
        '{"question_id": "q", "hits": [{"doc_id": "d1", "text": 7}]}',
        '{"question_id": "q", "hits": {"doc_id": "d1"}}',
        '{"question_id": "q", "hits": [{"doc_id": null}]}',
        '{"question_id": "q", "hits": [{"doc_id": ""}]}',
        '{"question_id": null, "answer": "x"}',
        '{"question_id": ["q"], "answer": "x"}',
        '{"question_id": "q", "answer": "x", "abstained": "no"}',
        '{"question_id": "q", "answer": "x", "abstained": 0}',
        '{"question_id": "a", "answer": "again"}',
    ],
)
def test_a_bad_line_is_refused_at_once_with_its_place(tmp_path: Path, line: str) -> None:
    path = tmp_path / "responses.jsonl"
    path.write_text(f"{GOOD}\n\n{line}\n")
    with pytest.raises(DeclarationError) as refused:
        replay(path)
    message = str(refused.value)
    assert message.startswith(f"{path}:3: found ")
    assert "expected an object with question_id" in message
    assert "\n" not in message


def test_bad_utf8_has_its_place_too(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    path.write_bytes(f"{GOOD}\n".encode() + b'{"question_id": "\xff"}\n')
    with pytest.raises(DeclarationError, match=r"responses\.jsonl:2: found "):
        replay(path)


def test_a_bad_trec_line_or_a_missing_file_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text("q Q0 d1 1 3 tag\nq Q0 d2\n")
    with pytest.raises(DeclarationError, match=r"run\.txt:2: "):
        replay(path)
    with pytest.raises(DeclarationError, match=r"none\.jsonl: cannot be read"):
        replay(tmp_path / "none.jsonl")
    with pytest.raises(DeclarationError, match="k: found 0"):
        replay(path, k=0)


def test_the_content_of_the_file_is_in_the_fingerprint_not_its_place(tmp_path: Path) -> None:
    first, copy, other = (tmp_path / name for name in ("a.txt", "b.txt", "c.txt"))
    first.write_text("q Q0 d1 1 3 tag\n")
    copy.write_text("q Q0 d1 1 3 tag\n")
    other.write_text("q Q0 d1 1 4 tag\n")
    assert replay(first).spec() == replay(copy).spec() != replay(other).spec()
    assert replay(first, k=3).spec() != replay(first, k=5).spec()
