"""The recipes in pipelines/, and how they are found, built and refused."""

import ast
import asyncio
import json
import math
from pathlib import Path
from typing import Any

import pytest

from rageval.benchmark import from_records
from rageval.errors import DeclarationError
from rageval.experiment.recipes import build_pipeline, list_recipes, recipe_summary
from rageval.identity import fingerprint
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import Pipeline, Resources, Stage
from rageval.prompts import load_prompt
from rageval.types import Benchmark, Document, Json, Question, RelevanceLabel, Response
from tests.unit.scripts import by_prompt, names, one_token

FOLDER = Path(__file__).parents[3] / "pipelines"
NAMES = [
    "adaptive",
    "closed_book",
    "compressed",
    "contextual",
    "crag",
    "graph",
    "hyde",
    "ircot",
    "multi_vector",
    "naive",
    "noisy",
    "oracle",
    "production",
    "rag_fusion",
    "raptor",
    "recorded",
    "rerank",
    "self_rag",
    "small_to_big",
    "step_back",
    "sub_questions",
    "tables",
]
REQUIRED: dict[str, dict[str, Json]] = {"recorded": {"path": "run.txt"}}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "run.txt").write_text("en Q0 bm25 1 2.0 tag\nzh Q0 bm25-zh 1 2.0 tag\n")
    return tmp_path


@pytest.fixture
def benchmark() -> Benchmark:
    return from_records(
        "tiny",
        (
            Document("bm25", "BM25 ranks by words. Its parameter k1 is often 1.2."),
            Document("rrf", "Fusion joins rankings. Its constant is 60."),
            Document("bm25-zh", "词法检索按词排序。参数常取一点二。", language="zh"),
            Document("rrf-zh", "倒数排名融合合并排序。常数取六十。", language="zh"),
        ),
        (
            Question("en", "What is the parameter k1 in BM25?"),
            Question("zh", "词法检索的参数取多少？", "zh"),
        ),
        (RelevanceLabel("en", "bm25", 1), RelevanceLabel("zh", "bm25-zh", 2, 9, 17)),
    )


def build(name: str, base: Path, **params: Json) -> Pipeline:
    return build_pipeline(name, {**REQUIRED.get(name, {}), **params}, base)


def say_yes(request: ChatRequest) -> ChatReply:
    return one_token("yes", ("yes", math.log(0.9)), ("no", math.log(0.1)))


def cites(request: ChatRequest) -> bool:
    """Whether the answer is to name passages."""
    return any(words in request.messages[-1].content for words in ("square brackets", "方括号"))


def model() -> Any:
    """Says yes to every question, and the right words to the rest."""
    return by_prompt(
        **dict.fromkeys(["check_answerable", "need_retrieval", "grade_passage", "check_support"], say_yes),
        rewrite_queries="BM25 k1 value\n词法检索 参数",
        hypothetical_answer="The parameter k1 of BM25 is 1.2. 词法检索的参数是一点二。",
        summarise="About ranking.",
        ask_questions="What?\n什么？",
        answer=lambda request: f"It is 1.2{' [1]' if cites(request) else ''}.",
        answer_from_memory="It is 1.2.",
        step_back="How does BM25 rank? 词法检索如何排序？",
        sub_questions="What is BM25?\n词法检索是什么？",
        next_thought="BM25 has the parameter k1. 词法检索有参数。",
        how_many_searches="B",
        place_passage="About ranking. 关于排序。",
        summarise_group="About ranking. 关于排序。",
        triples="BM25 | has | k1\n词法检索 | 有 | 参数",
    )


def ask(pipeline: Pipeline, benchmark: Benchmark, chat: Any, *, generate: bool = True) -> dict[str, Response]:
    async def run() -> dict[str, Response]:
        resources = Resources(benchmark.documents, labels=benchmark.labels, chat=chat, embedder=HashEmbedder())
        return {q.id: await pipeline.answer(q, resources, generate=generate) for q in benchmark.questions}

    return asyncio.run(run())


def test_all_recipes_are_listed() -> None:
    assert [name for name in list_recipes() if list_recipes()[name].parent == FOLDER] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_short_documented_and_shows_its_spec_as_json(name: str, base: Path) -> None:
    path = FOLDER / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    module = ast.parse(source)
    assert recipe_summary(path) == (ast.get_docstring(module) or "").split("\n")[0] != ""
    (function,) = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    assert function.name == "build"
    assert ast.get_docstring(function)
    assert len(source.splitlines()) <= 40
    pipeline = build(name, base)
    assert isinstance(pipeline.stage, Stage)
    spec = pipeline.stage.spec()
    assert json.loads(json.dumps(spec, allow_nan=False)) == spec
    assert build(name, base).stage == pipeline.stage
    assert fingerprint(build(name, base).stage.spec()) == fingerprint(spec)
    for prompt in pipeline.stage.all_prompts():
        load_prompt(prompt)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_runs_in_both_languages_within_the_calls_it_announced(
    name: str, base: Path, benchmark: Benchmark
) -> None:
    pipeline, chat = build(name, base), model()
    responses = ask(pipeline, benchmark, chat)
    calls = pipeline.stage.calls(generate=True)
    assert 2 * calls.low <= len(chat.requests) <= 2 * calls.high + pipeline.stage.indexing_calls(benchmark.documents)
    assert {request.prompt.split("@")[0][-2:] for request in chat.requests} <= {"en", "zh"}
    assert set(names(chat)) <= pipeline.stage.all_prompts()
    assert ("chat" in pipeline.stage.needs(generate=True)) == bool(chat.requests)
    for question_id, document in (("en", "bm25"), ("zh", "bm25-zh")):
        response = responses[question_id]
        assert response.answer == (None if name == "recorded" else "It is 1.2.")
        assert [hit.passage.doc_id for hit in response.hits[:1]] == ([] if name == "closed_book" else [document])
        read = tuple(sorted(response.context)) if name == "noisy" else response.context  # the one that shuffles
        assert read == tuple(range(len(read)))
        assert bool(response.context) == (name != "closed_book")
        assert not response.abstained


@pytest.mark.parametrize("name", NAMES)
def test_without_answers_only_what_ranking_needs_is_asked_of_the_chat_model(
    name: str, base: Path, benchmark: Benchmark
) -> None:
    pipeline, chat = build(name, base), model()
    responses = ask(pipeline, benchmark, chat, generate=False)
    allowed = {
        "rag_fusion": {"rewrite_queries"},
        "hyde": {"hypothetical_answer"},
        "self_rag": {"grade_passage"},
        "rerank": {"grade_passage"},
        "crag": {"grade_passage"},
        "step_back": {"step_back"},
        "sub_questions": {"sub_questions"},
        "ircot": {"next_thought"},
        "adaptive": {"how_many_searches"},
        "raptor": {"summarise_group"},
        "graph": {"triples"},
    }
    assert set(names(chat)) == allowed.get(name, set())
    one_passage_each = name == "contextual"  # which then has nothing to ask
    assert ("chat" in pipeline.stage.needs(generate=False)) == (bool(chat.requests) or one_passage_each)
    assert all(response.answer is None for response in responses.values())


def test_without_answers_naive_over_bm25_needs_no_model_at_all(base: Path, benchmark: Benchmark) -> None:
    pipeline = build("naive", base, retriever="bm25")
    assert pipeline.stage.needs(generate=False) == frozenset()
    hits = asyncio.run(pipeline.answer(benchmark.questions[0], Resources(benchmark.documents), generate=False)).hits
    assert hits[0].passage.doc_id == "bm25"


@pytest.mark.parametrize(
    ("name", "params", "label"),
    [
        ("naive", {"retriever": "dense", "chunk_tokens": 8}, "naive(retriever=dense, chunk_tokens=8)"),
        ("naive", {"k": 2, "depth": 3, "overlap": 1}, "naive(k=2, depth=3, overlap=1)"),
        ("rag_fusion", {"n": 2, "rrf_k": 10}, "rag_fusion(n=2, rrf_k=10)"),
        ("hyde", {"n": 3, "k": 1}, "hyde(n=3, k=1)"),
        ("multi_vector", {"views": ["summaries", "questions"]}, "multi_vector(views=[summaries, questions])"),
        ("self_rag", {"decide": False, "threshold": 0.2}, "self_rag(decide=False, threshold=0.2)"),
        ("self_rag", {"max_retries": 0}, "self_rag(max_retries=0)"),
        ("oracle", {"k": 1}, "oracle(k=1)"),
        ("rerank", {"k": 2}, "rerank(k=2)"),
        ("production", {"tokens": 200, "k": 7}, "production(tokens=200, k=7)"),
        ("naive", {"retriever": {"dense": {}}}, "naive(retriever=dense())"),
        ("noisy", {"noise": 0.5, "k": 2, "seed": 3}, "noisy(noise=0.5, k=2, seed=3)"),
    ],
)
def test_settings_reach_the_stages_and_the_label(
    name: str, params: dict[str, Json], label: str, base: Path, benchmark: Benchmark
) -> None:
    pipeline = build(name, base, **params)
    assert pipeline.label == label
    spec = json.dumps(pipeline.stage.spec())
    for key, value in params.items():
        field = {"chunk_tokens": "tokens"}.get(key, key)
        assert ("Dense" if key == "retriever" else f"{json.dumps(field)}: {json.dumps(value)}") in spec
    assert all(response.answer == "It is 1.2." for response in ask(pipeline, benchmark, model()).values())


def test_hyde_searches_with_the_mean_of_several_samples(base: Path, benchmark: Benchmark) -> None:
    chat = model()
    ask(build("hyde", base, n=3), benchmark, chat)
    assert '"combine": "mean"' in json.dumps(build("hyde", base).stage.spec())
    samples = [request.sample for request in chat.requests if request.prompt.startswith("hypothetical_answer/en")]
    assert samples == [0, 1, 2]


def test_the_oracle_reads_the_labelled_span(base: Path, benchmark: Benchmark) -> None:
    responses = ask(build("oracle", base, chunk_tokens=9), benchmark, model())
    assert [p.text for p in responses["zh"].context_passages] == ["参数常取一点二。"]


@pytest.mark.parametrize(
    ("name", "params", "problem"),
    [
        ("naiv", {}, r"pipelines: found 'naiv', expected .*; did you mean naive\?"),
        ("naive", {"top": 3}, "pipelines.naive: found the setting 'top', expected one of: k, depth,"),
        ("naive", {"chunk_token": 3}, "did you mean chunk_tokens"),
        ("naive", {"k": "many"}, "pipelines.naive.k: found 'many'"),
        ("naive", {"k": 0}, "pipelines.naive.k: found 0"),
        (
            "naive",
            {"retriever": "fuzzy"},
            "pipelines.naive.retriever: found 'fuzzy', expected a path or one of bm25, dense,",
        ),
        ("naive", {"chunk_tokens": 1}, "pipelines.naive.chunk_tokens: found 1"),
        ("noisy", {"noise": 1.5}, "pipelines.noisy.noise: found 1.5, expected a share from 0 to 1"),
        ("closed_book", {"k": 1}, "found the setting 'k', expected one of: none"),
        ("multi_vector", {"views": ["words"]}, "pipelines.multi_vector.views.0: found 'words'"),
        ("recorded", {}, "pipelines.recorded.path: "),
        ("recorded", {"path": "gone.txt"}, "pipelines.recorded.*gone.txt: cannot be read"),
        ("missing.py", {}, "pipelines: missing.py: no such file"),
    ],
)
def test_a_wrong_name_or_setting_is_one_line_that_says_where(
    name: str, params: dict[str, Json], problem: str, base: Path
) -> None:
    with pytest.raises(DeclarationError, match=problem) as refused:
        build_pipeline(name, params, base)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("x = 1\n", "found no function build"),
        ("def build():\n    return 7\n", "build returned a int, expected a Stage"),
        ("import nothing_of_this_name\n", "importing it failed: ModuleNotFoundError"),
        ("def build(:\n", "importing it failed: SyntaxError"),
    ],
)
def test_a_broken_recipe_is_refused_with_its_path(source: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(source)
    with pytest.raises(DeclarationError, match=rf"mine\.py: .*{problem}"):
        build_pipeline("mine.py", {}, tmp_path)


def test_a_stage_of_a_file_and_a_recipe_of_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom rageval.pipeline import Stage\n@dataclass(frozen=True)\n"
        "class Mine(Stage):\n k: int = 1\n async def run(self, state, resources):\n  return state\n"
        "def build(k: int = 2): return Mine(k)\n"
    )
    site = tmp_path / "site-packages"
    (site / "theirs-2.1.dist-info").mkdir(parents=True)
    (site / "theirs-2.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 2.1\n")
    (site / "theirs-2.1.dist-info" / "entry_points.txt").write_text(
        "[rageval.stages]\nshort = recipes_of_theirs:build\n"
    )
    (site / "recipes_of_theirs.py").write_text((tmp_path / "mine.py").read_text())
    monkeypatch.syspath_prepend(str(site))
    assert build_pipeline("mine.py:Mine", {"k": 3}, tmp_path).label == "Mine(k=3)"
    assert build_pipeline("mine.py", {}, tmp_path).label == "mine"
    installed = build_pipeline("short", {"k": 3}, tmp_path)
    assert (installed.label, len(installed.source)) == ("short(k=3)", 64)


def test_a_recipe_of_ones_own(tmp_path: Path, benchmark: Benchmark) -> None:
    (tmp_path / "mine.py").write_text(
        '"""Mine."""\nfrom rageval.retrieval import BM25, Retrieve\n'
        "def build(k: int = 1):\n    return Retrieve(BM25(), k)\n"
    )
    pipeline = build_pipeline("mine.py", {"k": 2}, tmp_path)
    assert pipeline.label == "mine(k=2)"
    assert recipe_summary(tmp_path / "mine.py") == "Mine."
    assert ask(pipeline, benchmark, None)["zh"].hits[0].passage.doc_id == "bm25-zh"
