"""RAGAS's data sets and runs, its metrics as judges, and its `evaluate` by rageval: against the real package."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import FakeListChatModel

import rageval
from rageval.errors import BudgetError, DeclarationError, ExecutionError, MissingExtraError, ModelError
from rageval.extras import install_command
from rageval.io.run_folder import RunFolder
from rageval.judges import EmbeddingJudge, Judged, judge_key
from rageval.judges.custom import NoChat, guarded
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Graded, Hit, Passage, Question, RelevanceLabel, Response, Usage, Verdict
from tests.unit.judges.test_embedding import Angles

with warnings.catch_warnings():  # RAGAS and what it imports warn of what they will take away
    warnings.simplefilter("ignore")
    from datasets import Dataset
    from ragas import EvaluationDataset, MultiTurnSample, RunConfig, SingleTurnSample
    from ragas._analytics import do_not_track
    from ragas.embeddings import LangchainEmbeddingsWrapper
    from ragas.llms import LangchainLLMWrapper
    from ragas.messages import HumanMessage
    from ragas.metrics import collections as new
    from ragas.metrics import discrete_metric
    from ragas.metrics._answer_correctness import AnswerCorrectness
    from ragas.metrics._answer_relevance import AnswerRelevancy
    from ragas.metrics._aspect_critic import AspectCritic
    from ragas.metrics._context_precision import ContextPrecision
    from ragas.metrics._context_recall import ContextRecall, IDBasedContextRecall
    from ragas.metrics._factual_correctness import FactualCorrectness
    from ragas.metrics._faithfulness import Faithfulness
    from ragas.metrics._goal_accuracy import AgentGoalAccuracyWithReference
    from ragas.metrics._multi_modal_faithfulness import MultiModalFaithfulness
    from ragas.metrics._noise_sensitivity import NoiseSensitivity
    from ragas.metrics._nv_metrics import AnswerAccuracy
    from ragas.metrics._string import ExactMatch

    from rageval.integrations.ragas import RagasJudge, evaluate, from_ragas, judge, to_ragas

QUESTION = Question("q", "How deep is the lake?", references=("It is forty metres deep.",))
RESPONSE = Response(
    (
        Hit(Passage("lake", 0, 30, "The lake is forty metres deep.", "Lake"), 2.0),
        Hit(Passage("town", 0, 25, "The town has two schools."), 1.0),
    ),
    "Forty metres, and the town has a school.",
    (0, 1),
)
SAMPLES = [
    SingleTurnSample(
        user_input="How deep is the lake?",
        response="Forty metres.",
        reference="It is forty metres deep.",
        retrieved_contexts=["The lake is forty metres deep.", "The town has two schools."],
    ),
    SingleTurnSample(
        user_input="湖有多深？",
        response="六十米。",
        reference="四十米。",
        retrieved_contexts=["这个湖深四十米。"],
    ),
]

Script = Callable[[ChatRequest], str | ChatReply | Exception]


@pytest.fixture(autouse=True, scope="module")
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """RAGAS writes a random id to the user's data folder even where it reports nothing."""
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("data"))


def asked_form(request: ChatRequest) -> str:
    """The name of the JSON schema that the prompt ends with."""
    schema = request.messages[0].content.split("JSON Schema:\n", 1)[1]
    return json.JSONDecoder().raw_decode(schema)[0]["title"]


def by_form(**replies: object) -> Script:
    """What a model says, by the form that it is asked for: a reply, JSON data, or a list to be taken in turn."""

    def reply(request: ChatRequest) -> str | ChatReply | Exception:
        told = replies[asked_form(request)]
        if isinstance(told, list):
            told = told.pop(0)
        return told if isinstance(told, str | ChatReply | Exception) else json.dumps(told, ensure_ascii=False)

    return reply


def statements(*texts: str) -> dict[str, object]:
    return {"statements": [*texts]}


def verdicts(*said: int) -> dict[str, object]:
    return {"statements": [{"statement": f"s{i}", "reason": "so", "verdict": v} for i, v in enumerate(said)]}


def ask(
    instrument: RagasJudge,
    chat: ChatModel | Script | None = None,
    response: Response = RESPONSE,
    question: Question = QUESTION,
    embedder: Angles | None = None,
) -> Judged:
    model = ScriptedChat(chat) if callable(chat) else chat or NoChat(instrument.name)
    ready = guarded(instrument)
    if embedder is not None:
        assert isinstance(ready, EmbeddingJudge)
        ready = ready.with_embedder(embedder)
    return asyncio.run(ready.judge(question, response, model))


def verdict(*arguments: Any, **keywords: Any) -> Verdict:
    (item,) = ask(*arguments, **keywords).items
    assert item.item == "answer"
    return item.verdict


# ------------------------------------------------------------------------------------------------------ data sets


def test_a_data_set_becomes_a_benchmark_and_a_recorded_pipeline(tmp_path: Path) -> None:
    dataset = EvaluationDataset(
        samples=[
            SingleTurnSample(
                user_input="How deep is the lake?",
                response="Forty metres.",
                reference="40 m",
                retrieved_contexts=["It is deep.", "It is forty metres deep."],
                retrieved_context_ids=["lake", 7],
                reference_context_ids=[7, "well"],
            ),
            SingleTurnSample(
                user_input="湖在哪里？",
                retrieved_contexts=["It is forty metres deep.", "Far away."],
                reference_contexts=["Far away."],
            ),
        ]
    )
    benchmark, pipeline = from_ragas(dataset, "lakes")
    assert benchmark.name == "lakes"
    assert [(q.id, q.text, q.language, q.references) for q in benchmark.questions] == [
        ("q1", "How deep is the lake?", "en", ("40 m",)),
        ("q2", "湖在哪里？", "zh", ()),
    ]
    far_away = f"text-{hashlib.sha256(b'Far away.').hexdigest()[:12]}"
    assert {d.id: (d.text, d.title) for d in benchmark.documents} == {
        "lake": ("It is deep.", ""),
        "7": ("It is forty metres deep.", ""),
        "well": ("", "well"),
        far_away: ("Far away.", ""),
    }
    assert set(benchmark.labels) == {
        RelevanceLabel("q1", "7", 1),
        RelevanceLabel("q1", "well", 1),
        RelevanceLabel("q2", far_away, 1),
    }
    result = rageval.evaluate(benchmark, [pipeline], ["recall@2", "mrr"], out=tmp_path)
    found = RunFolder(result.runs[0]).scores()
    assert found["recall@2"]["questions"] == {"q1": 0.5, "q2": 1.0}
    assert found["mrr"]["questions"] == {"q1": 0.5, "q2": 0.5}


def test_the_way_there_and_back(tmp_path: Path) -> None:
    benchmark, pipeline = from_ragas(EvaluationDataset(samples=[*SAMPLES]), "lakes")
    (run,) = rageval.evaluate(benchmark, [pipeline], ["token_f1"], out=tmp_path).runs
    dataset = to_ragas(run)
    assert dataset.name == "lakes"
    known = {document.text: document.id for document in benchmark.documents}
    for sample, original in zip(dataset.samples, SAMPLES, strict=True):
        assert isinstance(sample, SingleTurnSample)
        ids = [known[text] for text in original.retrieved_contexts or ()]
        assert sample.to_dict() == {**original.to_dict(), "retrieved_context_ids": ids}


def test_a_run_with_titles_labels_and_failures(tmp_path: Path) -> None:
    documents = [
        rageval.Document("a", "The lake is deep.", "Lake"),
        rageval.Document("b", "The town is old."),
        rageval.Document("c", "The well is dry."),
    ]
    questions = [Question("one", "How deep?", references=("Very.", "Deep.")), Question("two", "How old?")]
    labels = [RelevanceLabel("one", "b", 1), RelevanceLabel("one", "a", 2), RelevanceLabel("one", "c", 0)]
    benchmark = rageval.benchmark_from_records("b", documents, questions, labels)

    def system(question: Question) -> Response:
        if question.id == "two":
            raise OSError("gone")
        return Response(tuple(map(Hit.whole, documents)), "Very.", context=(1, 0))

    (run,) = rageval.evaluate(benchmark, [system], ["token_f1"], out=tmp_path).runs
    one, two = to_ragas(str(run)).samples
    assert one.to_dict() == {
        "user_input": "How deep?",
        "response": "Very.",
        "reference": "Very.",
        "retrieved_contexts": ["The town is old.", "Lake: The lake is deep."],
        "retrieved_context_ids": ["b", "a"],
        "reference_context_ids": ["a", "b"],
    }
    assert two.to_dict() == {"user_input": "How old?"}

    lines = (run / "responses.jsonl").read_text("utf-8").splitlines()
    kept = [line for line in lines if json.loads(line)["question_id"] == "one"]
    (run / "responses.jsonl").write_text("\n".join(kept) + "\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match="question two has no response yet: finish the run first"):
        to_ragas(run)
    with pytest.raises(DeclarationError, match=r"manifest\.json: no such file"):
        to_ragas(tmp_path)


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        ([], "samples: found none, expected at least one"),
        ([SingleTurnSample(response="Yes.")], r"samples\[0\]\.user_input: found none, expected the question"),
        ([MultiTurnSample(user_input=[HumanMessage(content="Hi")])], r"samples\[0\]: found a MultiTurnSample"),
        (
            [SAMPLES[0], SingleTurnSample(user_input="?", retrieved_contexts=["a", "b"], retrieved_context_ids=["1"])],
            r"samples\[1\]\.retrieved_context_ids: found 1, expected 2",
        ),
    ],
)
def test_what_cannot_be_recorded(samples: list[Any], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        from_ragas(EvaluationDataset(samples=samples), "b")


def test_samples_without_contexts_are_a_benchmark_too(tmp_path: Path) -> None:
    dataset = EvaluationDataset(samples=[SingleTurnSample(user_input="2 + 2?", response="4", reference="4")])
    benchmark, pipeline = from_ragas(dataset, "sums")
    result = rageval.evaluate(benchmark, [pipeline], [judge(ExactMatch())], out=tmp_path)
    estimate = result["recorded"]["custom.exact_match"]
    assert estimate is not None
    assert (estimate.point, estimate.n) == (1.0, 1)


# ------------------------------------------------------------------------------------------------------ judges


@pytest.mark.parametrize("metric", [Faithfulness(), new.Faithfulness], ids=["old", "new"])
def test_faithfulness_is_the_share_of_statements(metric: Any) -> None:
    """Three statements, two of them supported; both calls are counted with their tokens."""
    usage = Usage(calls=1, prompt_tokens=100, completion_tokens=10)
    chat = ScriptedChat(
        by_form(
            StatementGeneratorOutput=ChatReply(json.dumps(statements("a", "b", "c")), usage=usage),
            NLIStatementOutput=ChatReply(json.dumps(verdicts(1, 0, 1)), usage=usage),
        )
    )
    judged = ask(judge(metric), chat)
    (item,) = judged.items
    assert item.text == RESPONSE.answer
    assert isinstance(item.verdict, Graded)
    assert item.verdict.grade == pytest.approx(2 / 3, abs=1e-12)
    assert judged.usage == Usage(calls=2, prompt_tokens=200, completion_tokens=20)
    first, second = chat.requests
    assert "Forty metres, and the town has a school." in first.messages[0].content
    shown = second.messages[0].content
    assert "Lake: The lake is forty metres deep.\\nThe town has two schools." in shown
    assert first.prompt == "ragas/faithfulness"
    structured = metric is new.Faithfulness
    assert (first.schema is not None, second.schema is not None) == (structured, structured)


@pytest.mark.parametrize("metric", [ContextPrecision(), new.ContextPrecision], ids=["old", "new"])
def test_context_precision_looks_at_each_passage(metric: Any) -> None:
    """Only the second of two passages helps: the precision there is 1/2."""
    form = "Verification" if isinstance(metric, ContextPrecision) else "ContextPrecisionOutput"
    chat = by_form(**{form: [{"reason": "", "verdict": 0}, {"reason": "", "verdict": 1}]})
    found = verdict(judge(metric), chat)
    assert isinstance(found, Graded)
    assert found.grade == pytest.approx(0.5, abs=1e-6)


RELEVANCE = {"What is deep?": 60.0, "How deep?": 0.0, "Where?": 90.0, QUESTION.text: 0.0}


@pytest.mark.parametrize(
    ("metric", "form"),
    [(AnswerRelevancy(), "ResponseRelevanceOutput"), (new.AnswerRelevancy, "AnswerRelevanceOutput")],
    ids=["old", "new"],
)
def test_answer_relevancy_draws_three_times_and_compares_embeddings(metric: Any, form: str) -> None:
    """Cosines of 60, 0 and 90 degrees: 1/2, 1 and 0. Equal prompts are further draws, which a cache tells apart."""
    questions = ["What is deep?", "How deep?", "Where?"]
    chat = ScriptedChat(by_form(**{form: [{"question": q, "noncommittal": 0} for q in questions]}))
    embedder = Angles(RELEVANCE)
    found = verdict(judge(metric), chat, embedder=embedder)
    assert isinstance(found, Graded)
    assert found.grade == pytest.approx(0.5, abs=1e-6)
    assert {*embedder.kinds} == {"query"}
    assert len({request.messages for request in chat.requests}) == 1
    assert [request.sample for request in chat.requests] == [0, 1, 2]


def test_many_old_metrics_with_embeddings_at_once() -> None:
    """They wait for embeddings without letting go of their loop; none may keep another from getting on."""
    chat = ScriptedChat(by_form(ResponseRelevanceOutput={"question": "How deep?", "noncommittal": 0}), delay_s=0.001)
    ready = guarded(judge(AnswerRelevancy()))
    assert isinstance(ready, EmbeddingJudge)
    instrument = ready.with_embedder(Angles(RELEVANCE))

    async def all_at_once() -> list[Judged]:
        return await asyncio.gather(*(instrument.judge(QUESTION, RESPONSE, chat) for _ in range(40)))

    found = asyncio.run(all_at_once())
    assert [judged.items[0].verdict for judged in found] == [Graded(1.0)] * 40
    assert {judged.usage for judged in found} == {Usage(calls=3)}


def test_a_metric_within_a_metric_gets_the_embedder_too() -> None:
    """F1 of one statement right and none wrong is 1, the similarity at 60 degrees 1/2; weights 3/4 and 1/4."""
    answer, reference = RESPONSE.answer or "", QUESTION.references[0]
    chat = by_form(
        StatementGeneratorOutput=statements("a"),
        ClassificationWithReason={"TP": [{"statement": "a", "reason": ""}], "FP": [], "FN": []},
    )
    metric = AnswerCorrectness()
    found = verdict(judge(metric), chat, embedder=Angles({answer: 0.0, reference: 60.0}))
    assert isinstance(found, Graded)
    assert found.grade == pytest.approx(0.75 * 1 + 0.25 * 0.5, abs=1e-6)
    assert (metric.llm, metric.embeddings, metric.answer_similarity) == (None, None, None)


def test_without_an_embedder_it_refuses() -> None:
    chat = by_form(ResponseRelevanceOutput={"question": "How deep?", "noncommittal": 0})
    with pytest.raises(DeclarationError, match=r"ragas/answer_relevancy needs an embedder, .*\(models: embed\)"):
        ask(judge(AnswerRelevancy()), chat)


def test_metrics_without_a_model_make_no_calls() -> None:
    exact = judge(new.ExactMatch)
    assert exact.calls(5) == (0, 0)
    assert verdict(exact) == Graded(0.0)
    assert verdict(exact, response=Response(answer="It is forty metres deep.")) == Graded(1.0)
    recall = judge(IDBasedContextRecall(), samples={"q": SingleTurnSample(reference_context_ids=["lake", "sea"])})
    assert verdict(recall) == Graded(0.5)


@pytest.mark.parametrize(("score", "grade"), [(1, 0.0), (4, 0.75), (5, 1.0)])
def test_a_scale_of_its_own_becomes_0_to_1(score: int, grade: float) -> None:
    reply = by_form(RubricScoreOutput={"feedback": "Good enough.", "score": score})
    assert verdict(judge(new.DomainSpecificRubrics), reply) == Graded(grade, rationale="Good enough.")


def test_less_is_better_needs_a_scale() -> None:
    with pytest.raises(DeclarationError, match=r"NoiseSensitivity: less is better.*give scale=\(1, 0\)"):
        judge(NoiseSensitivity())
    inverted = judge(NoiseSensitivity(), scale=(1, 0))
    assert inverted.name == "custom.noise_sensitivity_mode_relevant"
    # One claim, which the reference does not support and the (relevant) passage does: RAGAS scores 1.
    chat = by_form(
        StatementGeneratorOutput=statements("a"),
        NLIStatementOutput=[verdicts(1), verdicts(1), verdicts(0)],
    )
    one_passage = Response(RESPONSE.hits[:1], "Fifty metres.", (0,))
    assert verdict(inverted, chat, one_passage) == Graded(0.0)


def test_a_critic_of_ones_own_reads_what_it_asks_for() -> None:
    critic = AspectCritic(name="Is it polite?", definition="Is the answer polite?")
    instrument = judge(critic)
    assert (instrument.name, instrument.column) == ("custom.is_it_polite", "Is it polite?")
    assert verdict(instrument, by_form(AspectCriticOutput={"reason": "It is.", "verdict": 1})) == Graded(1.0)


# ------------------------------------------------------------------------------------------------------ abstentions


def reason(*arguments: Any, **keywords: Any) -> str:
    found = verdict(*arguments, **keywords)
    assert isinstance(found, Abstained)
    return found.reason


@pytest.mark.parametrize("metric", [Faithfulness(), new.Faithfulness], ids=["old", "new"])
def test_nothing_to_score_is_an_abstention(metric: Any) -> None:
    chat = by_form(StatementGeneratorOutput=statements())
    assert reason(judge(metric), chat) == "RAGAS scored NaN: it found nothing to score"


def test_a_reply_of_another_form_is_asked_for_once_more() -> None:
    good = json.dumps(statements("a"))
    replies = by_form(
        StatementGeneratorOutput=['{"claims": []}', f"```json\n{good}\n```"], NLIStatementOutput=verdicts(1)
    )
    chat = ScriptedChat(replies)
    assert verdict(judge(new.Faithfulness), chat) == Graded(1.0)
    first, again, _ = chat.requests
    assert (first.sample, first.max_tokens, again.sample, again.max_tokens) == (0, 1024, 1, 2048)

    found = verdict(judge(new.Faithfulness), by_form(StatementGeneratorOutput="I would rather not."))
    assert isinstance(found, Abstained)
    assert found.reason.startswith("the reply is no StatementGeneratorOutput: ")
    assert found.raw == "I would rather not."


def test_a_reply_that_the_old_metrics_cannot_read() -> None:
    def reply(request: ChatRequest) -> str:
        return "I would rather not."

    assert reason(judge(Faithfulness()), reply).startswith("RagasOutputParserException: ")


@pytest.mark.parametrize("metric", [Faithfulness(), new.Faithfulness], ids=["old", "new"])
@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (ChatReply('{"statements": ["a', "length"), r"cut off|ended with length"),
        (ChatReply("No.", "content_filter"), r"refused|ended with content_filter"),
        (ExecutionError("timed out"), "timed out"),
    ],
    ids=["cut off", "refused", "failed"],
)
def test_a_call_that_fails_is_an_abstention(metric: Any, reply: Any, told: str) -> None:
    chat = ScriptedChat(by_form(StatementGeneratorOutput=reply))
    found = verdict(judge(metric), chat)
    assert isinstance(found, Abstained)
    assert re.search(told, found.reason)
    assert len(chat.requests) <= 2


def test_a_metric_that_blocks_is_told_so() -> None:
    class Impatient(new.Faithfulness):
        async def ascore(self, user_input: str, response: str, retrieved_contexts: list[str]) -> Any:
            return self.llm.generate("Is it so?", Model)

    class Model(pydantic.BaseModel):
        so: bool

    assert verdict(judge(Impatient), lambda request: "never asked") == Abstained(
        "ExecutionError: found a call of generate, which blocks, expected the metric to await agenerate"
    )


def test_an_error_that_a_metric_hides_is_the_reason() -> None:
    """RAGAS's AnswerAccuracy catches everything and scores NaN."""
    told = reason(judge(AnswerAccuracy()), lambda _: ExecutionError("timed out"))
    assert told == "RAGAS scored NaN: ExecutionError: timed out"


@pytest.mark.parametrize("metric", [AnswerAccuracy(), Faithfulness(), new.Faithfulness, AnswerRelevancy()])
@pytest.mark.parametrize("error", [ModelError("bad key"), BudgetError("the budget is spent")])
def test_what_stops_a_run_stops_it_whatever_the_metric_does(metric: Any, error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        ask(judge(metric), lambda _: error)


def test_a_sample_that_lacks_something_costs_nothing() -> None:
    without = Question("q", "How deep is the lake?")
    assert reason(judge(ContextRecall()), question=without) == "the sample has no reference"
    no_hits = Response(answer="Forty metres.")
    assert reason(judge(new.Faithfulness), response=no_hits) == "the sample has no retrieved_contexts"
    known = {"other": SingleTurnSample(reference_context_ids=["x"])}
    assert reason(judge(IDBasedContextRecall(), samples=known)) == "the sample has no reference_context_ids"


def test_a_value_off_the_scale_is_an_abstention() -> None:
    rubrics = judge(new.DomainSpecificRubrics, scale=(1, 3))
    told = reason(rubrics, by_form(RubricScoreOutput={"feedback": "", "score": 5}))
    assert told == "RAGAS scored 5.0, expected 1 to 3 (see `scale`)"


def test_context_metrics_score_what_abstains_and_what_was_not_answered() -> None:
    classified = {"classifications": [{"statement": "a", "reason": "", "attributed": 1}]}
    for response in (Response(RESPONSE.hits, None, (0,)), Response(RESPONSE.hits, "No idea.", (0,), abstained=True)):
        assert verdict(judge(ContextRecall()), by_form(ContextRecallClassifications=classified), response) == Graded(
            1.0
        )
        assert ask(judge(Faithfulness()), response=response) == Judged()


# ------------------------------------------------------------------------------------------------------ declarations


@pytest.mark.parametrize(
    ("metric", "settings", "told"),
    [
        ("faithfulness", {}, "found a str, expected a single-turn metric"),
        (discrete_metric(name="d")(lambda response: "pass"), {}, "expected a single-turn metric of ragas.metrics"),
        (AgentGoalAccuracyWithReference(), {}, "found a AgentGoalAccuracyWithReference, expected a single-turn metric"),
        (new.ToolCallAccuracy, {}, "ToolCallAccuracy, which scores conversations"),
        (new.AgentGoalAccuracy, {}, "AgentGoalAccuracyWithReference, which scores conversations"),
        (MultiModalFaithfulness(), {}, "MultiModalFaithfulness, which looks at images"),
        (new.AnswerRelevancy, {"strict": 3}, r"AnswerRelevancy: .*'strict'"),
        (Faithfulness(), {"strict": 3}, r"found \['strict'\] beside a metric, expected its class"),
        (
            IDBasedContextRecall(),
            {},
            r"IDBasedContextRecall: needs reference_context_ids, which no run holds: give samples=",
        ),
        (Faithfulness(), {"scale": (1, 1)}, r"scale: found \(1, 1\), expected two different numbers"),
    ],
)
def test_what_is_no_judge(metric: Any, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        judge(metric, **settings)


def key(metric: Any, **settings: Any) -> str:
    return judge_key(guarded(judge(metric, **settings)), "critic")


def test_what_a_metric_is_made_of_tells_judges_apart() -> None:
    reworded = Faithfulness()
    reworded.statement_generator_prompt.instruction += " Be brief."
    rubrics = {"q": SingleTurnSample(rubrics={"score1_description": "bad"})}
    keys = [
        key(Faithfulness()),
        key(reworded),
        key(Faithfulness(), max_tokens=512),
        key(Faithfulness(), scale=(0, 2)),
        key(Faithfulness(), name="f"),
        key(new.Faithfulness),
        key(new.AnswerRelevancy),
        key(new.AnswerRelevancy, strictness=1),
        key(FactualCorrectness()),
        key(FactualCorrectness(mode="recall")),
        key(new.InstanceSpecificRubrics, samples=rubrics),
        key(new.InstanceSpecificRubrics, samples={"q": SingleTurnSample(rubrics={"score1_description": "worse"})}),
    ]
    assert len(set(keys)) == len(keys)
    assert key(Faithfulness()) == keys[0]
    assert key(Faithfulness(), samples=rubrics) == keys[0]  # it reads nothing that only samples hold


def test_keys_are_the_same_in_every_process() -> None:
    """Sets, which RAGAS's metrics hold, come in another order in every process."""
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from ragas.metrics._aspect_critic import AspectCritic\n"
        "from rageval.integrations.ragas import judge\n"
        "print(judge(AspectCritic(name='a', definition='b')).made_of)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == judge(AspectCritic(name="a", definition="b")).made_of + "\n"


def test_the_embedder_is_part_of_the_key() -> None:
    ready = guarded(judge(AnswerRelevancy()))
    assert isinstance(ready, EmbeddingJudge)
    keys = {judge_key(ready.with_embedder(Angles({}, name)), "critic") for name in ("one", "two", "two")}
    assert len(keys) == 2
    assert not isinstance(guarded(judge(Faithfulness())), EmbeddingJudge)


def test_nothing_is_reported_to_ragas() -> None:
    assert os.environ["RAGAS_DO_NOT_TRACK"] == "true"
    assert do_not_track()


def test_without_ragas_the_command_that_installs_it_is_named() -> None:
    code = "import sys; sys.modules['ragas'] = None; import rageval.integrations.ragas"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"rageval.errors.{MissingExtraError.__name__}: rageval.integrations.ragas needs")
    assert last.endswith(install_command("ragas"))


# ------------------------------------------------------------------------------------------------------ evaluate


def model() -> ScriptedChat:
    """Supports one of two statements; attributes the reference in English and not in Chinese."""

    def reply(request: ChatRequest) -> str:
        prompt = request.messages[0].content
        chinese = "湖" in prompt or "米" in prompt
        return json.dumps(
            {
                "StatementGeneratorOutput": statements("a", "b"),
                "NLIStatementOutput": verdicts(1, 0),
                "ContextRecallClassifications": {
                    "classifications": [{"statement": "a", "reason": "", "attributed": int(not chinese)}]
                },
                "Verification": {"reason": "", "verdict": 1},
                "ResponseRelevanceOutput": {"question": "?", "noncommittal": 0},
            }[asked_form(request)],
            ensure_ascii=False,
        )

    return ScriptedChat(reply)


def test_evaluate_scores_with_intervals_and_asks_nothing_twice(tmp_path: Path) -> None:
    dataset = EvaluationDataset(samples=[*SAMPLES])
    chat = model()
    result = evaluate(dataset, [Faithfulness(), ContextRecall(), "token_f1"], llm=chat, out=tmp_path)
    assert Counter(asked_form(request) for request in chat.requests) == {
        "StatementGeneratorOutput": 2,
        "NLIStatementOutput": 2,
        "ContextRecallClassifications": 2,
    }
    estimates = result["recorded"]
    faithful, recall = estimates["custom.faithfulness"], estimates["custom.context_recall"]
    assert faithful is not None
    assert recall is not None
    assert (faithful.point, faithful.n, recall.point) == (0.5, 2, 0.5)
    assert 0 <= recall.low < 0.5 < recall.high <= 1
    assert "custom.faithfulness" in str(result)

    frame = result.to_pandas()
    assert [*frame.columns][:4] == ["user_input", "retrieved_contexts", "response", "reference"]
    assert [*frame["context_recall"]] == [1.0, 0.0]
    assert [*frame["faithfulness"]] == [0.5, 0.5]
    assert [*frame["token_f1"]] == pytest.approx([4 / 7, 2 / 3])

    again = model()
    assert evaluate(dataset, [Faithfulness(), ContextRecall()], llm=again, out=tmp_path).runs == result.runs
    assert again.requests == []


def test_what_could_not_be_scored_is_missing_in_the_frame(tmp_path: Path) -> None:
    samples = [SAMPLES[0], SingleTurnSample(user_input="Why?", response="So.", retrieved_contexts=["x"])]
    result = evaluate(EvaluationDataset(samples=[*samples]), [ContextRecall()], llm=model(), out=tmp_path)
    frame = result.to_pandas()
    assert frame["context_recall"].isna().tolist() == [False, True]
    estimate = result["recorded"]["custom.context_recall"]
    assert estimate is not None
    assert (estimate.point, estimate.n, estimate.unscored) == (1.0, 1, 1)


def test_evaluate_takes_ragas_four_without_metrics_and_works_in_a_loop(tmp_path: Path) -> None:
    embedder = Angles({"?": 0.0, **{sample.user_input or "": 60.0 for sample in SAMPLES}})

    async def notebook() -> Any:
        return evaluate(EvaluationDataset(samples=[*SAMPLES]), llm=model(), embeddings=embedder, out=tmp_path)

    estimates = asyncio.run(notebook())["recorded"]
    points = {metric: estimate.point for metric, estimate in estimates.items()}
    assert points == {
        "custom.answer_relevancy": pytest.approx(0.5, abs=1e-6),
        "custom.context_precision": pytest.approx(1.0, abs=1e-6),
        "custom.faithfulness": 0.5,
        "custom.context_recall": 0.5,
    }


def test_a_data_set_of_the_first_version_with_other_columns(tmp_path: Path) -> None:
    rows = {
        "asked": ["How deep is the lake?"],
        "answer": ["Forty metres."],
        "contexts": [["The lake is forty metres deep."]],
        "ground_truth": ["Forty metres."],
    }
    metrics = [ExactMatch(), "exact_match"]
    result = evaluate(Dataset.from_dict(rows), metrics, column_map={"question": "asked"}, out=tmp_path)
    frame = result.to_pandas()
    assert frame.loc[0].to_dict() == {
        "user_input": "How deep is the lake?",
        "retrieved_contexts": ["The lake is forty metres deep."],
        "response": "Forty metres.",
        "reference": "Forty metres.",
        "exact_match": 1.0,
        "rageval.exact_match": 1.0,
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"callbacks": [print]}, "callbacks: found"),
        ({"run_config": RunConfig(timeout=5)}, r"run_config: found RunConfig\(timeout=5.*concurrency"),
        ({"token_usage_parser": print}, "token_usage_parser: found"),
        ({"raise_exceptions": True}, "raise_exceptions: found True, expected nothing: what fails is an abstention"),
        ({"show_progress": True}, "show_progress: found True, .*`rageval run` shows progress"),
        ({"batch_size": 4}, "batch_size: found 4"),
        ({"return_executor": True}, "return_executor: found True"),
        ({"column_map": {"question": "q"}}, "column_map: found one with an EvaluationDataset"),
        ({"llm": object()}, "llm: found a object, expected a model of rageval's or of LangChain's, such as .*provider"),
        ({"embeddings": object()}, "embeddings: found a object"),
        ({"experiment_name": "../x"}, r"experiment_name: found '\.\./x'"),
        ({"dataset": [{"user_input": "?"}]}, "dataset: found a list"),
        ({"dataset": Dataset.from_dict({"a": ["b"]}), "column_map": {"question": "q"}}, "dataset: .*q"),
        ({"metrics": [new.SummaryScore]}, "needs reference_contexts, which none of the 2 samples has"),
    ],
)
def test_arguments_that_cannot_be_honoured(arguments: dict[str, Any], told: str, tmp_path: Path) -> None:
    given = {"dataset": EvaluationDataset(samples=[*SAMPLES]), "metrics": [ExactMatch()], **arguments}
    with pytest.raises(DeclarationError, match=told) as caught:
        evaluate(**given, out=tmp_path)
    assert "\n" not in str(caught.value)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("wrapped", [False, True])
def test_evaluate_takes_models_of_langchains(wrapped: bool, tmp_path: Path) -> None:
    llm: Any = FakeListChatModel(responses=[json.dumps({"question": "Is it?", "noncommittal": 0})])
    embeddings: Any = DeterministicFakeEmbedding(size=8)
    asked, made = (np.array(embeddings.embed_query(text)) for text in (SAMPLES[0].user_input, "Is it?"))
    cosine = float(asked @ made / np.linalg.norm(asked) / np.linalg.norm(made))
    if wrapped:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # RAGAS advises against them
            llm, embeddings = LangchainLLMWrapper(llm), LangchainEmbeddingsWrapper(embeddings)
    dataset = EvaluationDataset(samples=[SAMPLES[0]])
    relevancy = judge(AnswerRelevancy, scale=(-1, 1))
    result = evaluate(dataset, [relevancy], llm=llm, embeddings=embeddings, out=tmp_path)
    assert [*result.to_pandas()["answer_relevancy"]] == [pytest.approx((cosine + 1) / 2, abs=1e-5)]


def test_arguments_that_ask_for_nothing(tmp_path: Path) -> None:
    dataset = EvaluationDataset(samples=[*SAMPLES])
    for allow in (True, False):
        result = evaluate(
            dataset, [ExactMatch()], callbacks=[], show_progress=False, allow_nest_asyncio=allow, out=tmp_path
        )
        assert [*result.to_pandas()["exact_match"]] == [0.0, 0.0]
