"""What `rageval check` says a run asks at least and at most, held against what models are asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rageval import CustomJudge, Judged
from rageval.experiment.choose_metrics import parse_metrics
from rageval.experiment.choose_pipelines import choose_pipelines
from rageval.experiment.estimate import estimate_cost
from rageval.experiment.plan import Experiment
from rageval.experiment.recipes import list_recipes
from rageval.experiment.run import run_experiment
from rageval.generation import Answer, AnswerFromMemory
from rageval.judges import Rubric
from rageval.judges.custom import guarded
from rageval.judges.rubric import SHOWN, Wording
from rageval.metrics.judged import JUDGED_METRICS
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Calls, PromptSizes, Resources, Stage, State
from rageval.pipeline.function import function_pipeline
from rageval.pipeline.sizes import CorpusSizes
from rageval.retrieval import BM25, Pointwise, Rerank, Reranker, Retrieve
from rageval.text import count_tokens, sentences
from rageval.types import Benchmark, Document, Passage, Question, Response, Usage
from tests.conftest import CommandLine
from tests.flow.small_world import QUESTIONS, scripted_reply, write_experiment

RUBRIC = Rubric(
    "custom.tone",
    {
        "en": Wording("How polite is the answer?", ("rude", "neither one nor the other", "polite")),
        "zh": Wording("这个答案有多礼貌？", ("粗鲁", "平淡", "礼貌")),
    },
    SHOWN,
)
METRICS = [*JUDGED_METRICS, RUBRIC.name]
RECIPES: dict[str, dict[str, Any]] = {
    "adaptive": {"k": 2, "steps": 2},
    "closed_book": {},
    "compressed": {"k": 3, "sentences": 2, "by": "model"},
    "contextual": {"k": 2, "chunk_tokens": 16},
    "crag": {"k": 3},
    "graph": {"k": 2, "most": 3},
    "hyde": {"k": 2, "n": 2},
    "ircot": {"k": 2, "steps": 3},
    "multi_vector": {"k": 2, "views": ["sentences", "summaries", "questions", "propositions", "tables"]},
    "naive": {"k": 3, "chunk_tokens": 16, "overlap": 1},
    "noisy": {"k": 3, "noise": 0.4},
    "oracle": {"k": 2},
    "production": {"k": 4, "tokens": 60, "reranker": "pointwise", "candidates": 6},
    "rag_fusion": {"k": 2, "n": 12},
    "raptor": {"k": 2, "clusters": 2, "size": 3},
    "recorded": {"path": "recorded.jsonl"},
    "rerank": {"k": 2, "candidates": 4},
    "self_rag": {"k": 3, "max_retries": 2},
    "small_to_big": {"k": 2, "chunk_tokens": 16},
    "step_back": {"k": 2},
    "sub_questions": {"k": 2, "n": 4},
    "tables": {"k": 2, "summaries": True},
}
WORDY = "Incomprehensibilities "


def plain(request: ChatRequest) -> ChatReply:
    """As the small world replies."""
    return scripted_reply(request)


def unreadable(request: ChatRequest) -> ChatReply:
    """Nothing that a judge can read, so that it asks twice; long answers."""
    return ChatReply(WORDY * (request.max_tokens // 5), usage=Usage(calls=1))


def unfound(request: ChatRequest) -> ChatReply:
    """Readable once it is asked again, long claims, and claims whose words stand nowhere."""
    schema = request.schema
    if schema is None:
        text = "yes" if request.top_logprobs and request.max_tokens == 1 else WORDY * (request.max_tokens // 5) + "."
        return ChatReply(text, usage=Usage(calls=1))
    if not request.sample:
        return ChatReply("?", usage=Usage(calls=1))
    return ChatReply(json.dumps(filled(schema, request.max_tokens), ensure_ascii=False), usage=Usage(calls=1))


def filled(schema: Mapping[str, Any], words: int, number: int = 0) -> Any:
    """Something in the form of the schema, with long texts that differ."""
    match schema["type"]:
        case "object":
            parts = schema["properties"]
            return {name: filled(part, words // len(parts), number) for name, part in parts.items()}
        case "array":
            n = schema["maxItems"]
            return [filled(schema["items"], words // n, number) for number in range(n)]
        case _:
            return schema["enum"][0] if "enum" in schema else f"{WORDY * (words // 5)}{number}."


@dataclass(frozen=True)
class World:
    """The small benchmark with references and titles, over which a pipeline is run without a cache."""

    benchmark: Benchmark
    folder: Path

    def experiment(self, entries: Sequence[Any], chat: ChatModel, metrics: Sequence[str] = METRICS) -> Experiment:
        return Experiment(
            name="e",
            benchmark=self.benchmark,
            reference="small",
            questions=self.benchmark.questions,
            pipelines=choose_pipelines(entries, self.folder),
            metrics=parse_metrics(metrics),
            chat=chat,
            embedder=HashEmbedder(),
            raters=(chat,),
            own_judges=(RUBRIC,),
        )


@pytest.fixture
def world(small: Benchmark, tmp_path: Path) -> World:
    references = {"en": ("2310 metres; the highest of all.", "It is high."), "zh": ("一六〇二年；庙是那一年建的。",)}
    questions = tuple(replace(q, references=references[q.language]) for q in small.questions)
    documents = tuple(replace(d, title=f"About {d.id}, which is a place") for d in small.documents)
    lines = [
        {
            "question_id": name,
            "answer": "The lake is deep. " * 9,
            "hits": [{"doc_id": "corva"}, {"doc_id": "arlen", "text": "Mount Arlen is high.\nIt is."}],
        }
        for name in QUESTIONS
    ]
    (tmp_path / "recorded.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return World(replace(small, questions=questions, documents=documents), tmp_path)


def sent(chats: Sequence[ScriptedChat]) -> tuple[int, int]:
    """Calls, and tokens of all prompts."""
    requests = [request for chat in chats for request in chat.requests]
    return len(requests), sum(count_tokens(message.content) for r in requests for message in r.messages)


def test_every_shipped_recipe_is_tried() -> None:
    assert RECIPES.keys() == list_recipes().keys()


@pytest.mark.parametrize("reply", [plain, unreadable, unfound])
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_stays_within_its_bounds(recipe: str, reply: Callable[[ChatRequest], ChatReply], world: World) -> None:
    """Every recipe with every judged metric; no cache stands before the model, so that every call counts."""
    chat = ScriptedChat(reply)
    experiment = world.experiment([{recipe: RECIPES[recipe]}], chat)
    (cost,) = estimate_cost(experiment)
    run_experiment(experiment, world.folder / "out")
    calls, tokens = sent([chat])
    assert cost.high is not None
    assert cost.prompt_tokens is not None
    assert cost.low <= calls <= cost.high
    assert tokens <= cost.prompt_tokens
    assert cost.unknown == ()


@pytest.mark.parametrize("recipe", ["naive", "self_rag"])
def test_retrieval_alone_stays_within_its_bounds(recipe: str, world: World) -> None:
    chat = ScriptedChat(plain)
    experiment = world.experiment([{recipe: RECIPES[recipe]}], chat, ["ndcg@10"])
    (cost,) = estimate_cost(experiment)
    run_experiment(experiment, world.folder / "out")
    calls, tokens = sent([chat])
    assert cost.low <= calls <= (cost.high or 0)
    assert tokens <= (cost.prompt_tokens or 0)


@dataclass(frozen=True)
class LongestFirst(Reranker):
    async def score(self, question: Question, passages: Sequence[Passage], resources: Resources) -> list[float]:
        return [float(len(passage.text)) for passage in passages]


def test_what_a_reranker_drops_costs_nothing(world: World) -> None:
    """Fifty passages of which five are kept cost what five cost: in the prompts of the answer, and of the judges."""
    five = Retrieve(BM25(), k=5) >> Answer()
    kept = Retrieve(BM25(), k=50) >> Rerank(LongestFirst(), k=5) >> Answer()
    fifty = Retrieve(BM25(), k=50) >> Answer()
    costs = estimate_cost(world.experiment([five, kept, fifty], ScriptedChat(plain)))
    of_five, of_kept, of_fifty = (replace(cost, pipeline="") for cost in costs)
    assert of_five == of_kept != of_fifty
    graded = Retrieve(BM25(), k=50) >> Rerank(Pointwise(), k=5) >> Answer()
    (of_graded,) = estimate_cost(world.experiment([graded], ScriptedChat(plain)))
    n = len(world.benchmark.questions)
    assert (of_graded.high or 0) - (of_five.high or 0) == 50 * n


@pytest.mark.parametrize("reply", [plain, unreadable, unfound])
def test_panels_stay_within_their_bounds(reply: Callable[[ChatRequest], ChatReply], world: World) -> None:
    """Two models, twice each; what is asked for all of them at once is counted once."""
    writer, raters = ScriptedChat(plain), [ScriptedChat(reply, name) for name in ("one", "two")]
    experiment = replace(world.experiment([{"naive": {"k": 2}}], writer), raters=tuple(raters), judge_samples=2)
    (cost,) = estimate_cost(experiment)
    run_experiment(experiment, world.folder / "out")
    calls, tokens = sent([writer, *raters])
    assert cost.low <= calls <= (cost.high or 0)
    assert tokens <= (cost.prompt_tokens or 0)


def test_the_bounds_are_of_use(world: World) -> None:
    """Each judge on its own: the bound is reached where every reply has to be asked for twice."""
    for metric, calls in (("answer_relevance", 2), ("context_relevance", 2), ("answer_correctness", 2)):
        chat = ScriptedChat(lambda request: "so" if request.top_logprobs else "The lake is deep.")
        experiment = world.experiment([AnswerFromMemory(), {"oracle": {"k": 1}}], chat, [metric])
        memory, oracle = estimate_cost(experiment)
        n = len(QUESTIONS)
        wants_passages = metric == "context_relevance"
        assert memory.high == n * (0 if wants_passages else 1 + calls)
        assert oracle.high == n * (calls + (0 if wants_passages else 2))
        run_experiment(replace(experiment, pipelines=experiment.pipelines[:1]), world.folder / metric)
        assert len(chat.requests) == memory.high


def long_ago(question: Question) -> Response:
    return Response(answer="Long ago.")


@dataclass(frozen=True)
class Tells(Stage):
    """A stage of one's own that answers, and asks the chat model once."""

    async def run(self, state: State, resources: Resources) -> State:
        return state.with_response(answer="Long ago.")

    def calls(self, generate: bool, before: Any = None) -> Calls:
        return Calls(1, 1)


class Asks(CustomJudge):
    """A judge of one's own that asks."""

    name = "custom.asks"

    def calls(self, passages: int) -> tuple[int, int]:
        return 1, 3

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        return self.grade(1.0, response)


OUTSIDE, PROMPTS, ANSWERS = "what it asks outside of rageval", "how long its prompts get", "how long its answers get"


@pytest.mark.parametrize(
    ("entry", "metrics", "low", "high", "unknown"),
    [
        (long_ago, ["exact_match"], 0, None, [OUTSIDE]),
        (long_ago, ["faithfulness"], 0, None, [OUTSIDE]),
        (function_pipeline(long_ago).stage >> Answer(), ["exact_match"], 1, None, [OUTSIDE]),
        (Tells(), ["exact_match"], 1, 1, [PROMPTS, ANSWERS]),
        (Tells(), ["answer_relevance"], 1, 3, [PROMPTS, ANSWERS]),
        (AnswerFromMemory() >> Tells(), ["exact_match"], 2, 2, [PROMPTS, ANSWERS]),
        (AnswerFromMemory(), ["custom.asks"], 2, 4, ["how long the prompts of custom.asks get"]),
    ],
)  # fmt: skip
def test_what_is_not_known_is_named(
    entry: Any, metrics: list[str], low: int, high: int | None, unknown: list[str], world: World
) -> None:
    n = len(QUESTIONS)
    experiment = world.experiment([entry], ScriptedChat(plain), metrics)
    (cost,) = estimate_cost(replace(experiment, own_judges=(guarded(Asks()),)))
    assert (cost.low, cost.high) == (n * low, None if high is None else n * high)
    assert cost.prompt_tokens is None
    assert [*cost.unknown] == unknown


@dataclass(frozen=True)
class Says(Tells):
    """One that says how long its prompts and answers get."""

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        return 10 + sizes.question + sizes.passages()

    def answer_tokens(self, before: int | None) -> int | None:
        return 3


def test_a_stage_of_ones_own_may_say_how_long_its_prompts_get(world: World) -> None:
    """Its context comes from the stage before it: three passages of 384 tokens, with title and marker, in a fence."""
    experiment = world.experiment([Retrieve(BM25(), k=3) >> Says()], ScriptedChat(plain), ["exact_match"])
    (cost,) = estimate_cost(experiment)
    title = max(count_tokens(document.title) for document in world.benchmark.documents)
    asked = sum(count_tokens(question.text) for question in world.benchmark.questions)
    assert (cost.low, cost.high, cost.unknown) == (len(QUESTIONS), len(QUESTIONS), ())
    assert cost.prompt_tokens == asked + len(QUESTIONS) * (10 + 3 * (384 + title + 4) + 9)


def test_the_command(tmp_path: Path, command_line: CommandLine) -> None:
    """Null in JSON, and in words, also in the sum."""
    (tmp_path / "mine.py").write_text(
        "from rageval.pipeline.function import function_pipeline\n"
        "def found(question): return 'Because.'\n"
        "def build(): return function_pipeline(found).stage\n",
        encoding="utf-8",
    )
    pipelines = ["closed_book", "./mine.py"]
    path = write_experiment(tmp_path, "http://127.0.0.1:9/v1", pipelines=pipelines, metrics=["answer_relevance"])
    ended = command_line("check", path, "--json")
    assert ended.code == 0, ended.err
    book, mine = json.loads(ended.out)["pipelines"]
    n = len(QUESTIONS)
    assert book["calls"] == [n, 3 * n]
    assert book["prompt_tokens"] > 0
    assert book["unknown"] == []
    assert mine == {
        "pipeline": "mine",
        "calls": [0, None],
        "prompt_tokens": None,
        "unknown": ["what it asks outside of rageval"],
    }
    *_, first, second, total = command_line("check", path).out.splitlines()
    assert first == f"closed_book: {n} to {3 * n} chat calls, at most {book['prompt_tokens']:,} prompt tokens"
    assert second == (
        "mine: at least 0 chat calls, unknown how many more, an unknown number of prompt tokens "
        "(unknown: what it asks outside of rageval)"
    )
    assert total.startswith(f"in all: at least {n} chat calls, unknown how many more if nothing is cached")
    dry = command_line("run", path, "--out", tmp_path / "out", "--dry-run", "--json")
    assert [run["calls"] for run in json.loads(dry.out)["runs"]] == [3 * n, None]


def test_sentences_of_a_span() -> None:
    """Against every window of whole sentences that fits."""
    text = "One. Two three four. Five! Six seven. Eight. Nine ten eleven twelve. 十三。十四十五。"
    sizes = [count_tokens(text[start:end]) for start, end in sentences(text)]
    corpus = CorpusSizes([Document("d", text)])
    for tokens in (4, 8, 12, 100):
        fitting = [j - i for i in range(len(sizes)) for j in range(i, len(sizes) + 1) if sum(sizes[i:j]) <= tokens]
        assert max(fitting) <= corpus.sentences(tokens) <= max(fitting) + 2
    assert corpus.sentences(None) == len(sizes)
