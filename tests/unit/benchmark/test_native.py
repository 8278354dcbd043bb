"""The native folder: what a good one gives, and every kind of bad input with its exact place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from rageval.benchmark import load
from rageval.errors import BenchmarkError
from rageval.types import Card, Document, Question, RelevanceLabel, Turn

GOOD = {
    "card.yaml": "name: tiny\ndescription: Two documents\nlicense: CC0-1.0\nsource: written here\n",
    "documents.jsonl": (
        '{"id": "d1", "text": "BM25 ranks by term frequency.", "title": "BM25", "metadata": {"year": 1994}}\n'
        '{"id": "d2", "text": "稠密检索使用向量。", "language": "zh"}\n'
    ),
    "questions.jsonl": (
        '{"id": "q1", "text": "How does BM25 rank?", "references": ["By term frequency."], "tags": ["factual"]}\n'
        '{"id": "q2", "text": "稠密检索用什么?"}\n'
        '{"id": "q3", "text": "Who won?", "tags": ["unanswerable"]}\n'
    ),
    "labels.tsv": "question_id\tdocument_id\tgrade\tstart\tend\nq1\td1\t2\t0\t4\nq1\td1\t2\t14\t18\nq2\td2\t1\t\t\n",
}
HEADER = "question_id\tdocument_id\tgrade\tstart\tend\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    return tmp_path


def problems_of(folder: Path) -> list[str]:
    with pytest.raises(BenchmarkError) as caught:
        load(str(folder))
    assert all("\n" not in problem for problem in caught.value.problems)
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_messages_are_a_question_with_its_history(folder: Path) -> None:
    messages = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "What is BM25?"},
        {"role": "assistant", "content": "A ranking."},
        {"role": "user", "content": "它怎么排序？"},
        {"role": "assistant", "content": "By term frequency."},
    ]
    line = json.dumps({"id": "q4", "messages": messages, "tags": ["unanswerable"]})
    (folder / "questions.jsonl").write_text(f"{GOOD['questions.jsonl']}{line}\n", encoding="utf-8")
    history = (Turn("user", "What is BM25?"), Turn("assistant", "A ranking."))
    assert load(str(folder)).questions[-1] == Question(
        "q4", "它怎么排序？", "zh", tags=("unanswerable",), history=history
    )


def test_good_folder(folder: Path) -> None:
    benchmark = load(str(folder))
    assert benchmark.card == Card("tiny", "Two documents", "CC0-1.0", "written here")
    assert benchmark.documents == (
        Document("d1", "BM25 ranks by term frequency.", "BM25", "en", {"year": 1994}),
        Document("d2", "稠密检索使用向量。", "", "zh"),
    )
    assert benchmark.questions == (
        Question("q1", "How does BM25 rank?", "en", ("By term frequency.",), ("factual",)),
        Question("q2", "稠密检索用什么?", "zh"),
        Question("q3", "Who won?", "en", (), ("unanswerable",)),
    )
    assert benchmark.labels == (
        RelevanceLabel("q1", "d1", 2, 0, 4),
        RelevanceLabel("q1", "d1", 2, 14, 18),
        RelevanceLabel("q2", "d2", 1),
    )


def test_bom_and_crlf_change_nothing(folder: Path) -> None:
    plain = load(str(folder))
    for name, text in GOOD.items():
        (folder / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load(str(folder)) == plain


def test_empty_lines_and_a_missing_last_newline_are_fine_and_keep_line_numbers(folder: Path) -> None:
    (folder / "documents.jsonl").write_text("\n" + GOOD["documents.jsonl"] + '\n{"id": "d3", "text": ""}')
    assert problems_of(folder) == ["documents.jsonl:5: found an empty 'text', expected the document's text"]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1e"])
def test_a_unicode_line_separator_is_part_of_a_text(folder: Path, separator: str) -> None:
    text = f"one{separator}two"
    line = json.dumps({"id": "d3", "text": text}, ensure_ascii=False)
    with (folder / "documents.jsonl").open("a", encoding="utf-8", newline="") as file:
        file.write(line + "\n")
    assert load(str(folder)).documents[2].text == text


def test_labels_without_span_columns(folder: Path) -> None:
    (folder / "labels.tsv").write_text("question_id\tdocument_id\tgrade\nq1\td1\t2\nq2\td2\t1\nq3\td1\t-1\n")
    assert load(str(folder)).labels == (
        RelevanceLabel("q1", "d1", 2),
        RelevanceLabel("q2", "d2", 1),
        RelevanceLabel("q3", "d1", -1),
    )


def test_spans_count_code_points(folder: Path) -> None:
    """An astral character is one code point: the text below has length 3, so a span may end at 3 and not at 4."""
    with (folder / "documents.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "d3", "text": "a\U00020000b"}\n')
    labels = folder / "labels.tsv"
    labels.write_text(GOOD["labels.tsv"] + "q1\td3\t1\t1\t3\n", encoding="utf-8")
    assert load(str(folder)).labels[3] == RelevanceLabel("q1", "d3", 1, 1, 3)
    labels.write_text(GOOD["labels.tsv"] + "q1\td3\t1\t1\t4\n", encoding="utf-8")
    assert problems_of(folder) == [
        "labels.tsv:5: found the span 1 to 4, expected 0 <= start < end <= 3 (the length of document 'd3')"
    ]


NO_KEYS = "expected id, text, title, language, metadata"
QUESTION_KEYS = "expected id, text, language, references, tags, metadata, history, evidence"

# By file: a line that is added to a good one, and how its one problem starts, after "file:".
ADDED_LINES = {
    "documents.jsonl": [
        ("{'id': 'd3'}", "3: found bad JSON (Expecting property name enclosed in double quotes at column 2)"),
        ('{"id": "d3", "text": "x", "metadata": {"n": NaN}}', "3: found bad JSON (NaN is not a JSON number)"),
        ('["d3", "text"]', "3: found a list, expected one JSON object a line"),
        ("null", "3: found null, expected one JSON object a line"),
        ('{"id": "d3"}', "3: found no key 'text', expected id and text"),
        ('{"text": "x"}', "3: found no key 'id', expected id and text"),
        ('{"id": "d3", "text": "x", "titel": "y"}', f"3: found the unknown key 'titel', {NO_KEYS}"),
        ('{"id": 3, "text": "x"}', "3: found a number for 'id', expected a text"),
        ('{"id": "d3", "text": null}', "3: found null for 'text', expected a text"),
        ('{"id": "d3", "text": "x", "title": true}', "3: found true or false for 'title', expected a text"),
        ('{"id": "d3", "text": "x", "metadata": []}', "3: found a list for 'metadata', expected an object"),
        ('{"id": "d3", "text": "x", "metadata": {"n": 1e999}}', "3: found 'metadata' that is not JSON ("),
        ('{"id": "d3", "text": "x", "language": "EN"}', "3: found the language 'EN', expected a code such as en"),
        ('{"id": "d3", "text": "x", "language": null}', "3: found the language null, expected a code such as en"),
        ('{"id": "d3", "text": " \\n"}', "3: found an empty 'text', expected the document's text"),
        ('{"id": "d3", "text": "\\ud800"}', "3: found half a surrogate pair in 'text', expected Unicode text"),
        ('{"id": "d 3", "text": "x"}', "3: found the id 'd 3', expected an id without white space"),
        ('{"id": "", "text": "x"}', "3: found the id '', expected an id without white space"),
        ('{"id": "d1", "text": "x"}', "3: found the document id 'd1' again, expected it once (see "),
    ],
    "questions.jsonl": [
        ('{"id": "q2", "text": "x"}', "4: found the question id 'q2' again, expected it once (see "),
        ('{"id": "q4", "text": ""}', "4: found an empty 'text', expected the question's text"),
        ('{"id": "q4", "text": "x", "title": "y"}', f"4: found the unknown key 'title', {QUESTION_KEYS}"),
        ('{"id": "q4", "text": "x", "tags": "a"}', "4: found a text for 'tags', expected a list of texts"),
        ('{"id": "q4", "text": "x", "tags": [1]}', "4: found a number for an item of 'tags', expected a text"),
        ('{"id": "q4", "text": "x", "references": [""]}', "4: found an empty item in 'references', expected"),
        ('{"id": "q4", "text": "x", "history": "y"}', "4: 'history': found str, expected a list of messages"),
        (
            '{"id": "q4", "text": "x", "history": [{"role": "me", "text": "y"}]}',
            "4: 'history': message 1: found the role 'me', expected user or assistant",
        ),
        (
            '{"id": "q4", "text": "x", "history": [{"role": "user", "text": "\\ud800"}]}',
            "4: found half a surrogate pair in 'history', expected Unicode text",
        ),
        ('{"id": "q4", "text": "x", "messages": []}', "4: found 'messages' beside 'text', expected one of them"),
        ('{"id": "q4", "messages": []}', "4: 'messages': found no message by the user, expected one at least"),
        ('{"id": "q4", "text": "x"}', "4: found question 'q4' without a relevant document, expected a label"),
    ],
    "labels.tsv": [
        ("q1\td9\t1\t\t", "5: found the unknown document 'd9', expected one of "),
        ("q9\td1\t1\t\t", "5: found the unknown question 'q9', expected one of "),
        ("q2\td1\t1", "5: found 3 columns, expected 5"),
        ("q2\td1\t1\t\t\t", "5: found 6 columns, expected 5"),
        ("q2\td1\t1.0\t\t", "5: found the grade '1.0', expected a whole number such as 0, 1 or 2"),
        ("q2\td1\t\t\t", "5: found the grade '', expected a whole number such as 0, 1 or 2"),
        ("q2\td1\t1_0\t\t", "5: found the grade '1_0', expected a whole number such as 0, 1 or 2"),
        ("q2\td1\t1\t3\t", "5: found half a span (start '3', end ''), expected both or neither"),
        ("q2\td1\t1\t\t3", "5: found half a span (start '', end '3'), expected both or neither"),
        ("q2\td1\t1\ta\tb", "5: found the span 'a' to 'b', expected whole numbers"),
        ("q2\td1\t1\t4\t4", "5: found the span 4 to 4, expected 0 <= start < end <= 29"),
        ("q2\td1\t1\t-1\t4", "5: found the span -1 to 4, expected 0 <= start < end <= 29"),
        ("q2\td1\t1\t0\t30", "5: found the span 0 to 30, expected 0 <= start < end <= 29"),
        ("q1\td1\t2\t0\t4", "5: found question 'q1' and document 'd1' labelled again, expected"),
        ("q2\td2\t1\t\t", "5: found question 'q2' and document 'd2' labelled again, expected"),
        ("q2\td2\t1\t0\t2", "5: found question 'q2' and document 'd2' labelled again, expected"),
        ("q1\td1\t1\t5\t6", "5: found grade 1 for question 'q1' and document 'd1', expected 2 as at "),
        ("q3\td1\t1\t\t", "5: found grade 1 for question 'q3', which is tagged unanswerable"),
        ("q 1\td1\t1\t\t", "5: found the question id 'q 1', expected an id without white space"),
    ],
    "card.yaml": [
        ("licence: MIT", "5: found the unknown key 'licence', expected name, description, license, source, review"),
        ("source: [a]", "5: found a list for 'source', expected a text (write it in quotes)"),
        ("source: {a", "6: found bad YAML ("),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "line", "problem"), [(name, *added) for name, lines in ADDED_LINES.items() for added in lines]
)
def test_a_bad_line_is_the_one_problem(folder: Path, name: str, line: str, problem: str) -> None:
    (folder / name).write_text(GOOD[name] + line + "\n", encoding="utf-8")
    (found,) = problems_of(folder)
    assert found.startswith(f"{name}:{problem}")
    assert ", expected " in found


HEADERS = "the columns question_id, document_id, grade, then any of start, end, quote, part, separated by tabs"
REPLACED_FILES = [
    ("card.yaml", "description: no name\n", ["card.yaml:1: found no key 'name', expected the benchmark's name"]),
    ("card.yaml", "license: x\nname: ''\n", ["card.yaml:2: found an empty 'name', expected the benchmark's name"]),
    ("card.yaml", "", ["card.yaml:1: found null, expected the keys name, description, license, source, review"]),
    (
        "card.yaml",
        "a: 2024-99-99\n",
        ["card.yaml:1: found bad YAML (month must be in 1..12), expected lines of key: value"],
    ),
    ("labels.tsv", "q1\td1\t2\t0\t4\n", [rf"labels.tsv:1: found the header 'q1\td1\t2\t0\t4', expected {HEADERS}"]),
    ("labels.tsv", "", [f"labels.tsv:1: found the header '', expected {HEADERS}"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), REPLACED_FILES)
def test_a_bad_file(folder: Path, name: str, text: str, expected: list[str]) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    assert problems_of(folder) == expected


def test_nothing_in_the_files(folder: Path) -> None:
    for name in ("documents.jsonl", "questions.jsonl"):
        (folder / name).write_text("")
    (folder / "labels.tsv").write_text(HEADER)
    assert problems_of(folder) == [
        "documents.jsonl: found no documents, expected at least one",
        "questions.jsonl: found no questions, expected at least one",
    ]


def test_bad_utf8_spoils_its_own_line(folder: Path) -> None:
    documents = folder / "documents.jsonl"
    documents.write_bytes(documents.read_bytes() + b'{"id": "d3", "text": "caf\xe9"}\n{"id": "d4"}\n')
    assert problems_of(folder) == [
        "documents.jsonl:3: found the byte 0xe9 at position 26, expected UTF-8 text",
        "documents.jsonl:4: found no key 'text', expected id and text",
    ]


def test_json_too_deep_to_read_is_a_problem(folder: Path) -> None:
    (folder / "documents.jsonl").write_text(GOOD["documents.jsonl"] + "[" * 100_000, encoding="utf-8")
    (found,) = problems_of(folder)
    assert found.startswith("documents.jsonl:3: found bad JSON (")


def test_missing_files_are_all_named(folder: Path) -> None:
    (folder / "card.yaml").unlink()
    (folder / "labels.tsv").unlink()
    (folder / "questions.jsonl").unlink()
    assert problems_of(folder) == [
        "card.yaml: found no such file, expected card.yaml there",
        "questions.jsonl: found no such file, expected questions.jsonl there",
    ]


def test_files_by_other_names(folder: Path) -> None:
    expected = load(str(folder)).content_hash
    for name, other in (
        ("documents.jsonl", "documents.jsonl.gz"),
        ("questions.jsonl", "questions.NDJSON"),
        ("labels.tsv", "labels.tsv.gz"),
    ):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / other).write_bytes(gzip.compress(content) if other.endswith(".gz") else content)
    assert load(str(folder)).content_hash == expected


def test_labels_are_optional(folder: Path) -> None:
    (folder / "labels.tsv").unlink()
    benchmark = load(str(folder))
    assert (len(benchmark.questions), benchmark.labels) == (3, ())


def test_duplicate_ids_name_both_lines(folder: Path) -> None:
    with (folder / "documents.jsonl").open("a") as file:
        file.write('{"id": "d1", "text": "x"}\n')
    assert problems_of(folder) == [
        f"documents.jsonl:3: found the document id 'd1' again, expected it once (see {folder}/documents.jsonl:1)"
    ]


def test_labels_of_a_refused_document_or_question_are_not_blamed(folder: Path) -> None:
    (folder / "documents.jsonl").write_text('{"id": "d1", "text": "", "title": "BM25"}\n{"id": "d2", "text": "x"}\n')
    (folder / "questions.jsonl").write_text('{"id": "q1", "text": ""}\n{"id": "q2", "text": "x"}\n')
    assert problems_of(folder) == [
        "documents.jsonl:1: found an empty 'text', expected the document's text",
        "questions.jsonl:1: found an empty 'text', expected the question's text",
    ]


def test_all_problems_come_at_once_in_the_order_of_the_files(folder: Path) -> None:
    for name, line in (
        ("card.yaml", "url: x"),
        ("documents.jsonl", "{"),
        ("questions.jsonl", "[]"),
        ("labels.tsv", "q1\td2\tgood\t\t"),
        ("labels.tsv", "q8\td9\t1\t\t"),
    ):
        with (folder / name).open("a") as file:
            file.write(line + "\n")
    places = [problem.split(": found ")[0] for problem in problems_of(folder)]
    assert places == [
        "card.yaml:5",
        "documents.jsonl:3",
        "questions.jsonl:4",
        "labels.tsv:5",
        "labels.tsv:6",
        "labels.tsv:6",
    ]
