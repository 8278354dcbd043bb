"""Judges by detectors: which items they judge, with what evidence; the light one, ONNX files, and rerank endpoints."""

from __future__ import annotations

import asyncio
import copy
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError, ExecutionError, MissingExtraError
from rageval.judges import JUDGES, Judged, asks_model, judge_key
from rageval.judges.custom import NoChat
from rageval.judges.light import onnx
from rageval.judges.light.detectors import Light, Pair, detector_of, with_detector
from rageval.judges.light.onnx import OnnxDetector
from rageval.judges.light.rerank import RerankDetector
from rageval.judges.light.weights import shipped_weights
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.rerank_endpoint import RerankService
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Evidence, Graded, Hit, Passage, Question, Response, Usage
from tests.unit.judges.tiny_onnx import write_model, write_tokenizer

QUESTION = Question("q", "How deep is the lake?")
TEXTS = ("The lake Corva is 61 metres deep. Its water is salty.", "The river is long.")
ANSWER = "The lake Corva is 61 metres deep. It was painted by Bern in 1987."


@dataclass(frozen=True)
class Scripted:
    """Says in turn what it is told to say, and keeps what it was asked."""

    said: tuple[float | Abstained, ...]
    asked: list[Pair] = field(default_factory=list[Pair])
    name: str = "scripted"
    metrics: tuple[Any, ...] = ("faithfulness", "context_relevance", "answer_relevance")

    @property
    def settings(self) -> dict[str, Any]:
        return {"name": self.name}

    def calls(self, pairs: int) -> int:
        return 0

    async def probabilities(
        self, metric: str, pairs: Sequence[Pair], language: str, chat: ChatModel
    ) -> tuple[list[float | Abstained], Usage]:
        self.asked.extend(pairs)
        return [*self.said[: len(pairs)]], Usage()


def response(answer: str = ANSWER, context: tuple[int, ...] = (1, 0), title: str = "") -> Response:
    hits = tuple(Hit(Passage(f"d{i}", 0, len(text), text, title), 1.0) for i, text in enumerate(TEXTS))
    return Response(hits, answer, context, abstained=False)


def judged(name: str, detector: Any, given: Response | None = None, chat: ChatModel | None = None) -> Judged:
    judge = with_detector(JUDGES[name], detector)
    assert judge is not None
    return asyncio.run(judge.judge(QUESTION, given or response(), chat or NoChat(name)))


def test_support_is_judged_as_a_whole_and_by_sentence() -> None:
    """The whole has no evidence; a supported sentence has the nearest one, by its place among all hits."""
    detector = Scripted((0.25, 0.9, 0.1))
    whole, first, second = judged("claim_support", detector).items
    assert (whole.item, whole.text, whole.verdict) == ("answer", ANSWER, Graded(0.0, 0.25))
    evidence = (Evidence(0, "The lake Corva is 61 metres deep."),)
    assert (first.item, first.index, first.verdict) == ("claim", 0, Graded(1.0, 0.9, evidence))
    assert (second.index, second.verdict) == (1, Graded(0.0, 0.1))
    assert [claim for claim, _ in detector.asked] == [ANSWER, first.text, second.text]
    assert all(texts == [TEXTS[1], TEXTS[0]] for _, texts in detector.asked)


def test_one_sentence_is_judged_once() -> None:
    (only,) = judged("claim_support", Scripted((0.75,)), response("The lake Corva is 61 metres deep.")).items
    assert only.item == "claim"
    assert isinstance(only.verdict, Graded)
    assert only.verdict.grade == 1.0


def test_nothing_is_asked_where_nothing_can_be_said() -> None:
    detector = Scripted(())
    empty = judged("claim_support", detector, response(context=()))
    assert [item.verdict.grade for item in empty.items if isinstance(item.verdict, Graded)] == [0.0, 0.0, 0.0]
    assert judged("claim_support", detector, replace(response(), abstained=True)) == Judged()
    assert judged("claim_support", detector, response("")) == Judged()
    assert judged("passage_relevance", detector, response(context=())) == Judged()
    assert judged("answer_relevance", detector, response("")) == Judged()
    assert detector.asked == []


def test_passages_are_judged_one_by_one_with_their_titles() -> None:
    detector = Scripted((0.7, Abstained("no idea")))
    first, second = judged("passage_relevance", detector, response(title="Corva")).items
    assert (first.item, first.index, first.verdict) == ("passage", 1, Graded(1.0, 0.7))
    assert (second.index, second.verdict) == (0, Abstained("no idea"))
    assert detector.asked == [(QUESTION.text, [f"Corva\n{TEXTS[1]}"]), (QUESTION.text, [f"Corva\n{TEXTS[0]}"])]


def test_an_answer_is_held_against_its_question() -> None:
    detector = Scripted((0.4,))
    (only,) = judged("answer_relevance", detector).items
    assert (only.item, only.verdict, detector.asked) == ("answer", Graded(0.0, 0.4), [(QUESTION.text, [ANSWER])])


def test_the_light_judge_tells_the_copied_sentence_from_the_other() -> None:
    whole, copied, made_up = (item.verdict for item in judged("claim_support", Light()).items)
    assert isinstance(whole, Graded)
    assert isinstance(copied, Graded)
    assert isinstance(made_up, Graded)
    assert (copied.grade, made_up.grade, whole.grade) == (1.0, 0.0, 0.0)


def test_a_key_of_its_own() -> None:
    """Not that of the chat judge, and another with other weights."""
    judge = with_detector(JUDGES["claim_support"], Light())
    other = with_detector(JUDGES["claim_support"], Light(replace(shipped_weights("faithfulness"), bias=9.0)))
    assert judge is not None
    assert other is not None
    keys = {judge_key(one, None) for one in (judge, other, JUDGES["claim_support"])}
    assert len(keys) == 3
    assert not asks_model(judge)
    assert isinstance(detector_of(judge), Light)
    assert detector_of(JUDGES["claim_support"]) is None


def test_it_stands_for_no_other_judge() -> None:
    assert with_detector(JUDGES["answer_correctness"], Light()) is None
    assert with_detector(JUDGES["answer_relevance"], Light()) is None
    trained = replace(shipped_weights("faithfulness"), metric="answer_relevance")
    assert Light(trained).metrics == ("answer_relevance", "faithfulness", "context_relevance")
    assert with_detector(JUDGES["answer_relevance"], Light(trained)) is not None


@pytest.fixture
def onnx_files(tmp_path: Path) -> tuple[Path, Path]:
    """Logits 0 and 2 for `good`, 0 and -2 for `bad`, 0 and 0 for any other word: their mean over the pair's words."""
    model = write_model(tmp_path / "nli.onnx", [[0, 0], [0, 2], [0, -2]])
    return model, write_tokenizer(tmp_path / "tokenizer.json", ["good", "bad"])


def say(detector: OnnxDetector, *pairs: Pair) -> list[float | Abstained]:
    said, usage = asyncio.run(detector.probabilities("faithfulness", pairs, "en", NoChat("claim_support")))
    assert usage == Usage()
    return said


def test_an_onnx_classifier_by_hand(onnx_files: tuple[Path, Path]) -> None:
    """The softmax at the label; the best passage counts; without a passage nothing is supported."""
    detector = OnnxDetector(*onnx_files, supported=1)
    pairs: list[Pair] = [("good", ["good"]), ("bad", ["bad", "good"]), ("good", ["other"]), ("x", [])]
    assert say(detector, *pairs) == pytest.approx([1 / (1 + math.exp(-2)), 0.5, 1 / (1 + math.exp(-1)), 0.0])
    other = OnnxDetector(*onnx_files, supported=0)
    assert say(other, pairs[0]) == pytest.approx([1 / (1 + math.exp(2))])
    assert other.settings != detector.settings


def test_an_open_model_travels_by_its_files(onnx_files: tuple[Path, Path]) -> None:
    detector = OnnxDetector(*onnx_files, supported=1, max_tokens=64)
    assert copy.deepcopy(detector) == detector


def test_a_model_with_one_output_gives_a_logit(tmp_path: Path, onnx_files: tuple[Path, Path]) -> None:
    detector = OnnxDetector(write_model(tmp_path / "one.onnx", [[0], [3], [-3]]), onnx_files[1])
    assert say(detector, ("good", ["good"])) == pytest.approx([1 / (1 + math.exp(-3))])
    inf = OnnxDetector(write_model(tmp_path / "inf.onnx", [[0], [math.inf], [0]]), onnx_files[1])
    assert isinstance(say(inf, ("good", ["good"]))[0], Abstained)


def test_the_end_of_a_long_passage_is_cut(onnx_files: tuple[Path, Path]) -> None:
    """Of eight tokens two are the claim's: six of the passage's are read."""
    detector = OnnxDetector(*onnx_files, supported=1, max_tokens=8)
    long = " ".join(["good"] * 6 + ["bad"] * 50)
    assert say(detector, ("good good", [long])) == pytest.approx([1 / (1 + math.exp(-2))])


def test_files_that_are_none_are_told_at_once(tmp_path: Path, onnx_files: tuple[Path, Path]) -> None:
    model, tokenizer = onnx_files
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(DeclarationError, match=r"broken\.onnx: found no ONNX model"):
        OnnxDetector(broken, tokenizer)
    with pytest.raises(DeclarationError, match=r"nli\.onnx: found no tokenizer\.json"):
        OnnxDetector(model, model)
    with pytest.raises(DeclarationError, match=r"found 2 labels, expected more than 2 \(supported"):
        OnnxDetector(model, tokenizer, supported=2)
    with pytest.raises(DeclarationError, match="found the input pixels, expected some of input_ids"):
        OnnxDetector(write_model(tmp_path / "other.onnx", [[0], [1], [2]], name="pixels"), tokenizer)


def test_without_the_package_the_extra_is_named(onnx_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str, extra: str, purpose: str) -> None:
        raise MissingExtraError(package, extra, purpose)

    monkeypatch.setattr(onnx, "need_package", missing)
    with pytest.raises(MissingExtraError, match=r"\[onnx\]"):
        OnnxDetector(*onnx_files)


def rank(*scores: float | None, kind: Any = "probability") -> list[float | Abstained]:
    """What the detector makes of these scores of the passages."""

    def reply(request: ChatRequest) -> ChatReply:
        assert [message.content for message in request.messages] == ["claim", *TEXTS]
        return ChatReply(json.dumps(scores), usage=Usage(calls=1))

    detector = RerankDetector(RerankService("http://localhost/v1", "nli"), kind)
    said, usage = asyncio.run(
        detector.probabilities("faithfulness", [("claim", TEXTS), ("claim", [" "])], "en", ScriptedChat(reply))
    )
    assert usage == Usage(calls=1)
    assert said[1] == 0.0
    return said[:1]


def test_a_rerank_service_by_hand() -> None:
    assert rank(0.25, 0.75) == [0.75]
    assert rank(-1.0, 2.0, kind="logit") == pytest.approx([1 / (1 + math.exp(-2))])
    for scores in ((0.5, 1.5), (-0.5, 0.5), (None, 0.5)):
        assert isinstance(rank(*scores)[0], Abstained), scores


def test_a_service_that_fails_abstains() -> None:
    def fail(request: ChatRequest) -> ChatReply:
        raise ExecutionError("no luck")

    detector = RerankDetector(RerankService("http://localhost/v1", "nli"))
    verdicts = [item.verdict for item in judged("claim_support", detector, chat=ScriptedChat(fail)).items]
    assert verdicts == [Abstained("the judge's call failed: no luck")] * 3
