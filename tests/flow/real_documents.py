"""Small parts of published data, read from ../shared/data, and a chat model that knows their labels."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import rageval
from rageval.benchmark.beir import load_beir
from rageval.benchmark.mtrag import load_mtrag
from rageval.benchmark.rgb import load_rgb
from rageval.models.base import ChatReply, ChatRequest
from rageval.types import Benchmark, Document, Question, RelevanceLabel
from tests.unit.scripts import only, prompt_name, spelled, verdict

DATA = Path(__file__).parents[3] / "shared" / "data"
_SHOWN = re.compile(r"^\[(\d+)\] (.*?)(?=^\[\d+\] |^</passages>)", re.MULTILINE | re.DOTALL)


def part_of(benchmark: Benchmark, questions: Sequence[Question], more: int = 0) -> Benchmark:
    """These questions with the documents that are labelled for them, and the first `more` others."""
    asked = {question.id for question in questions}
    labels = [label for label in benchmark.labels if label.question_id in asked]
    kept = {label.doc_id for label in labels}
    others = [document.id for document in benchmark.documents if document.id not in kept]
    kept |= {*others[:more]}
    return rageval.benchmark_from_records(
        benchmark.name, [document for document in benchmark.documents if document.id in kept], questions, labels
    )


@cache
def musique() -> Benchmark:
    """25 questions over two to four of 1,890 passages, each with the questions into which people split it."""
    folder = DATA / "musique"
    documents = [
        Document(f"p{number}", one["text"], one["title"], "en")
        for number, one in enumerate(json.loads((folder / "corpus.json").read_text("utf-8")))
    ]
    ids = {(document.title, document.text): document.id for document in documents}
    questions, labels = list[Question](), list[RelevanceLabel]()
    for asked in json.loads((folder / "questions.json").read_text("utf-8"))[:25]:
        parts: list[dict[str, Any]] = asked["question_decomposition"]
        answers = [part["answer"] for part in parts]
        steps = [re.sub(r"#(\d)", partial(_answer, answers), part["question"]) for part in parts]
        questions.append(
            Question(asked["id"], asked["question"], "en", (asked["answer"],), metadata={"steps": [*steps]})
        )
        labels += [
            RelevanceLabel(asked["id"], ids[one["title"], one["paragraph_text"]], 1)
            for one in asked["paragraphs"]
            if one["is_supporting"]
        ]
    return rageval.benchmark_from_records("musique", documents, questions, labels)


def _answer(answers: Sequence[str], mark: re.Match[str]) -> str:
    return answers[int(mark[1]) - 1]


@cache
def rgb() -> Benchmark:
    """20 Chinese questions with the passages that answer them, and those that were found for them and do not."""
    whole = load_rgb(DATA / "rgb_zh" / "zh_refine.json")
    questions = whole.questions[:20]
    asked = {question.id for question in questions}
    documents = [document for document in whole.documents if document.id.rpartition("-")[0] in asked]
    return rageval.benchmark_from_records(
        "rgb", documents, questions, [label for label in whole.labels if label.question_id in asked]
    )


@cache
def scifact() -> Benchmark:
    """30 claims of SciFact's test split and 150 abstracts."""
    whole = load_beir(DATA / "scifact", "test")
    return part_of(whole, whole.questions[:30], more=120)


@cache
def mtrag() -> Benchmark:
    """40 answerable questions that end a conversation, with the passages of the first 200 of the file."""
    whole = load_mtrag(DATA / "mtragun" / "reference.jsonl")
    answerable = [question for question in whole.questions if question.references and question.history]
    return part_of(whole, answerable[:40], more=200)


@cache
def speech() -> Benchmark:
    """One long document and 30 questions about it, each with the span of its evidence."""
    text = (DATA / "chunking" / "corpora" / "state_of_the_union.md").read_text("utf-8")
    questions, labels = list[Question](), list[RelevanceLabel]()
    with (DATA / "chunking" / "questions.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["corpus_id"] == "state_of_the_union"][:30]
    for number, row in enumerate(rows):
        questions.append(Question(f"q{number}", row["question"], "en"))
        for part, one in enumerate(json.loads(row["references"])):
            labels.append(RelevanceLabel(f"q{number}", "speech", 1, one["start_index"], one["end_index"], str(part)))
    speech = Document("speech", text, "State of the Union", "en", {"year": 2024})
    older = Document("older", text[::-1], "Unreadable", "en", {"year": 2004})
    return rageval.benchmark_from_records("speech", [speech, older], questions, labels)


@cache
def tables() -> Benchmark:
    """25 tables of annual reports, each a document, and the questions that are answered from them."""
    documents, questions, labels = list[Document](), list[Question](), list[RelevanceLabel]()
    for number, context in enumerate(json.loads((DATA / "tatqa" / "dev.json").read_text("utf-8"))[:25]):
        head, *body = [[cell.replace("|", "/").strip() for cell in row] for row in context["table"]["table"]]
        lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)]
        before = context["paragraphs"][0]["text"].strip()
        text = f"{before}\n\n" + "\n".join(lines) + "\n"
        documents.append(Document(f"c{number}", text, language="en"))
        for asked in context["questions"]:
            if asked["answer_from"] == "table":
                questions.append(Question(asked["uid"], asked["question"], "en"))
                labels.append(RelevanceLabel(asked["uid"], f"c{number}", 1, len(before) + 2, len(text)))
    return rageval.benchmark_from_records("tables", documents, questions, labels)


class Knowing:
    """A chat model that knows which passages are relevant to the questions of a benchmark, and writes from them.

    It says yes to what is relevant alone, orders it first, splits questions as people did, and writes the beginning of
    a relevant passage where a question is to be rewritten or answered in advance.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self.documents = {document.id: document for document in benchmark.documents}
        self.questions = sorted(benchmark.questions, key=lambda one: -len(one.text))
        self.evidence: dict[str, list[str]] = {question.id: [] for question in benchmark.questions}
        self.named: Counter[str] = Counter()
        for label in benchmark.labels:
            if label.grade > 0:
                text = self.documents[label.doc_id].text
                span = text if label.start is None else text[label.start : label.end]
                self.evidence[label.question_id].append(" ".join(span.split()))

    def __call__(self, request: ChatRequest) -> ChatReply | str:
        content, name = request.messages[-1].content, prompt_name(request)
        self.named[name] += 1
        instruction = " ".join(content.rpartition("</passages>")[2].split())
        shown = [" ".join(text.split()) for _, text in _SHOWN.findall(content)]
        question = next((one for one in self.questions if " ".join(one.text.split()) in instruction), None)
        match name:
            case "triples":
                subject, *objects = re.findall(r"[A-Z][\w'-]+(?: [A-Z][\w'-]+)*", shown[0])[:6] or ["It"]
                return "\n".join(f"{subject} | is told of with | {one}" for one in objects)
            case "place_passage":
                return f"It belongs to {instruction.split()[-1]}."
            case "propositions" | "summarise" | "summarise_group" | "summarise_table" | "ask_questions":
                return shown[0][:200]
            case "topic_changes":
                return "2, 5"
            case "some_passage":
                assert request.schema is not None
                schema: Any = request.schema
                return only(schema["properties"]["text"]["enum"][0], lambda piece: -3.0 if piece.isdigit() else -1.0)
            case _:
                assert question is not None, instruction
                return self._about(name, question, shown, request)

    def _about(self, name: str, question: Question, shown: Sequence[str], request: ChatRequest) -> ChatReply | str:
        language = "zh" if question.language.startswith("zh") else "en"
        relevant = [self.relevant(question, text) for text in shown]
        order = [f"[{place}]" for place, _ in sorted(enumerate(relevant, 1), key=lambda one: not one[1])]
        evidence = self.evidence[question.id]
        match name:
            case "grade_passage":
                return spelled(verdict(0.95 if relevant[0] else 0.05, language))
            case "check_answerable" | "check_support":
                return spelled(verdict(0.95 if any(relevant) else 0.05, language))
            case "rate_usefulness":
                return "5"
            case "order_passages":
                return " > ".join(order)
            case "needed_sentences":
                return " ".join(order[: max(sum(relevant), 1)])
            case "sub_questions":
                steps: Any = question.metadata["steps"]
                return "\n".join(steps)
            case "next_thought":
                left: Any = question.metadata["steps"]
                return [*left, "ENOUGH"][_thoughts(request)]
            case "how_many_searches":
                return "C" if len(evidence) > 1 else "B"
            case "read_filters":
                return "year = 2024"
            case "write_cypher":
                return "MATCH (a:Entity)-[f:Fact]->(b:Entity) RETURN a.name, f.relation, b.name LIMIT 3"
            case "self_contained":
                return f"{' '.join(turn.text for turn in question.history if turn.role == 'user')} {question.text}"[
                    :300
                ]
            case "answer" | "answer_from_memory":
                return f"{' '.join(question.references) or evidence[0][:80]} [1]"
            case "rewrite_queries" | "step_back" | "hypothetical_answer":
                return evidence[0][:300]
            case _:
                raise AssertionError(name)

    def relevant(self, question: Question, text: str) -> bool:
        """Whether the passage, which may begin with its title, and the evidence have fifty characters in common."""
        plain = " ".join(text.split())
        return any(piece in plain for span in self.evidence[question.id] for piece in _pieces(span))


def _thoughts(request: ChatRequest) -> int:
    """How many thoughts the prompt has already."""
    listed = request.messages[-1].content.partition("Thoughts so far:\n")[2].partition("\n\n")[0]
    return len(re.findall("^- ", listed, re.MULTILINE))


def _pieces(span: str) -> Iterator[str]:
    size = min(len(span), 50)
    for start in range(0, len(span) - size + 1, 25):
        yield span[start : start + size]
