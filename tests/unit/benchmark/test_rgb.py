"""RGB files, drawn ones of every form, and the file of that form that is shipped."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.benchmark import load
from rageval.errors import BenchmarkError, DeclarationError
from rageval.types import Document, Question, RelevanceLabel

ROOT = Path(__file__).parents[3]
OWN = ROOT / "benchmarks" / "abilities" / "counterfactual.jsonl"
LINE: dict[str, Any] = {"id": 7, "query": "How high?", "answer": "2 m", "positive": ["It is 2 m."], "negative": []}


def write(folder: Path, *lines: dict[str, Any]) -> Path:
    path = folder / "tiny.json"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def only_question(folder: Path, **changes: Any) -> Question:
    (question,) = load(f"rgb:{write(folder, {**LINE, **changes})}").questions
    return question


def problems_of(reference: str, base: Path) -> list[str]:
    with pytest.raises(BenchmarkError) as caught:
        load(reference, base=base)
    return [problem.removeprefix(f"{base}/") for problem in caught.value.problems]


def test_passages_become_documents_of_three_kinds(tmp_path: Path) -> None:
    line = {
        "id": 7,
        "query": "塔有多高？",
        "answer": [["两米", "2米"]],
        "fakeanswer": "九米",
        "positive": ["塔高两米。", "The tower: 2米"],
        "positive_wrong": ["塔高九米。", "The tower: 9米"],
        "negative": ["塔很旧。"],
    }
    benchmark = load("rgb:tiny.json", base=write(tmp_path, line).parent)
    assert benchmark.name == "tiny"
    assert benchmark.questions == (Question("7", "塔有多高？", "zh", ("两米", "2米")),)
    assert benchmark.documents == (
        Document("7-p0", "塔高两米。", "", "zh", {"kind": "positive"}),
        Document("7-p1", "The tower: 2米", "", "zh", {"kind": "positive"}),
        Document("7-n0", "塔很旧。", "", "zh", {"kind": "negative"}),
        Document("7-w0", "塔高九米。", "", "zh", {"kind": "counterfactual"}),
        Document("7-w1", "The tower: 9米", "", "zh", {"kind": "counterfactual"}),
    )
    assert benchmark.labels == tuple(
        RelevanceLabel("7", name, grade)
        for name, grade in (("7-p0", 1), ("7-p1", 1), ("7-n0", 0), ("7-w0", 0), ("7-w1", 0))
    )


def test_repeated_and_blank_passages_are_left_out_and_the_rest_keep_their_numbers(tmp_path: Path) -> None:
    lines = [
        {**LINE, "positive": ["a", " ", "a", "b"], "negative": ["b", "c"], "positive_wrong": ["a", "d"]},
        {**LINE, "id": 8, "positive": ["a"]},
    ]
    documents = load(f"rgb:{write(tmp_path, *lines)}").documents
    assert {document.id: document.text for document in documents} == {
        "7-p0": "a",
        "7-p3": "b",
        "7-n1": "c",
        "7-w1": "d",
        "8-p0": "a",
    }


def test_the_first_passages_of_all_parts_come_first(tmp_path: Path) -> None:
    path = write(tmp_path, {**LINE, "answer": ["x", "y"], "positive": [["x1", "x2", "x3"], ["y1"]]})
    assert [document.text for document in load(f"rgb:{path}").documents] == ["x1", "y1", "x2", "x3"]


@pytest.mark.parametrize(
    ("answer", "references", "parts"),
    [
        ("2 m", ("2 m",), (("2 m",),)),
        (["2 m"], ("2 m",), (("2 m",),)),
        ([["2 m", "two metres", "2 m"]], ("2 m", "two metres"), (("2 m", "two metres"),)),
        (["Rome", "Oslo"], ("Rome; Oslo",), (("Rome",), ("Oslo",))),
        (
            [["May 1", "1 May", "1/5"], "Oslo", [" June 2 ", "2 June"]],
            ("May 1; Oslo; June 2", "1 May; Oslo; 2 June", "1/5; Oslo; 2 June"),
            (("May 1", "1 May", "1/5"), ("Oslo",), ("June 2", "2 June")),
        ),
        (["a; b", "c"], ("a, b; c",), (("a, b",), ("c",))),
    ],
)
def test_answers(
    answer: object, references: tuple[str, ...], parts: tuple[tuple[str, ...], ...], tmp_path: Path
) -> None:
    question = only_question(tmp_path, answer=answer)
    assert question.references == references
    assert question.answer_parts == parts
    assert question.tags == (("compound",) if len(parts) > 1 else ())


def test_parts_of_questions_from_elsewhere() -> None:
    assert Question("q", "?").answer_parts == ()
    assert Question("q", "?", references=("a; b", "c")).answer_parts == (("a; b", "c"),)
    assert Question("q", "?", references=("a; b", "c"), tags=("compound",)).answer_parts == (("a; b", "c"),)


WORDS = st.text("abc;年 ", min_size=1, max_size=5).map(str.strip).filter(lambda text: text and "; " not in text)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=4))
def test_every_alternative_of_every_part_is_kept(
    tmp_path_factory: pytest.TempPathFactory, answer: list[list[str]]
) -> None:
    question = only_question(tmp_path_factory.mktemp("rgb"), answer=answer)
    assert question.answer_parts == tuple(tuple(dict.fromkeys(part)) for part in answer)
    assert len(question.references) <= max(map(len, answer))


def test_the_language_is_that_of_the_query_unless_the_line_says(tmp_path: Path) -> None:
    lines = [LINE, {**LINE, "id": 8, "query": "多高？"}, {**LINE, "id": "nine", "query": "IKEA？", "language": "zh"}]
    benchmark = load(f"rgb:{write(tmp_path, *lines)}")
    assert {q.id: q.language for q in benchmark.questions} == {"7": "en", "8": "zh", "nine": "zh"}
    assert {d.id: d.language for d in benchmark.documents} == {"7-p0": "en", "8-p0": "zh", "nine-p0": "zh"}


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    other = {**LINE, "id": 8}
    digest = load(f"rgb:{write(tmp_path, LINE, other)}").content_hash
    assert load(f"rgb:{write(tmp_path, other, {**LINE, 'note': 'not read'})}").content_hash == digest
    assert load(f"rgb:{write(tmp_path, LINE, {**other, 'positive': ['It is 3 m.']})}").content_hash != digest


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": 1.5}, "found a number for 'id', expected a whole number or a text"),
        ({"id": True}, "found true or false for 'id', expected a whole number or a text"),
        ({"id": "a b"}, "found the id 'a b', expected an id without white space"),
        ({"query": " "}, "found an empty text for 'query', expected the question's text"),
        ({"query": None}, "found null for 'query', expected the question's text"),
        ({"language": "French"}, "found the language 'French', expected a code such as en"),
        ({"answer": []}, "found an empty list for 'answer', expected one text at least"),
        ({"answer": ["a", 3]}, "found a number in 'answer', expected texts or lists of alternative texts"),
        ({"answer": [["a", ""]]}, "found an empty one in 'answer', expected texts or lists of alternative texts"),
        ({"answer": [[]]}, "found an empty one in 'answer', expected texts or lists of alternative texts"),
        ({"positive": "a"}, "found a text in 'positive', expected a list of texts or of lists of texts"),
        ({"negative": [["a"], {}]}, "found an object in 'negative', expected a list of texts or of lists of texts"),
        ({"positive_wrong": None}, "found null in 'positive_wrong', expected a list of texts or of lists of texts"),
        ({"positive": ["\ud800"]}, "found half a surrogate pair in 'text', expected Unicode text"),
    ],
)
def test_a_bad_value_is_one_line_with_its_place(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.json"
    lines = [{**LINE, "id": 6}, {**LINE, **changes}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert problems_of("rgb:tiny.json", tmp_path) == [f"tiny.json:2: {problem}"]


def test_missing_keys_bad_lines_and_repeated_ids(tmp_path: Path) -> None:
    path = write(tmp_path, {"id": 1, "query": "?", "answer": "a"}, LINE, LINE)
    path.write_text(path.read_text() + "[\n")
    expected = "expected id, query, answer, positive, negative"
    assert problems_of("rgb:tiny.json", tmp_path) == [
        f"tiny.json:1: found no key 'positive', {expected}",
        f"tiny.json:1: found no key 'negative', {expected}",
        "tiny.json:4: found bad JSON (Expecting value at column 2), expected one JSON object a line",
        f"tiny.json:3: found the question id '7' again, expected it once (see {tmp_path}/tiny.json:2)",
    ]


def test_only_bad_lines(tmp_path: Path) -> None:
    write(tmp_path, {**LINE, "query": 1})
    assert problems_of("rgb:tiny.json", tmp_path) == [
        "tiny.json:1: found a number for 'query', expected the question's text"
    ]


def test_no_such_file_a_folder_and_a_split(tmp_path: Path) -> None:
    assert problems_of("rgb:none.json", tmp_path) == ["none.json: found no such file, expected none.json there"]
    (tmp_path / "data").mkdir()
    assert problems_of("rgb:data", tmp_path) == ["data: found a folder, expected a file such as zh_refine.json in it"]
    with pytest.raises(DeclarationError, match="split: found 'test', expected none"):
        load(f"rgb:{write(tmp_path, LINE)}", split="test")


def test_the_shipped_file_says_what_it_should() -> None:
    benchmark = load(f"rgb:{OWN}")
    assert Counter(question.language for question in benchmark.questions) == {"en": 12, "zh": 12}
    texts = {document.id: document.text for document in benchmark.documents}
    rows = [json.loads(line) for line in OWN.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == [question.id for question in benchmark.questions]
    for question, row in zip(benchmark.questions, rows, strict=True):
        fake = row["fakeanswer"]

        def says_it(text: str, answers: tuple[str, ...] = question.references) -> bool:
            return any(answer.lower() in text.lower() for answer in answers)

        own = {letter: [texts[f"{question.id}-{letter}{i}"] for i in range(2)] for letter in "pnw"}
        assert all(says_it(text) and fake not in text for text in own["p"]), question.id
        assert all(fake in text and not says_it(text) for text in own["w"]), question.id
        assert not any(says_it(text) or fake in text for text in own["n"]), question.id
        assert len(set(own["p"] + own["n"] + own["w"])) == 6
        assert not says_it(question.text)


def drawn_row(draw: random.Random, number: int, counterfactual: bool) -> dict[str, Any]:
    """A line as the published files have them: answers of all three forms, passages that repeat."""
    part = [[f"{number}米", f"{number} 米"], f"第{number}"]
    answer: list[Any] = draw.choice([[part[1]], [part[0]], part, [*part, "第三"]])
    texts = [f"第{number}题的第{i}段。" for i in range(draw.randint(1, 12))]
    positive = draw.choices(texts, k=draw.randint(1, 8))
    row: dict[str, Any] = {
        "id": number,
        "query": f"第{number}座塔有多高？",
        "answer": draw.choice([answer, part[1]]),
        "positive": positive,
        "negative": draw.choices([f"无关的第{i}段。" for i in range(9)], k=draw.randint(0, 12)),
    }
    return {**row, "positive_wrong": [f"错：{text}" for text in positive]} if counterfactual else row


@pytest.mark.parametrize("counterfactual", [False, True])
def test_drawn_files_of_every_form(tmp_path: Path, counterfactual: bool) -> None:
    draw = random.Random(20261121)
    given = [drawn_row(draw, number, counterfactual) for number in range(300)]
    benchmark = load(f"rgb:{write(tmp_path, *given)}")
    assert len(benchmark.questions) == 300
    assert {question.language for question in benchmark.questions} == {"zh"}
    kinds = Counter(document.metadata["kind"] for document in benchmark.documents)
    assert sum(label.grade for label in benchmark.labels) == kinds["positive"]
    for key, kind in (("positive", "positive"), ("negative", "negative"), ("positive_wrong", "counterfactual")):
        assert kinds[kind] == sum(len(set(row.get(key, []))) for row in given)
    for question, row in zip(benchmark.questions, given, strict=True):
        answer = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
        expected = [set(part) if isinstance(part, list) else {part} for part in answer]
        assert [set(part) for part in question.answer_parts] == expected
        assert ("compound" in question.tags) == (len(answer) > 1)
