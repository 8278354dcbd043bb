from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import rageval
from rageval import CustomJudge, DeclarationError, Document, Judged, Question, RelevanceLabel, Response
from rageval.generation import Answer, AnswerFromMemory
from rageval.judges import JUDGES, Rubric
from rageval.judges.rubric import Wording
from rageval.models.base import ChatModel
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.people import calibrate, read_items, write_record
from rageval.pipeline import Pipeline
from rageval.retrieval import BM25, HYBRID, Dense, Retrieve
from rageval.types import Hit, Passage
from tests.flow.small_world import scripted_reply, write_benchmark

BENCHMARK = rageval.benchmark_from_records(
    "peaks",
    [
        Document("arlen", "Mount Arlen is 2310 metres high."),
        Document("brone", "The river Brone is 95 kilometres long."),
    ],
    [Question("q1", "How high is Mount Arlen?"), Question("q2", "How long is the river Brone?")],
    [RelevanceLabel("q1", "arlen", 1), RelevanceLabel("q2", "brone", 1)],
)


@pytest.fixture
def evaluate(tmp_path: Path) -> Callable[..., rageval.Result]:
    """`rageval.evaluate` with models that need no weights, into a fresh folder."""
    return partial(rageval.evaluate, chat=ScriptedChat(scripted_reply), embed=HashEmbedder(), out=tmp_path / "out")


Evaluate = Callable[..., rageval.Result]


def found(*names: str) -> Response:
    return Response(hits=tuple(Hit(Passage(name, 0, 5, "words"), 1.0) for name in names))


def test_a_function_of_ones_own(evaluate: Evaluate) -> None:
    def always_arlen(question: Question) -> Response:
        return found("arlen", "brone")

    result = evaluate(BENCHMARK, [always_arlen], ["mrr", "hit_rate@1"])
    mrr, hit_rate = result["always_arlen"]["mrr"], result["always_arlen"]["hit_rate@1"]
    assert mrr
    assert hit_rate
    assert (mrr.point, mrr.n) == (0.75, 2)
    assert (hit_rate.point, hit_rate.method) == (0.5, "beta")
    assert str(result).startswith("| rank | pipeline | mrr | hit_rate@1 | failed |")
    assert "| 1 | always_arlen | 0.750 [" in str(result)
    (run,) = result.runs
    assert run.is_dir()
    with pytest.raises(KeyError, match="always_arlen"):
        result["naive"]


@pytest.mark.parametrize("name", ["a/b", "../../up", "a:b*?", "two words", "问/答", "..", ""])
def test_any_name_gives_a_folder_under_runs(name: str, evaluate: Evaluate, tmp_path: Path) -> None:
    """Also a pipeline's; both are in the manifest as they were given, and all that is written stays under `out`."""
    result = evaluate(BENCHMARK, [Pipeline(f"naive {name}", Retrieve(BM25()))], ["mrr"], name=name)
    (run,) = result.runs
    assert run.parent == tmp_path / "out" / "runs"
    assert re.fullmatch(r"[\w-][\w.-]*", run.name)
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {"runs", "cache"}
    manifest = rageval.RunFolder(run).manifest()
    assert (manifest["experiment"], manifest["label"]) == (name, f"naive {name}")


def test_async_and_failing_functions(evaluate: Evaluate) -> None:
    async def waits(question: Question) -> str:
        await asyncio.sleep(0)
        return "An answer."

    def breaks(question: Question) -> str:
        if question.id == "q1":
            raise KeyError("lost")
        return "An answer."

    result = evaluate(BENCHMARK, [waits, breaks], ["answer_relevance"])
    failed = {row.label: row.failed for row in result.leaderboard.rows}
    assert failed == {"waits": 0, "breaks": 1}
    broken, whole = result["breaks"]["answer_relevance"], result["waits"]["answer_relevance"]
    assert broken
    assert whole
    assert broken.n == whole.n == 2
    assert (broken.failed, broken.point) == (1, whole.point - 0.5)


def test_everything_that_is_a_pipeline(evaluate: Evaluate) -> None:
    pipelines = [
        "oracle",
        {"naive": {"retriever": "bm25", "k": 1}},
        AnswerFromMemory(),
        Pipeline("mine", Retrieve(Dense(), k=1)),
        lambda question: found("brone"),
    ]
    result = evaluate(BENCHMARK, pipelines, ["recall@1"])
    labels = ["oracle", "naive(retriever=bm25, k=1)", "AnswerFromMemory", "mine", "<lambda>"]
    assert {row.label for row in result.leaderboard.rows} == set(labels)
    assert len(set(result.runs)) == len(result.runs) == 5
    points = {label: mean.point if (mean := result[label]["recall@1"]) else None for label in labels}
    assert points == {
        "oracle": 1.0,
        "naive(retriever=bm25, k=1)": 1.0,
        "AnswerFromMemory": None,
        "mine": 1.0,
        "<lambda>": 0.5,
    }


def test_pipelines_that_differ_are_told_apart(evaluate: Evaluate) -> None:
    """By their settings, or else by a number: two chains, two functions of one name, two pipelines of one name."""
    bm25, dense = Retrieve(BM25(), k=1), Retrieve(Dense(), k=1)
    pipelines = [
        bm25 >> Answer(),
        dense >> Answer(),
        lambda question: found("arlen"),
        lambda question: found("brone"),
        Pipeline("mine", bm25),
        Pipeline("mine", dense, {"k": 1}),
        Pipeline("mine", Retrieve(HYBRID, k=1)),
    ]
    result = evaluate(BENCHMARK, pipelines, ["recall@1"])
    labels = [json.loads((run / "manifest.json").read_text("utf-8"))["label"] for run in result.runs]
    assert labels == [
        "Retrieve(index=BM25(), k=1) >> Answer()",
        "Retrieve(index=Dense(), k=1) >> Answer()",
        "<lambda>",
        "<lambda> (2)",
        "mine",
        "mine(k=1)",
        "mine (2)",
    ]
    assert len(set(result.runs)) == len(labels)
    for same in ([bm25 >> Answer()] * 2, [bm25, Retrieve(BM25(), k=1)], [Pipeline("mine", bm25)] * 2):
        with pytest.raises(DeclarationError, match=r"pipelines: found .* twice, expected pipelines that differ"):
            evaluate(BENCHMARK, same, ["recall@1"])


def test_inside_a_running_event_loop(evaluate: Evaluate) -> None:
    async def notebook() -> rageval.Result:
        return evaluate(BENCHMARK, ["oracle"], ["map"])

    inside = asyncio.run(notebook())
    assert str(inside) == str(evaluate(BENCHMARK, ["oracle"], ["map"]))

    async def wrong() -> None:
        evaluate(BENCHMARK, ["oracle"], ["maps"])

    with pytest.raises(DeclarationError, match="unknown metric 'maps'"):
        asyncio.run(wrong())


def test_what_was_done_is_not_done_again(evaluate: Evaluate, tmp_path: Path) -> None:
    asked = tmp_path / "asked"

    def system(question: Question) -> Response:
        with asked.open("a") as file:  # a list that it adds to would be a change of what the function captured
            file.write(f"{question.id}\n")
        return found("arlen")

    first = evaluate(BENCHMARK, [system], ["map"])
    second = evaluate(BENCHMARK, [system], ["map", "mrr"])
    assert sorted(asked.read_text().split()) == ["q1", "q2"]
    assert second.runs == first.runs


def test_a_list_that_a_function_captured_is_part_of_it(evaluate: Evaluate) -> None:
    known = ["arlen"]

    def system(question: Question) -> Response:
        return found(*known)

    before = evaluate(BENCHMARK, [system], ["map"])
    assert evaluate(BENCHMARK, [system], ["map"]).runs == before.runs
    known.append("brone")
    assert evaluate(BENCHMARK, [system], ["map"]).runs != before.runs


def test_a_benchmark_by_path_and_chosen_questions(evaluate: Evaluate, tmp_path: Path) -> None:
    result = evaluate(write_benchmark(tmp_path / "small"), ["oracle"], ["map"], questions=["en-1", "zh-1"])
    assert (result.leaderboard.benchmark, result.leaderboard.questions) == ("small", 2)
    sampled = evaluate(tmp_path / "small", ["oracle"], ["map"], questions=4, seed=3)
    assert sampled.leaderboard.questions == 4


def test_chinese_questions_made_in_python_get_chinese_prompts(evaluate: Evaluate) -> None:
    benchmark = rageval.benchmark_from_records(
        "山",
        [Document("qingshi", "青石山高一千八百米。"), Document("arlen", "Mount Arlen is 2310 metres high.")],
        [Question("zh", "青石山有多高？", references=("一千八百米",)), Question("en", "How high is Mount Arlen?")],
    )
    chat = ScriptedChat(scripted_reply)
    evaluate(benchmark, [{"naive": {"retriever": "bm25"}}], ["answer_relevance", "faithfulness"], chat=chat)
    for language, asked in (("zh", "青石山有多高"), ("en", "Mount Arlen?")):
        prompts = [request.prompt for request in chat.requests if asked in request.messages[-1].content]
        assert {prompt.partition("/")[2][:2] for prompt in prompts} == {language}


def test_what_a_function_says_of_abstaining_counts(evaluate: Evaluate) -> None:
    """The text would be taken for an abstention, and for none."""

    def outspoken(question: Question) -> Response:
        return Response(answer="I don't know is on third base.", abstained=False)

    def reserved(question: Question) -> Response:
        return Response(answer="略。", abstained=True)

    def silent(question: Question) -> str:
        return "I don't know."

    result = evaluate(BENCHMARK, [outspoken, reserved, silent], ["abstention_accuracy"])
    assert {row.label: row.abstained for row in result.leaderboard.rows} == {"outspoken": 0, "reserved": 2, "silent": 2}


def test_a_judge_of_its_own(evaluate: Evaluate) -> None:
    writer, critic = ScriptedChat(scripted_reply, "writer"), ScriptedChat(scripted_reply, "critic")
    result = evaluate(BENCHMARK, ["closed_book"], ["answer_relevance"], chat=writer, judge=critic)
    assert result.leaderboard.models == {"chat": "writer", "judge": "critic"}
    assert {request.prompt.partition("/")[0] for request in writer.requests} == {"answer_from_memory"}
    assert {request.prompt.partition("/")[0] for request in critic.requests} == {"answer_relevance"}


def test_a_panel(evaluate: Evaluate) -> None:
    """Two of three say yes to each answer, so that all are relevant; a panel of one model twice is a mistake."""

    def replies(word: str) -> ScriptedChat:
        return ScriptedChat(lambda request: word, f"says {word}")

    raters = [replies("yes"), ScriptedChat(lambda request: "yes", "agrees"), replies("no")]
    result = evaluate(BENCHMARK, [two_words], ["answer_relevance"], judge=raters, judge_samples=2)
    estimate = result["two_words"]["answer_relevance"]
    assert estimate
    assert (estimate.point, estimate.n) == (1.0, 2)
    assert [len(rater.requests) for rater in raters] == [4, 4, 4]
    with pytest.raises(DeclarationError, match="found says no 2 times in a panel"):
        evaluate(BENCHMARK, [two_words], ["answer_relevance"], judge=[replies("no"), replies("no")])


def test_calibrations(evaluate: Evaluate, tmp_path: Path) -> None:
    """The record of a judge with that model is cited; that of another one is refused."""
    critic, labels = ScriptedChat(lambda request: "yes", "critic"), tmp_path / "labels.jsonl"
    item = '{"id": "a", "question": "How high?", "context": [], "answer": "High.", "label": 1}\n'
    labels.write_text(item, encoding="utf-8")
    judge = JUDGES["answer_relevance"]
    path = write_record(calibrate(judge, read_items(labels, judge), critic).record, tmp_path)
    result = evaluate(BENCHMARK, [two_words], ["answer_relevance"], judge=critic, calibrations=[path])
    (run,) = result.runs
    cited = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["judges"]["answer_relevance"]["calibration"]
    assert (cited["labels"], cited["n"]) == ("labels.jsonl", 1)
    with pytest.raises(DeclarationError, match="expected one of answer_relevance-"):
        evaluate(BENCHMARK, [two_words], ["answer_relevance"], judge=ScriptedChat(str), calibrations=[path])


class Brevity(CustomJudge):
    """Is the answer short?"""

    name = "custom.brevity"

    def __init__(self, most: int = 2) -> None:
        self.most = most
        self.seen: list[str] = []

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        self.seen.append(question.id)
        return self.grade(float(len((response.answer or "").split()) <= self.most), response)


def two_words(question: Question) -> str:
    return "Two words." if question.id == "q1" else "Three words here."


TONE = Rubric("custom.tone", {"en": Wording("How polite is the answer?", ("rude", "neutral", "polite"))})


def test_judges_of_ones_own(evaluate: Evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels 2 and 3 of 3 are 1/2 and 1; one of two answers is short."""
    (tmp_path / "file.yaml").write_text("name: file\nen: {question: Good, levels: [no, yes]}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    critic = ScriptedChat(lambda request: "2" if "Two words." in request.messages[-1].content else "3", "critic")
    metrics = [Brevity(), TONE, "file.yaml"]
    with pytest.raises(DeclarationError, match=r"found custom\.tone twice"):
        evaluate(BENCHMARK, [two_words], [*metrics, TONE], judge=critic)
    told = evaluate(BENCHMARK, [two_words], metrics[:2], judge=critic)["two_words"]
    assert {name: mean.point if mean else None for name, mean in told.items()} == {
        "custom.brevity": 1 / 2,
        "custom.tone": 3 / 4,
    }
    found = evaluate(BENCHMARK, [two_words], metrics, judge=critic)["two_words"]["custom.file"]
    assert found
    assert (found.point, found.n, found.unscored) == (1.0, 1, 1)  # there is no level 3 of 2


def test_a_judge_without_a_model_is_not_asked_again_for_another_model(evaluate: Evaluate) -> None:
    first, second, stricter = Brevity(), Brevity(), Brevity(most=1)
    nobody = ScriptedChat(lambda _: AssertionError("it was asked"))
    for brevity, identity in ((first, "critic"), (second, "another")):
        critic = ScriptedChat(lambda _: "2", identity)
        result = evaluate(BENCHMARK, [two_words], [brevity, TONE], chat=nobody, judge=critic)
        assert result.leaderboard.models == {"judge": identity}
        assert len(critic.requests) == 2
    assert (sorted(first.seen), second.seen) == (["q1", "q2"], [])
    missing = {
        "provider": "openai",
        "base_url": "https://models.example/v1",
        "model": "m",
        "api_key_env": "NO_SUCH_KEY",
    }
    result = evaluate(BENCHMARK, [two_words], [stricter], chat=missing)  # which is not looked for
    assert sorted(stricter.seen) == ["q1", "q2"]
    assert result.leaderboard.models == {}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"judge": []}, "judge: found an empty list"),
        ({"judge_samples": 0}, "judge_samples: found 0: input should be greater than or equal to 1"),
        ({"calibrations": ["none.json"]}, "calibrations: none.json: no such file"),
    ],
)
def test_mistakes_in_judging(evaluate: Evaluate, given: dict[str, object], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        evaluate(BENCHMARK, [two_words], ["answer_relevance"], **given)


@pytest.mark.parametrize(
    ("pipelines", "metrics", "told"),
    [
        ([], ["map"], "found neither pipelines nor a sweep"),
        (["oracle"], [], "metrics: found an empty list, expected at least one entry"),
        (["oracle", "oracle"], ["map"], "found oracle twice"),
        (["oracle", {"oracle": {"k": 5}}], ["map"], r"found oracle and oracle\(k=5\), which are the same"),
        (["orakel"], ["map"], "did you mean oracle"),
        (
            [3],
            ["map"],
            "found 3, expected a name, a path, .* or in Python a Pipeline, a stage or a function",
        ),
        (["oracle"], ["map", "AP"], "found map twice"),
        (["oracle"], ["custom.brevity"], "expected the path of that judge, such as brevity.yaml"),
        (["oracle"], [Brevity], "found the class Brevity"),
        (["oracle"], [Rubric("custom.x", {"zh": TONE.wordings["en"]})], "custom.x: found no wording in en, which 2"),
    ],
)
def test_mistakes_are_told_before_anything_runs(
    pipelines: list[object], metrics: list[object], told: str, evaluate: Evaluate, tmp_path: Path
) -> None:
    with pytest.raises(DeclarationError, match=told):
        evaluate(BENCHMARK, pipelines, metrics)
    assert not (tmp_path / "out").exists()
