"""A judge whose model talks rubbish in three of ten replies: what is read is right, and what cannot be read is counted.

Over 200 responses in two languages, all judges, and the whole chain from the call to scores.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from rageval.experiment.choose_metrics import parse_metrics
from rageval.experiment.plan import Experiment
from rageval.experiment.run import run_experiment
from rageval.io.run_folder import RunFolder
from rageval.judges import JUDGES, Rubric
from rageval.judges.rubric import Wording
from rageval.metrics.judged import JUDGED_METRICS
from rageval.metrics.verdicts import ABSTENTION
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline.function import function_pipeline
from rageval.types import (
    Abstained,
    Benchmark,
    Card,
    Document,
    Graded,
    Hit,
    Judgment,
    Language,
    Question,
    Response,
    Verdict,
)
from tests.flow.garbler import IN_A_WORD, IN_EVERY_TEXT, IN_JSON, MADE_UP, PROBABILITIES, Garbler

N = 240
RUBRIC = Rubric(
    "custom.tone", {"en": Wording("How polite?", tuple("abcde")), "zh": Wording("多礼貌？", tuple("甲乙丙丁戊"))}
)
# How many judged items one asking of each prompt makes: none, the numbered things, or the text as a whole.
NUMBERED = {"support", "nugget_support", "passage_relevance", "passage_grade", "sentence_relevance"}
WHOLE = {
    "answer_relevance",
    "answer_correctness",
    "completeness",
    "harmlessness",
    "sufficient_context",
    "context_agreement",
    "rubric",
}
SPLITS = {"claims", "nuggets"}  # one item where they are lost; where not, another asking has them
SOURCES = {"shown_by"}  # a lost source loses no verdict
WRITTEN = {"regenerated_questions"}  # three items, or one where they are lost

GRADES = {"passage_grade": {0.0, 1.0}, "nuggets": {1.0}, RUBRIC.name: {0.0, 0.25}}  # of the lower half of the words
COSINES = {"regenerated_questions", "semantic_similarity"}
ELSEWHERE = {"hallucination_ie", "hallucination_qa", "contradiction"}  # replies of other forms: test_scrutiny.py
ASK_NOTHING = {
    "semantic_similarity",
    "sentence_entailment",
    "answer_entailment",
    "citation_support",  # since no answer here cites anything
}


@dataclass(frozen=True)
class Finished:
    """What the run left behind."""

    model: Garbler
    judgments: dict[str, list[Judgment]]
    manifest: dict[str, Any]
    scores: dict[str, Any]
    texts: list[str]

    @property
    def verdicts(self) -> list[tuple[Judgment, Verdict]]:
        return [(judgment, judgment.verdict) for found in self.judgments.values() for judgment in found]


def documents(i: int) -> list[Document]:
    language: Language = "zh" if i % 2 else "en"
    texts = [
        f"Lake {i} is {i} metres deep, {IN_EVERY_TEXT}. It is cold.",
        f"第{i}号湖深{i}米，{IN_EVERY_TEXT}。湖水很冷。",
    ]
    return [Document(f"d{i}-{j}", text, language=language) for j, text in enumerate(texts * (1 + i % 2))]


def answer(question: Question) -> Response:
    """Mostly an answer from one, two or four passages, every other one of which the model has to split; some abstain,
    have no context, or say nothing.
    """
    i = int(question.id)
    if i % 20 == 7:
        return Response(answer="I do not know.", abstained=True)
    hits = () if i % 20 == 13 else tuple(Hit.whole(document) for document in documents(i)[: 1 + i % 4])
    one = f"It is {i} metres deep, {IN_EVERY_TEXT}. 据说这个湖有{i}米深。"
    to_be_split = f"It is {i} metres deep, cold, clear, {IN_EVERY_TEXT}, and long. 据说有{i}米。"
    return Response(hits, "" if i % 20 == 18 else (one, to_be_split)[i // 2 % 2], tuple(range(len(hits))))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    out = tmp_path_factory.mktemp("out")
    questions = tuple(
        Question(
            str(i),
            f"第{i}号湖有多深？" if i % 2 else f"How deep is lake {i}?",
            "zh" if i % 2 else "en",
            () if i % 20 == 11 else (f"{i} metres, {IN_EVERY_TEXT}.",),
        )
        for i in range(N)
    )
    benchmark = Benchmark(Card("lakes"), tuple(d for i in range(N) for d in documents(i)), questions, (), "0" * 64)
    metrics = parse_metrics([*(JUDGED_METRICS.keys() - ELSEWHERE), RUBRIC.name])
    model = Garbler()
    experiment = Experiment(
        name="garbage",
        benchmark=benchmark,
        reference="lakes",
        questions=questions,
        pipelines=(function_pipeline(answer),),
        metrics=metrics,
        embedder=HashEmbedder(),
        raters=(ScriptedChat(model, concurrency=8),),
        own_judges=(RUBRIC,),
    )
    (path,) = run_experiment(experiment, out)
    folder = RunFolder(path)
    manifest = folder.manifest()
    judgments = {
        name: [judgment for found in folder.judgments(judge["key"]).values() for judgment in found]
        for name, judge in manifest["judges"].items()
    }
    assert judgments.keys() == {*JUDGES, RUBRIC.name} - {
        ABSTENTION,
        "fact_match",
        "fact_questions",
        "claim_contradiction",
    }  # which no metric here needs
    texts = [file.read_text("utf-8") for file in path.rglob("*.json")]
    texts += [line for file in path.rglob("*.jsonl") for line in file.read_text("utf-8").splitlines()]
    return Finished(model, judgments, manifest, folder.scores(), texts)


def test_the_model_is_as_bad_as_it_should_be(finished: Finished) -> None:
    model = finished.model
    assert 0.28 < model.share_garbled < 0.32
    assert {kind for json, kind in model.kinds if json} == {"", *IN_JSON}
    assert {kind for json, kind in model.kinds if not json} == {"", *IN_A_WORD}
    assert min(model.kinds.values()) >= 10
    assert N - sum(bool(answer(Question(str(i), "")).abstained) for i in range(N)) >= 200


def test_every_item_is_graded_or_abstained_with_a_reason(finished: Finished) -> None:
    assert all(finished.judgments.values())
    for _, verdict in finished.verdicts:
        assert isinstance(verdict, Graded) or (isinstance(verdict, Abstained) and verdict.reason)
    assert all(
        {type(judgment.verdict) for judgment in found} == {Graded, Abstained}
        for name, found in finished.judgments.items()
        if name not in ASK_NOTHING
    )


def test_no_judgment_is_from_a_garbled_reply(finished: Finished) -> None:
    """Good replies have probabilities, grades and texts of their own; those of garbled ones turn up nowhere."""
    for judgment, verdict in finished.verdicts:
        assert MADE_UP not in judgment.text
        if isinstance(verdict, Abstained) or verdict.rationale.startswith("there is no context"):
            continue
        judge = judgment.judge.rpartition("-")[0]
        if judge in ASK_NOTHING - COSINES:
            continue
        if judge in GRADES:
            assert verdict.grade in GRADES[judge]
        elif judge not in COSINES:
            assert verdict.probability in PROBABILITIES
            assert verdict.grade == float(verdict.probability >= 0.5)


def test_what_was_asked_is_accounted_for(finished: Finished) -> None:
    """Every asking ends in verdicts, or is lost at its second garbled reply or its failed call, and loses those. So no
    good reply, with words around it or not, is thrown away.
    """
    known = NUMBERED | WHOLE | SPLITS | SOURCES | WRITTEN
    assert {said.prompt for said in finished.model.said} == known
    lost = finished.model.lost
    askings = [said for said in finished.model.said if said.attempt == 0]
    abstained = sum(said.n or 0 if said.prompt in NUMBERED else said.prompt not in SOURCES for said in lost)
    items = sum(said.n or 0 for said in askings if said.prompt in NUMBERED)
    items += sum(said.prompt in WHOLE for said in askings)
    items += sum(said.prompt in SPLITS for said in lost)
    items += sum(said.prompt in WRITTEN for said in askings) * 3 - sum(said.prompt in WRITTEN for said in lost) * 2
    paid = [
        judgment
        for judgment, verdict in finished.verdicts
        if judgment.judge.rpartition("-")[0] not in ASK_NOTHING
        and not (isinstance(verdict, Graded) and verdict.rationale.startswith("there is no context"))
    ]
    assert len(paid) == items
    assert sum(isinstance(verdict, Abstained) for _, verdict in finished.verdicts) == abstained
    texts = {said.text for said in lost if said.garbled != "failed"}
    raws = {v.raw for _, v in finished.verdicts if isinstance(v, Abstained) and "call failed" not in v.reason}
    assert raws <= texts


def test_the_manifest_counts_what_lies_in_the_files(finished: Finished) -> None:
    recorded = finished.manifest["judges"]
    for name, found in finished.judgments.items():
        verdicts = [judgment.verdict for judgment in found]
        evidence = [e for verdict in verdicts if isinstance(verdict, Graded) for e in verdict.evidence]
        assert recorded[name]["verdicts"] == len(verdicts)
        assert recorded[name]["abstained"] == sum(isinstance(verdict, Abstained) for verdict in verdicts)
        assert recorded[name]["quotes"] == len(evidence)
        assert recorded[name]["quotes_not_found"] == sum(not e.found for e in evidence)
    assert recorded["claim_support"]["quotes_not_found"] > 0


def test_every_question_is_scored_or_says_why_not(finished: Finished) -> None:
    assert finished.scores.keys() == {*JUDGED_METRICS, RUBRIC.name} - ELSEWHERE
    for metric, data in finished.scores.items():
        assert len(data["questions"]) + len(data["unscored"]) == N, metric
        assert not data["questions"].keys() & data["unscored"].keys()
        assert all(data["unscored"].values())
        if metric == "citation_precision":  # where nothing is cited there is nothing to divide
            assert data["estimate"] is None
            continue
        assert (data["estimate"]["n"], data["estimate"]["unscored"]) == (len(data["questions"]), len(data["unscored"]))
        assert data["failed"] == []
        assert all(0.0 <= value <= 1.0 for value in data["questions"].values())


def test_a_question_that_lost_a_verdict_has_no_score_of_it(finished: Finished) -> None:
    lost = {j.question_id for j in finished.judgments["claim_support"] if isinstance(j.verdict, Abstained)}
    assert lost
    assert lost <= finished.scores["faithfulness"]["unscored"].keys()
    for question_id in lost:
        assert "verdicts missing: " in finished.scores["faithfulness"]["unscored"][question_id]


def test_no_file_holds_nan(finished: Finished) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"found {name} in a file")

    for text in finished.texts:
        json.loads(text, parse_constant=refuse)
