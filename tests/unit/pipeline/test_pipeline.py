"""Stages, their composition and what they share."""

import asyncio
import json
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.errors import BudgetError, DeclarationError, ExecutionError, IndexBuildError, ModelError
from rageval.generation import Answer, RewriteQueries, SelfReflect
from rageval.identity import describe, fingerprint
from rageval.models.base import ChatRequest, Message
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Calls, Chain, ContextSize, Pipeline, Query, Resources, Shared, Stage, State, complete_all
from rageval.pipeline.function import CallFunction
from rageval.pipeline.pipeline import stage_label
from rageval.retrieval import BM25, Dense, Retrieve, SentenceChunker
from rageval.types import Document, Json, Question, Usage

QUESTION = Question("q", "Why?")


@dataclass(frozen=True)
class Note(Stage):
    """Leaves a step behind."""

    word: str
    chunker: SentenceChunker = SentenceChunker()
    inner: Stage | None = None
    numbers: tuple[int, ...] = ()

    async def run(self, state: State, resources: Resources) -> State:
        return state.with_step(self.word, Usage(calls=1), seen=len(state.response.steps))


def notes(*words: str) -> list[Stage]:
    return [Note(word) for word in words]


def test_composition_is_associative_and_runs_in_order() -> None:
    a, b, c = notes("a", "b", "c")
    assert (a >> b) >> c == a >> (b >> c) == Chain((a, b, c))
    assert hash((a >> b) >> c) == hash(a >> (b >> c))
    assert a >> b != b >> a
    response = asyncio.run(Pipeline("p", a >> b >> c).answer(QUESTION, Resources(())))
    assert [(step.name, step.detail["seen"]) for step in response.steps] == [("a", 0), ("b", 1), ("c", 2)]
    assert response.usage == Usage(calls=3)
    assert response.latency_s >= 0


def test_the_question_itself_is_searched_with_first() -> None:
    seen: list[State] = []

    @dataclass(frozen=True)
    class Look(Stage):
        async def run(self, state: State, resources: Resources) -> State:
            seen.append(state)
            return state

    asyncio.run(Pipeline("p", Look()).answer(QUESTION, Resources(()), generate=False))
    assert seen[0].queries == (Query("Why?", "query"),)
    assert not seen[0].generate


def test_spec_is_the_whole_configuration_as_json() -> None:
    stage = Note("w", SentenceChunker(64, 1), Note("x"), (1, 2))
    note = describe(Note)
    assert isinstance(note, dict)
    chunker: dict[str, Json] = {"class": "rageval.retrieval.chunkers.sentences.SentenceChunker"}
    assert (stage >> Note("y")).spec() == {
        "class": "rageval.pipeline.stage.Chain",
        "fields": {
            "stages": [
                {
                    **note,
                    "fields": {
                        "word": "w",
                        "chunker": {**chunker, "fields": {"tokens": 64, "overlap": 1}},
                        "inner": {
                            **note,
                            "fields": {
                                "word": "x",
                                "chunker": {**chunker, "fields": {"tokens": 384, "overlap": 0}},
                                "inner": None,
                                "numbers": [],
                            },
                        },
                        "numbers": [1, 2],
                    },
                },
                Note("y").spec(),
            ]
        },
    }
    assert note["class"] == "tests.unit.pipeline.test_pipeline.Note"


@pytest.mark.parametrize(
    ("stage", "label"),
    [
        (Answer(), "Answer"),
        (Answer(cite=True), "Answer(cite=True)"),
        (Retrieve(k=3) >> Answer(), "Retrieve(k=3) >> Answer()"),
        (Retrieve(BM25(), k=3) >> Answer(), "Retrieve(index=BM25(), k=3) >> Answer()"),
        (
            Retrieve((BM25(SentenceChunker(64)), Dense())),
            "Retrieve(index=[BM25(chunker=SentenceChunker(tokens=64)), De",
        ),
        (SelfReflect(Retrieve(BM25(), k=3)), "SelfReflect(retrieve=Retrieve(index=BM25(), k=3))"),
        (Note("w", numbers=(1, 2)), "Note(word=w, numbers=[1, 2])"),
        (CallFunction("digest", print), "CallFunction(source=digest, function=builtin_function_or_method)"),
    ],
)
def test_a_stage_is_labelled_by_the_settings_that_are_no_defaults(stage: Stage, label: str) -> None:
    assert stage_label(stage).startswith(label)
    assert " object at 0x" not in stage_label(stage)


def test_fingerprint_of_a_known_value() -> None:
    # printf '{"a":[1,null],"b":"\\u4e2d"}' | sha256sum
    assert (
        fingerprint({"b": "中", "a": [1, None]}) == "01de66d7598e0e8d56405e620a6e16fd0ad3a6f21a3211626d2a8a7717df0faf"
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=4))
def test_fingerprint_does_not_depend_on_the_order_of_keys(value: dict[str, Json]) -> None:
    backwards = dict(reversed(value.items()))
    assert fingerprint(value) == fingerprint(backwards) == fingerprint(json.loads(json.dumps(value)))


def test_fingerprint_changes_with_every_setting() -> None:
    base = Retrieve(Dense(SentenceChunker(384, 0)), 5, 100)
    variants: list[Stage] = [
        base,
        replace(base, index=BM25()),
        replace(base, index=(BM25(), Dense())),
        replace(base, index=(Dense(), BM25())),
        replace(base, k=6),
        replace(base, depth=99),
        replace(base, index=Dense(SentenceChunker(383, 0))),
        replace(base, index=Dense(SentenceChunker(384, 1))),
        replace(base, combine="mean"),
        replace(base, rrf_k=61),
        base >> Answer(),
        base >> Answer("never"),
        base >> Answer(cite=True),
        base >> Answer(max_tokens=64),
        SelfReflect(base),
        SelfReflect(base, threshold=0.4),
    ]
    assert len({fingerprint(stage.spec()) for stage in variants}) == len(variants)


def test_fingerprint_refuses_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        fingerprint({"x": float("nan")})


def test_a_chain_sums_what_its_stages_ask_for() -> None:
    chain = RewriteQueries(2) >> Retrieve(Dense(SentenceChunker(99)), 7) >> Answer()
    assert chain.needs(generate=True) == chain.needs(generate=False) == {"chat", "embed"}
    assert (Retrieve(BM25()) >> Answer()).needs(generate=False) == frozenset()
    assert chain.calls(generate=True) == Calls(2, 3)
    assert chain.calls(generate=False) == Calls(1, 1)
    assert chain.context_size() == ContextSize(7, 99)
    assert chain.all_prompts() == {"rewrite_queries", "answer", "check_answerable"}
    assert SelfReflect(chain).all_prompts() >= chain.all_prompts() | {"grade_passage"}


def test_a_stage_that_asks_outside_is_seen_from_around_it() -> None:
    inside, outside = Note("a"), CallFunction("source", lambda question: "Because.")
    assert outside.asks_outside()
    assert (inside >> outside).asks_outside()
    assert Note("b", inner=inside >> outside).asks_outside()
    assert not Note("b", inner=inside).asks_outside()


@pytest.mark.parametrize(
    ("params", "label"),
    [
        ({}, "naive"),
        ({"retriever": "bm25", "k": 5}, "naive(retriever=bm25, k=5)"),
        ({"views": ["sentences", "summaries"], "decide": False}, "naive(views=[sentences, summaries], decide=False)"),
    ],
)
def test_labels_show_the_settings_that_were_given(params: dict[str, Json], label: str) -> None:
    assert Pipeline("naive", Note("x"), params).label == label


def test_missing_models_are_named() -> None:
    with pytest.raises(DeclarationError, match="needs a chat model"):
        _ = Resources(()).chat
    with pytest.raises(DeclarationError, match="needs an embedder"):
        _ = Resources(()).embedder
    chat, embedder = ScriptedChat(lambda _: ""), HashEmbedder()
    resources = Resources((), chat=chat, embedder=embedder)
    assert (resources.chat, resources.embedder) == (chat, embedder)


@dataclass(frozen=True)
class Built:
    """Counts its builds; the first `failures` of them fail."""

    name: str
    failures: int = 0
    log: list[str] = field(default_factory=list[str], compare=False)

    async def build(self, resources: Resources) -> int:
        self.log.append(self.name)
        number = len(self.log)
        await asyncio.sleep(0)
        if number <= self.failures:
            raise ExecutionError(f"build {number} failed")
        return number


@dataclass(frozen=True)
class Unbuildable:
    """Raises what it is given."""

    error: Exception
    part: Shared[object] | None = None

    async def build(self, resources: Resources) -> object:
        if self.part is not None:
            return await resources.get(self.part)
        raise self.error


def test_equal_things_are_built_once_for_concurrent_and_later_callers() -> None:
    async def run() -> list[int]:
        resources = Resources(())
        together = await asyncio.gather(*(resources.get(shared) for _ in range(20)))
        return [*together, await resources.get(replace(shared, log=[]))]

    shared = Built("a")
    assert asyncio.run(run()) == [1] * 21
    assert shared.log == ["a"]


def test_different_things_are_built_apart() -> None:
    async def run() -> None:
        resources = Resources(())
        await asyncio.gather(resources.get(Built("a", log=log)), resources.get(Built("b", log=log)))

    log: list[str] = []
    asyncio.run(run())
    assert sorted(log) == ["a", "b"]


def test_a_failed_build_fails_all_who_wait_and_is_tried_again_once() -> None:
    async def patient(resources: Resources, errors: list[str]) -> int:
        try:
            return await resources.get(shared)
        except ModelError as error:
            errors.append(str(error))
            return await resources.get(shared)

    async def run() -> tuple[list[int], list[str]]:
        resources, errors = Resources(()), list[str]()
        return await asyncio.gather(*(patient(resources, errors) for _ in range(5))), errors

    shared = Built("a", failures=1)
    results, errors = asyncio.run(run())
    assert errors == ["Built(name='a', failures=1, log=['a']) cannot be built: build 1 failed"] * 5
    assert results == [2] * 5
    assert len(shared.log) == 2


@pytest.mark.parametrize(
    ("error", "raised", "said"),
    [
        (ValueError("no words"), IndexBuildError, r"ValueError: no words \(tests.*test_pipeline\.py, line \d+\)$"),
        (ExecutionError("the embedder refuses"), ModelError, "the embedder refuses$"),
        (ModelError("bad key"), ModelError, "bad key$"),
        (DeclarationError("the disk is full"), DeclarationError, "the disk is full$"),
        (ExceptionGroup("both", [ValueError("no"), ModelError("bad key")]), ModelError, "bad key$"),
    ],
)
def test_what_cannot_be_built_is_named_with_the_cause(error: Exception, raised: type[Exception], said: str) -> None:
    for shared in (Unbuildable(error), Unbuildable(error, Unbuildable(error))):
        with pytest.raises(raised, match=rf"^Unbuildable\(.*cannot be built: .*{said}") as found:
            asyncio.run(Resources(()).get(shared))
        assert type(found.value) is raised


@pytest.mark.parametrize(
    "error", [BudgetError("spent"), ExceptionGroup("both", [ValueError("no"), BudgetError("spent")])]
)
def test_a_budget_that_ends_during_a_build_is_told_as_anywhere_else(error: Exception) -> None:
    with pytest.raises(BudgetError, match=r"^spent$"):
        asyncio.run(Resources(()).get(Unbuildable(error)))


def test_a_cancelled_caller_does_not_take_the_build_with_it() -> None:
    async def run() -> int:
        resources = Resources(())
        first = asyncio.create_task(resources.get(shared))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await resources.get(shared)

    shared = Built("a")
    assert asyncio.run(run()) == 1


def test_complete_all_keeps_the_order() -> None:
    requests = [ChatRequest((Message("user", word),), "p", 1) for word in ("a", "b", "c")]
    replies = asyncio.run(complete_all(ScriptedChat(lambda r: r.messages[0].content * 2), requests))
    assert [reply.text for reply in replies] == ["aa", "bb", "cc"]


class Returns(Stage):
    async def run(self, state: State, resources: Resources) -> State:
        return None  # type: ignore[return-value]


@dataclass(frozen=True)
class Leaves(Stage):
    """Leaves hits behind that are none."""

    async def run(self, state: State, resources: Resources) -> State:
        return state.with_response(hits=("d1",), context=(0,))


@pytest.mark.parametrize("pipeline", [Returns(), Returns() >> Note("a"), Note("a") >> Returns() >> Answer()])
def test_a_stage_that_returns_no_state_is_named(pipeline: Stage) -> None:
    with pytest.raises(ExecutionError, match=r"^Returns\.run returned a NoneType, expected a State$"):
        asyncio.run(Pipeline("p", pipeline).answer(QUESTION, Resources(())))


def test_a_stage_that_cannot_work_with_what_it_is_given_is_not_blamed() -> None:
    with pytest.raises(ExecutionError, match=r"^hit 0: found a str, expected a Hit$"):
        asyncio.run(Pipeline("p", Leaves() >> Answer()).answer(QUESTION, Resources(())))


def test_errors_of_models_pass_through() -> None:
    resources = Resources((Document("d", "text"),), chat=ScriptedChat(lambda _: ExecutionError("gone")))
    with pytest.raises(ExecutionError, match="gone"):
        asyncio.run(Pipeline("p", RewriteQueries()).answer(QUESTION, resources))
