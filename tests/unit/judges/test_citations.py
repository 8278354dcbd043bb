"""Citations by sentence: what is asked, the verdicts, and ALCE's numbers by hand and by its published procedure."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from collections.abc import Callable, Sequence

import pytest

from rageval.errors import ExecutionError
from rageval.judges import CitationSupport, Judged
from rageval.judges.citations import UNCITED, cited_in
from rageval.judges.light.detectors import Light
from rageval.metrics import parse
from rageval.metrics.judged import score_judged
from rageval.models.base import ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.text.citations import CitedSentence
from rageval.types import Abstained, Graded, Hit, Judgment, Passage, Question, Response, Score, Unscored
from tests.unit.scripts import Reply, by_prompt, verdict_table

QUESTION = Question("q", "What is there to say?")
CHINESE = Question("q", "有什么可说的？", "zh")
Entails = Callable[[str, frozenset[int]], bool]

_SHOWN = re.compile(r"^\[\d+\] fact (\d+)$", re.MULTILINE)
_CLAIM = re.compile(r"^\d+\. (.*)$", re.MULTILINE)


def response(answer: str, passages: int = 3, **more: object) -> Response:
    """An answer from passages that say `fact 0`, `fact 1`, …"""
    hits = tuple(Hit(Passage(f"d{i}", 0, 6, f"fact {i}"), 1.0) for i in range(passages))
    return Response(hits, answer, tuple(range(passages)), abstained=False, **more)  # pyright: ignore[reportArgumentType]


def model(entails: Entails, language: str = "en") -> ScriptedChat:
    def reply(request: ChatRequest) -> Reply:
        shown = request.messages[-1].content
        facts = frozenset(map(int, _SHOWN.findall(shown)))
        asked = shown.partition("</passages>")[2]
        odds = [0.875 if entails(claim, facts) else 0.125 for claim in _CLAIM.findall(asked)]
        return verdict_table(*odds, language="zh" if language == "zh" else "en")

    return by_prompt(support=reply)


def judge(given: Response, chat: ScriptedChat, question: Question = QUESTION) -> Judged:
    return asyncio.run(CitationSupport().judge(question, given, chat))


def scores(given: Response, judged: Judged, question: Question = QUESTION) -> dict[str, float | str]:
    said = [Judgment("q", "citation_support", one.item, one.index, one.text, one.verdict) for one in judged.items]
    found: dict[str, float | str] = {}
    for metric in map(parse, ("citation_recall", "citation_precision", "citation_f1")):
        score = score_judged(metric, question, given, {"citation_support": said})
        found[metric.name.removeprefix("citation_")] = score.value if isinstance(score, Score) else score.reason
    return found


def needs(**facts: set[int]) -> Entails:
    """A sentence follows from passages that hold all of its facts; one that is not named follows from none."""
    return lambda text, shown: text.rstrip(".。") in facts and facts[text.rstrip(".。")] <= shown


def test_one_sentence_with_one_citation_takes_one_call() -> None:
    chat = model(needs(Alpha={0}))
    given = response("Alpha [1].")
    judged = judge(given, chat)
    assert [(one.item, one.index, one.text) for one in judged.items] == [
        ("sentence", 0, "Alpha."),
        ("citation", 0, "[1] Alpha."),
    ]
    assert all(one.verdict == Graded(1.0, 0.875) for one in judged.items)
    assert (len(chat.requests), judged.usage.calls) == (1, 1)
    assert scores(given, judged) == {"recall": 1.0, "precision": 1.0, "f1": 1.0}


def test_sentences_that_cite_the_same_are_judged_in_one_call() -> None:
    chat = model(needs(Alpha={0}, Beta={0}))
    judge(response("Alpha [1]. Beta [1]. Gamma [2]."), chat)
    assert len(chat.requests) == 2


def test_the_three_kinds_of_citation_by_hand() -> None:
    """Alpha needs both of its passages; Beta is borne out by the second alone, and the first is irrelevant; Gamma is
    not supported; Delta cites nothing. Recall 2 of 4 sentences; precision: 2 of Alpha, 1 of 2 of Beta, 0 of 1: 3 of 5.
    """
    given = response("Alpha [1][2]. Beta [1, 2]. Gamma [3]. Delta.")
    judged = judge(given, model(needs(Alpha={0, 1}, Beta={1}, Gamma={0})))
    assert [(one.text, one.verdict.grade) for one in judged.items if isinstance(one.verdict, Graded)] == [
        ("Alpha.", 1.0),
        ("[1] Alpha.", 1.0),
        ("[2] Alpha.", 1.0),
        ("Beta.", 1.0),
        ("[1] Beta.", 0.0),
        ("[2] Beta.", 1.0),
        ("Gamma.", 0.0),
        ("[3] Gamma.", 0.0),
        ("Delta.", 0.0),
    ]
    uncited = [one.text for one in judged.items if isinstance(one.verdict, Graded) and one.verdict.rationale == UNCITED]
    assert uncited == ["Delta."]
    assert scores(given, judged) == pytest.approx({"recall": 0.5, "precision": 0.6, "f1": 2 * 0.5 * 0.6 / 1.1})


def test_in_chinese() -> None:
    """甲 needs both passages, 乙 is not supported by the one that it cites: recall 1/2, precision 2/3."""
    given = response("甲【1】【2】。乙（来源3）。")
    judged = judge(given, model(needs(甲={0, 1}), "zh"), CHINESE)
    assert scores(given, judged, CHINESE) == pytest.approx({"recall": 0.5, "precision": 2 / 3, "f1": 4 / 7})


def test_a_marker_that_names_no_passage_is_counted_and_told() -> None:
    """As in ALCE's code its sentence is not supported, at no call; the marker counts as a citation here."""
    chat = model(needs(Alpha={0}))
    given = response("Alpha [1][7].")
    judged = judge(given, chat)
    sentence, lost, other = judged.items
    told = "[7] names none of the 3 passages that were read"
    assert sentence.verdict == lost.verdict == Graded(0.0, rationale=told)
    assert other.verdict == Graded(0.0, rationale=f"its sentence is not supported: {told}")
    assert not chat.requests
    assert scores(given, judged) == {"recall": 0.0, "precision": 0.0, "f1": 0.0}


def test_an_answer_that_cites_nothing() -> None:
    chat = model(needs())
    given = response("Alpha. Beta.")
    assert scores(given, judge(given, chat)) == {"recall": 0.0, "precision": "the answer cites nothing", "f1": 0.0}
    assert not chat.requests


def test_citations_that_no_marker_places_belong_to_the_whole_answer() -> None:
    given = response("Alpha. Beta.", citations=(2, 0))
    assert cited_in(given) == [CitedSentence("Alpha. Beta.", (2, 0))]
    unread = Response(given.hits, "Alpha.", (0,), (2,))
    assert cited_in(unread) == [CitedSentence("Alpha.", (), ("hit 3",))]


def test_the_answer_with_its_markers_is_read_unless_another_took_its_place() -> None:
    kept = response("Alpha. Beta.", citations=(0,), cited_answer="Alpha [1]. Beta.")
    assert cited_in(kept) == [CitedSentence("Alpha.", (0,)), CitedSentence("Beta.")]
    replaced = response("Gamma.", citations=(0,), cited_answer="Alpha [1]. Beta.")
    assert cited_in(replaced) == [CitedSentence("Gamma.", (0,))]


def test_numbers_count_in_the_order_in_which_the_passages_were_read() -> None:
    given = response("Alpha [1].")
    turned = Response(given.hits, given.answer, (2, 0), abstained=False)
    chat = model(needs(Alpha={2}))
    assert scores(turned, judge(turned, chat))["recall"] == 1.0


@pytest.mark.parametrize("answer", [None, "", "[1]"])
def test_nothing_to_judge(answer: str | None) -> None:
    given = response(answer or "")
    chat = model(needs())
    assert not judge(given if answer is not None else Response(given.hits), chat).items
    assert not chat.requests


def test_an_abstention_is_unscored() -> None:
    given = Response(answer="No idea [1].", abstained=True)
    assert set(scores(given, judge(given, model(needs()))).values()) == {"the pipeline abstained: nothing to check"}


@pytest.mark.parametrize("reply", ["?!", "", ExecutionError("out of order")])
def test_garbage_and_failures_are_abstentions(reply: Reply) -> None:
    given = response("Alpha [1][2]. Beta.")
    judged = judge(given, ScriptedChat(lambda request: reply))
    kinds = [type(one.verdict) for one in judged.items]
    assert kinds == [Abstained, Abstained, Abstained, Graded]
    assert all("verdicts missing" in str(value) for value in scores(given, judged).values())


def test_a_lost_verdict_on_one_passage_loses_that_citation_alone() -> None:
    replies: list[Reply] = [verdict_table(0.9), "?!", "?!", verdict_table(0.9)]
    given = response("Alpha [1][2].")
    judged = judge(given, by_prompt(support=replies))
    assert [type(one.verdict) for one in judged.items] == [Graded, Abstained, Graded]
    found = scores(given, judged)
    assert found["recall"] == 1.0
    assert isinstance(found["precision"], str)
    assert found["f1"] == found["precision"]


def test_the_light_judge_takes_the_place_of_the_model() -> None:
    hits = (
        Hit(Passage("a", 0, 40, "Lake Corva is 61 metres deep."), 1.0),
        Hit(Passage("b", 0, 40, "The river Brone is 95 kilometres long."), 1.0),
    )
    given = Response(
        hits, "Lake Corva is 61 metres deep [1]. Lake Corva is 73 metres deep [2].", (0, 1), abstained=False
    )
    instrument = CitationSupport().with_detector(Light())
    assert (instrument.prompts, instrument.calls(2)) == ((), (0, 0))
    judged = asyncio.run(instrument.judge(QUESTION, given, ScriptedChat(lambda request: ExecutionError("never"))))
    assert scores(given, judged) == {"recall": 0.5, "precision": 0.5, "f1": 0.5}


def published_numbers(sentences: Sequence[tuple[str, tuple[int, ...]]], entails: Entails) -> tuple[float, float]:
    """Recall and precision as ALCE's published procedure counts them, for citations that all exist."""
    recall = precise = citations = 0
    for text, refs in sentences:
        together = bool(refs) and entails(text, frozenset(refs))
        recall += together
        citations += len(refs)
        if not together or len(refs) == 1:
            precise += together
            continue
        for ref in refs:
            rest = frozenset(refs) - {ref}
            precise += entails(text, frozenset({ref})) or not entails(text, rest)
    return recall / len(sentences), precise / citations


def test_random_cases_agree_with_the_published_procedure() -> None:
    """Support is any relation here, not only one that grows with the passages."""
    rng = random.Random(5)
    subsets = [frozenset(some) for n in range(1, 4) for some in itertools.combinations(range(3), n)]
    for _ in range(60):
        texts = [f"Sentence {letter}." for letter in "abcd"]
        table = {(text, subset): rng.random() < 0.6 for text in texts for subset in subsets}
        sentences = [(text, tuple(rng.sample(range(3), rng.randint(0, 3)))) for text in texts]
        if not any(refs for _, refs in sentences):
            continue
        said = " ".join(text[:-1] + "".join(f" [{ref + 1}]" for ref in refs) + "." for text, refs in sentences)
        chat = model(lambda text, shown, table=table: table[text, shown])
        given = response(said)
        judged = judge(given, chat)
        recall, precision = published_numbers(sentences, lambda text, shown, table=table: table[text, shown])
        found = scores(given, judged)
        assert (found["recall"], found["precision"]) == pytest.approx((recall, precision))
        assert len(chat.requests) <= CitationSupport().calls(3)[1]


def test_unscored_where_the_answer_is_empty() -> None:
    given = response("")
    said = scores(given, judge(given, model(needs())))
    assert said["recall"] == "there are no sentences to judge"
    assert isinstance(Unscored(str(said["f1"])), Unscored)
