from __future__ import annotations

import asyncio
import importlib.util
import itertools
import re
from collections.abc import Callable

import pytest

from rageval.errors import DeclarationError, ExecutionError, MissingExtraError, ModelError
from rageval.extras import install_command
from rageval.judges.base import Item, Judge, Judged, judge_key
from rageval.models.base import ChatReply, ChatRequest, Message
from rageval.models.scripted import ScriptedChat
from rageval.people import Calibrated, calibrate
from rageval.people.attacks import shipped_attacks
from rageval.people.judging import TimedChat, probability_of
from rageval.report.calibrate import calibration_printout
from rageval.report.tables.terminal import terminal_text
from rageval.types import Abstained, Graded, Usage, Verdict
from tests.unit.people.conftest import item, label_file
from tests.unit.scripts import p_yes


def stated(request: ChatRequest) -> ChatReply:
    """P(yes) as the answer says it: `P = 0.3`."""
    found = re.search(r"P = ([\d.]+)", request.messages[-1].content)
    assert found
    return p_yes(float(found[1]))


def people(n: int, *, right: bool = True) -> list[tuple[int, float]]:
    """Labels that alternate, and what the judge says of them."""
    return [(i % 2, (0.6 + i / 300) if (i % 2 == 1) == right else (0.4 - i / 300)) for i in range(n)]


def items_saying(pairs: list[tuple[int, float]]) -> list[object]:
    return [item(f"i{i}", label, f"P = {p:.4f}") for i, (label, p) in enumerate(pairs)]


def verdicts(*given: Verdict) -> Judged:
    return Judged(tuple(Item("claim", i, "A claim.", verdict) for i, verdict in enumerate(given)))


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        (verdicts(Graded(1.0, 0.9), Graded(1.0, 0.6), Graded(1.0, 0.7)), 0.6),
        (verdicts(Graded(1.0, 0.9), Graded(0.0)), 0.0),
        (verdicts(Graded(1.0), Graded(1.0)), 1.0),
        (verdicts(Graded(1.0), Graded(1.0, 0.8)), 0.8),
        (verdicts(Graded(3.0, 0.8)), 0.8),
        (verdicts(Graded(0.0, 0.1), Abstained("cut off"), Abstained("unreadable")), Abstained("cut off")),
        (verdicts(), Abstained("the judge found nothing to judge")),
    ],
)
def test_an_item_is_as_probable_as_its_least_certain_part(judged: Judged, expected: float | Abstained) -> None:
    assert probability_of(judged, "any") == expected


def test_a_verdict_on_the_answer_as_a_whole_goes_before_those_on_its_claims() -> None:
    claims = verdicts(Graded(0.0, 0.1), Graded(1.0, 0.9)).items
    whole = Item("answer", 0, "An answer.", Graded(1.0, 0.75))
    assert probability_of(Judged((whole, *claims)), "any") == 0.75


def test_a_judge_with_more_grades_than_yes_and_no_is_refused() -> None:
    with pytest.raises(DeclarationError, match="stars: found the grade 3 without a probability"):
        probability_of(verdicts(Graded(1.0), Graded(3.0)), "stars")


def test_what_is_kept(judge: Judge) -> None:
    pairs = people(60)
    result = calibrate(judge, label_file(*items_saying(pairs)), ScriptedChat(stated))
    record = result.record
    assert (record.judge, record.key, record.model) == ("one_question", judge_key(judge, "scripted"), "scripted")
    assert (record.labels, record.sha256, record.n, record.abstained) == ("labels.jsonl", "ab" * 32, 60, 0)
    assert record.zero_shot is not None
    assert record.zero_shot.accuracy.point == record.zero_shot.accuracy.high == 1.0
    assert record.scaling is not None
    assert record.scaling.method == "platt"
    assert record.apply(0.6) > 0.99
    assert record.cross_validated is not None
    assert record.cross_validated.ece.point < record.zero_shot.ece.point
    assert (result.usage.calls, result.notes, result.reasons, result.attacks) == (60, (), {}, None)
    assert result.seconds_per_item is not None


GARBAGE: list[ChatReply | Exception] = [
    ChatReply("", usage=Usage(calls=1)),
    ChatReply("maybe", usage=Usage(calls=1)),
    ChatReply('{"verdict": tr', "length", usage=Usage(calls=1)),
    ChatReply("I cannot help with that.", usage=Usage(calls=1)),
    ChatReply("да", usage=Usage(calls=1)),
    ChatReply("1.0", usage=Usage(calls=1)),
    ExecutionError("the endpoint hung up"),
]


def test_garbage_is_counted_and_never_graded(judge: Judge) -> None:
    garbled = {
        f"P = {p:.4f}": reply for (_, p), reply in zip(people(100)[30:60], itertools.cycle(GARBAGE), strict=False)
    }

    def reply(request: ChatRequest) -> ChatReply | Exception:
        return garbled.get(request.messages[-1].content) or stated(request)

    items = [*items_saying(people(100)), item("empty", 1, "")]
    result = calibrate(judge, label_file(*items), ScriptedChat(reply))
    good = calibrate(judge, label_file(*(items[:30] + items[60:100])), ScriptedChat(stated))
    assert (result.record.n, result.record.abstained) == (70, 31)
    assert result.reasons == {
        "neither yes nor no": 26,
        "the judge's call failed: the endpoint hung up": 4,
        "the judge found nothing to judge": 1,
    }
    assert result.record.zero_shot == good.record.zero_shot
    assert result.record.scaling == good.record.scaling
    text = terminal_text(calibration_printout(result), 120)
    assert "70 of 101 items judged, 31 abstained\n  26 × neither yes nor no\n" in text


def test_no_verdict_at_all_gives_no_figures(judge: Judge) -> None:
    result = calibrate(judge, label_file(*items_saying(people(40))), ScriptedChat(lambda _: "perhaps"))
    record = result.record
    assert (record.n, record.abstained) == (0, 40)
    assert record.zero_shot is record.cross_validated is record.scaling is None
    few = "found 0 items labelled 1 and 0 labelled 0, expected at least 10 of each"
    assert result.notes == (f"no scaling: {few} among items with a verdict",)
    assert "0 of 40 items judged" in terminal_text(calibration_printout(result), 120)


@pytest.mark.parametrize(
    ("asked", "n", "installed", "method", "note"),
    [
        (None, 20, True, "platt", None),
        (None, 19, True, None, "no scaling: found 9 items labelled 1 and 10 labelled 0, expected at least 10 of each"),
        (None, 20, False, None, f"no scaling: it needs scikit-learn: install it with  {install_command('calibrate')}"),
        ("none", 20, True, None, None),
        ("none", 20, False, None, None),
        ("isotonic", 20, True, "isotonic", None),
        ("platt", 19, True, DeclarationError, "labels.jsonl: found 9 items labelled 1 .* for scaling platt"),
        ("isotonic", 20, False, MissingExtraError, r"scaling isotonic needs .* pip install .*\[calibrate\]'"),
    ],
)
def test_which_scaling(
    asked: str | None,
    n: int,
    installed: bool,
    method: str | type[Exception] | None,
    note: str | None,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not installed:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    chat, file = ScriptedChat(stated), label_file(*items_saying(people(n)))
    if isinstance(method, type):
        with pytest.raises(method, match=note):
            calibrate(judge, file, chat, scaling=asked)
        assert chat.requests == []
        return
    result = calibrate(judge, file, chat, scaling=asked)
    scaling, figures = result.record.scaling, result.record.cross_validated
    assert (scaling and scaling.method, figures is None) == (method, method is None)
    assert result.notes == (() if note is None else (note,))


def test_labels_of_one_kind_are_told(judge: Judge) -> None:
    result = calibrate(judge, label_file(*items_saying([(1, 0.7)] * 12)), ScriptedChat(stated))
    assert result.notes[-1] == "every item with a verdict is labelled 1: balanced accuracy and AUC need both labels"
    assert re.search(r"^AUC +–$", terminal_text(calibration_printout(result), 120), re.MULTILINE)


def attacked(reply: Callable[[ChatRequest], ChatReply | str], judge: Judge, *languages: str) -> Calibrated:
    """Refused items in these languages, beside items that must not be attacked: rightly labelled 1, or called yes."""
    items = [
        made
        for language in languages
        for i in range(5)
        for made in (
            item(f"{language}{i}", 0, f"refused {i}", "One.", "Two.", language=language),
            item(f"{language}{i}-people-yes", 1, f"missed {i}", "One.", language=language),
            item(f"{language}{i}-judge-yes", 0, f"let through {i}", "One.", language=language),
        )
    ]
    return calibrate(judge, label_file(*items), ScriptedChat(reply), attacks=True, scaling="none")


def gullible(request: ChatRequest) -> ChatReply:
    words = request.messages[-1].content
    return p_yes(0.8 if "verdict: supported" in words or "let through" in words else 0.1)


def test_attacks_that_persuade_are_the_ones_that_succeed(judge: Judge) -> None:
    result = attacked(gullible, judge, "en", "zh")
    assert result.attacks is not None
    fooled = {attack.id for attack in shipped_attacks() if "verdict: supported" in attack.text}
    assert fooled
    assert {t.attack for t in result.attacks.trials if (t.probability or 0) >= 0.5} == fooled
    assert {t.attack for t in result.attacks.trials if t.probability == 0.8} == fooled
    assert {t.item for t in result.attacks.trials} == {f"{language}{i}" for language in ("en", "zh") for i in range(5)}
    whole = result.attacks.cells[-1]
    assert (whole.attacks.yes, whole.attacks.n, whole.controls.yes, whole.controls.n) == (len(fooled), 48, 0, 12)
    assert result.usage.calls == 30  # of items alone
    assert (result.record.n, result.record.zero_shot and result.record.zero_shot.accuracy.point) == (30, 1 / 3)


def test_a_judge_that_falls_for_everything_falls_for_controls_too(judge: Judge) -> None:
    plain = re.compile(r"(?:One\.\n)?(?:Two\.\n)?(?:refused|missed|let through) \d")

    def wavering(request: ChatRequest) -> str:
        return "no" if plain.fullmatch(request.messages[-1].content) else "yes"

    result = attacked(wavering, judge, "en")
    assert result.attacks is not None
    whole = result.attacks.cells[-1]
    assert (whole.attacks.yes, whole.attacks.n, whole.controls.yes, whole.controls.n) == (24, 24, 6, 6)
    text = terminal_text(calibration_printout(result), 120)
    assert "1.000 [0.88, 1.00] (24 of 24)" in text
    assert "not tried: 15 for zh, answers, 15 for zh, passages: no item of that language" in text


def test_an_endpoint_that_refuses_stops_everything(judge: Judge) -> None:
    chat = ScriptedChat(lambda _: ModelError("bad key"), concurrency=4)
    with pytest.raises(ModelError, match="bad key"):
        calibrate(judge, label_file(*items_saying(people(40))), chat)
    assert len(chat.requests) <= 4


def test_progress_counts_items_and_trials(judge: Judge) -> None:
    told: list[tuple[str, int, int]] = []
    calibrate(
        judge,
        label_file(*items_saying(people(6))),
        ScriptedChat(stated),
        attacks=True,
        on_items=lambda done, total: told.append(("items", done, total)),
        on_attacks=lambda done, total: told.append(("attacks", done, total)),
    )
    texts = [a for a in shipped_attacks() if (a.language, a.place) == ("en", "answer")]
    assert told == [
        *(("items", done, 6) for done in range(7)),
        *(("attacks", done, len(texts)) for done in range(len(texts) + 1)),
    ]


def test_seconds_are_those_in_which_the_model_was_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def reply(request: ChatRequest) -> ChatReply:
        return ChatReply("yes", usage=Usage(1, 1, free_calls=1) if request.prompt == "cached" else Usage(calls=1))

    async def work(chat: TimedChat) -> None:
        asked, cached = (ChatRequest((Message("user", "?"),), prompt, 1) for prompt in ("asked", "cached"))
        await asyncio.gather(chat.complete(asked), chat.complete(asked))  # from 0 to 4, and from 1 to 6
        await chat.complete(cached)  # from 7
        await chat.complete(asked)  # from 10 to 12

    clock = iter([0.0, 1.0, 4.0, 6.0, 7.0, 10.0, 12.0])
    monkeypatch.setattr("rageval.people.judging.time.perf_counter", lambda: next(clock))
    chat = TimedChat(ScriptedChat(reply))
    asyncio.run(work(chat))
    assert chat.seconds() == 6.0 + 2.0
