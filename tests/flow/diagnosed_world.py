"""Sixty-two questions in two languages that fail for causes known by construction; a scripted pipeline and judge.

Each question `zh-07` asks for the depth of a lake. Its document has three sentences, of which the second is the
evidence; the counterpart in the other language and a second document (`-town`) serve as alternative and second hop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import rageval
from rageval import Benchmark, Document, Hit, Question, RelevanceLabel, Response
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.types import COMPOUND, UNANSWERABLE, Passage
from tests.unit.scripts import by_prompt, numbered, verdict_table

PER_LANGUAGE = 31
METRICS = ["answer_correctness", "attribution", "token_f1"]

_TEXTS = {
    "en": (
        "Lake Arlo {n} lies to the north of the town.",
        "At its deepest point Lake Arlo {n} is {depth} metres deep.",
        "Boats leave the pier of Lake Arlo {n} every day at noon.",
    ),
    "zh": ("阿洛{n}号湖位于小镇北面。", "阿洛{n}号湖最深的地方有{depth}米。", "阿洛{n}号湖的游船每天中午出发。"),
}
_TOWN = {
    "en": "The town beside Lake Arlo {n} has {depth} hundred inhabitants.",
    "zh": "阿洛{n}号湖边的小镇有{depth}百名居民。",
}
_ASKED = {"en": "How deep is Lake Arlo {n}?", "zh": "阿洛{n}号湖最深有多少米？"}
_SAID = {
    "en": "At its deepest point Lake Arlo {n} is {depth} metres deep.",
    "zh": "阿洛{n}号湖最深的地方有{depth}米。",
}
_REFUSED = {"en": "I cannot answer this from the passages.", "zh": "根据已知信息无法回答该问题。"}
_BETWEEN = {"en": " ", "zh": ""}
_OTHER = {"en": "zh", "zh": "en"}
_NOISE = 12


@dataclass(frozen=True)
class Case:
    """A question, what its pipeline does, what the judge says of the answer, and the cause that it has."""

    cause: str
    question: Question
    labels: tuple[RelevanceLabel, ...]
    response: Response | None
    right: bool = True
    supported: bool = True
    gone: str = ""


class Builder:
    """Makes cases for one lake: its texts, the spans of evidence, passages of its documents."""

    def __init__(self, language: str, n: int) -> None:
        self.language, self.n, self.depth = language, n, 100 + 7 * n
        self.name = f"{language}-{n:02}"

    def text(self, language: str) -> str:
        return _BETWEEN[language].join(_TEXTS[language]).format(n=self.n, depth=self.depth)

    def documents(self) -> list[Document]:
        return [
            *(Document(f"{self.name}-{lang}", self.text(lang), language=lang) for lang in ("en", "zh")),
            Document(f"{self.name}-town", self.town, language=self.language),
        ]

    @property
    def town(self) -> str:
        return _TOWN[self.language].format(n=self.n, depth=self.depth)

    def label(self, part: str = "", language: str = "", doc: str = "", *, span: bool = True) -> RelevanceLabel:
        """Of the evidence in the document of that language (the question's own by default), or in all of `doc`."""
        of = language or self.language
        if doc:
            return RelevanceLabel(self.name, f"{self.name}-{doc}", 2, 0, len(self.town), part)
        start, end = self.sentence(2, of)
        place = (start, end) if span else (None, None)
        return RelevanceLabel(self.name, f"{self.name}-{of}", 2, *place, part)

    def sentence(self, number: int, language: str = "") -> tuple[int, int]:
        of = language or self.language
        sentence = _TEXTS[of][number - 1].format(n=self.n, depth=self.depth)
        start = self.text(of).index(sentence)
        return start, start + len(sentence)

    def hit(self, first: int, last: int, language: str = "") -> Hit:
        """The sentences from `first` to `last`, counted from 1."""
        of = language or self.language
        return self.cut(self.sentence(first, of)[0], self.sentence(last, of)[1], of)

    def cut(self, start: int, end: int, language: str = "") -> Hit:
        of = language or self.language
        return Hit(Passage(f"{self.name}-{of}", start, end, self.text(of)[start:end]), 1.0)

    def halves(self, language: str = "") -> tuple[Hit, Hit]:
        """The document in two passages that part in the middle of the evidence."""
        start, end = self.sentence(2, language)
        middle = (start + end) // 2
        return self.cut(0, middle, language), self.cut(middle, len(self.text(language or self.language)), language)

    def town_hit(self) -> Hit:
        return Hit(Passage(f"{self.name}-town", 0, len(self.town), self.town), 1.0)

    def case(
        self,
        cause: str,
        labels: Sequence[RelevanceLabel],
        hits: Sequence[Hit] | None,
        *,
        read: int = 3,
        answer: str = "right",
        tags: Sequence[str] = (),
        references: bool = True,
        **about: object,
    ) -> Case:
        """`answer` is right, wrong, refused, or none; `hits` None makes the pipeline fail."""
        asked = _ASKED[self.language].format(n=self.n)
        known = (str(self.depth),) if references else ()
        question = Question(self.name, asked, self.language, known, tuple(tags), {"kind": cause})
        said = {
            "right": _SAID[self.language].format(n=self.n, depth=self.depth),
            "wrong": _SAID[self.language].format(n=self.n, depth=self.depth + 1),
            "refused": _REFUSED[self.language],
            "repeated": " ".join([_SAID[self.language].format(n=self.n, depth=self.depth)] * 4),
            "none": "",
        }[answer]
        response = None if hits is None else Response(tuple(hits), said, tuple(range(min(read, len(hits)))))
        about = {"right": answer in ("right", "repeated"), **about}
        return replace(Case(cause, question, tuple(labels), response), **about)  # type: ignore[arg-type]


def noise(count: int) -> list[Hit]:
    """Passages of documents that no label names."""
    found = [f"The weather station number {n} opened in spring." for n in range(_NOISE)]
    return [Hit(Passage(f"noise-{n}", 0, len(found[n]), found[n]), 1.0) for n in range(count)]


def cases_of(language: str) -> list[Case]:
    """Thirty-one cases; the comment says what makes each of them what it is."""
    made: list[Callable[[Builder], Case]] = [
        lambda b: b.case("pipeline_failed", [b.label()], None, right=False),
        # the corpus has no answer: unanswerable and answered twice, and evidence in a document that was taken away
        lambda b: b.case("no_answer_in_corpus", [], noise(5), tags=[UNANSWERABLE], references=False),
        lambda b: b.case("no_answer_in_corpus", [], noise(5), tags=[UNANSWERABLE], answer="wrong"),
        lambda b: b.case("no_answer_in_corpus", [b.label()], [b.hit(1, 3)], gone=f"{b.name}-{language}"),
        # split: one half read; the other half far down; the second hop cut in two; both alternatives cut in two
        lambda b: b.case("split_evidence", [b.label()], [b.halves()[0], *noise(6)], answer="wrong"),
        lambda b: b.case("split_evidence", [b.label()], [b.halves()[0], *noise(6), b.halves()[1]], answer="wrong"),
        lambda b: b.case(
            "split_evidence",
            [b.label("lake"), b.label("town", doc="town")],
            [b.town_hit(), b.halves()[1], *noise(4)],
            tags=[COMPOUND],
            answer="refused",
        ),
        lambda b: b.case(
            "split_evidence",
            [b.label("lake"), b.label("lake", _OTHER[language])],
            [b.halves()[1], b.halves(_OTHER[language])[0], *noise(3)],
            answer="wrong",
        ),
        # not retrieved: noise alone; the right document at another place; the second hop missing; no alternative; a
        # label without a span
        lambda b: b.case("not_retrieved", [b.label()], noise(12), answer="refused"),
        lambda b: b.case("not_retrieved", [b.label()], [b.hit(3, 3), b.hit(1, 1), *noise(4)], answer="wrong"),
        lambda b: b.case(
            "not_retrieved", [b.label("lake"), b.label("town", doc="town")], [b.hit(1, 2), *noise(8)], answer="wrong"
        ),
        lambda b: b.case("not_retrieved", [b.label("lake"), b.label("lake", _OTHER[language])], noise(7)),
        lambda b: b.case("not_retrieved", [b.label(span=False)], noise(6), answer="wrong"),
        # ranked too low: at rank 8; the second hop at rank 6; one alternative at rank 9 and the other cut in two; a
        # label without a span; right all the same
        lambda b: b.case("ranked_too_low", [b.label()], [*noise(7), b.hit(2, 3)], answer="wrong"),
        lambda b: b.case(
            "ranked_too_low",
            [b.label("lake"), b.label("town", doc="town")],
            [b.hit(1, 2), *noise(4), b.town_hit()],
            answer="wrong",
        ),
        lambda b: b.case(
            "ranked_too_low",
            [b.label("lake"), b.label("lake", _OTHER[language])],
            [b.halves()[0], *noise(7), b.hit(1, 2, _OTHER[language])],
            answer="refused",
        ),
        lambda b: b.case("ranked_too_low", [b.label(span=False)], [*noise(5), b.hit(1, 1)], answer="wrong"),
        lambda b: b.case("ranked_too_low", [b.label()], [*noise(4), b.hit(2, 2)]),
        # read and wrong: whole; two halves that were both read; the other language's alternative
        lambda b: b.case("read_but_wrong", [b.label()], [*noise(2), b.hit(1, 3)], answer="wrong"),
        lambda b: b.case("read_but_wrong", [b.label()], [b.halves()[1], *noise(1), b.halves()[0]], answer="wrong"),
        lambda b: b.case(
            "read_but_wrong",
            [b.label("lake"), b.label("lake", _OTHER[language])],
            [b.hit(2, 2, _OTHER[language]), *noise(9)],
            answer="wrong",
        ),
        lambda b: b.case("read_but_refused", [b.label()], [b.hit(1, 2), *noise(5)], answer="refused"),
        lambda b: b.case(
            "read_but_refused",
            [b.label("lake"), b.label("town", doc="town")],
            [b.hit(1, 2), b.town_hit(), *noise(5)],
            answer="refused",
        ),
        # right by reference, but not from what was read
        lambda b: b.case("unsupported", [b.label()], [b.hit(2, 3), *noise(5)], supported=False),
        lambda b: b.case("unsupported", [], noise(5), references=False, supported=False),
        # not known: wrong without a label; read without a reference
        lambda b: b.case("not_known", [], noise(5), answer="wrong"),
        lambda b: b.case("not_known", [b.label()], [b.hit(1, 3)], references=False),
        # right: whole; both hops, one of them over two passages with white space between; refused rightly
        lambda b: b.case("right", [b.label()], [*noise(1), b.hit(1, 3)]),
        lambda b: b.case(
            "right",
            [b.label("lake"), replace(b.label("town"), start=b.sentence(1)[0], end=b.sentence(3)[1])],
            [b.hit(2, 3), b.hit(1, 1), *noise(3)],
        ),
        lambda b: b.case("right", [], noise(5), tags=[UNANSWERABLE], answer="refused", references=False),
        # the right sentence, four times
        lambda b: b.case("degenerate", [b.label()], [b.hit(1, 3)], answer="repeated"),
    ]
    return [make(Builder(language, n)) for n, make in enumerate(made)]


CASES: Mapping[str, Case] = {case.question.id: case for language in ("en", "zh") for case in cases_of(language)}


def benchmark() -> Benchmark:
    of_noise = [Document(hit.passage.doc_id, hit.passage.text) for hit in noise(_NOISE)]
    own = [
        document
        for language in ("en", "zh")
        for n in range(PER_LANGUAGE)
        for document in Builder(language, n).documents()
    ]
    labels = [label for case in CASES.values() for label in case.labels]
    return rageval.benchmark_from_records("lakes", [*own, *of_noise], [c.question for c in CASES.values()], labels)


def later_corpus(before: Benchmark) -> Benchmark:
    """The benchmark without the documents that are gone."""
    gone = {case.gone for case in CASES.values()}
    return replace(before, documents=tuple(one for one in before.documents if one.id not in gone), content_hash="later")


def scripted(question: Question) -> Response:
    """The pipeline."""
    response = CASES[question.id].response
    if response is None:
        raise RuntimeError("the index is gone")
    return response


def judge() -> ScriptedChat:
    """Says of each answer what its case says."""

    def correct(request: ChatRequest) -> str:
        case = _case_of(request)
        return {"en": ("yes", "no"), "zh": ("是", "否")}[case.question.language][not case.right]

    def support(request: ChatRequest) -> ChatReply:
        case = _case_of(request)
        return verdict_table(0.9 if case.supported else 0.1, language=case.question.language)

    return by_prompt(
        answer_correctness=correct, support=support, shown_by=lambda request: numbered(["1"]), abstention="no"
    )


def _case_of(request: ChatRequest) -> Case:
    """The case whose answer the prompt ends with."""
    prompt = request.messages[-1].content
    found = [
        case
        for case in CASES.values()
        if case.response is not None and case.response.answer and case.response.answer in prompt.rpartition("\n\n")[0]
    ]
    return max(found, key=lambda case: prompt.rfind(case.response.answer or "") if case.response else -1)
