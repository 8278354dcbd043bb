"""Chains, graphs, agents and retrievers of LangChain as pipelines."""

# No `from __future__ import annotations`: LangGraph reads the annotations of nodes and states.

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any, TypedDict

import pytest

pytest.importorskip("langchain")

from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from rageval.errors import DeclarationError, ExecutionError, ModelError
from rageval.integrations.langchain import documents, pipeline
from rageval.types import Benchmark, Card, Passage, Question, Step, Usage
from tests.integrations.langchain.parts import (
    DOCUMENTS,
    KEY,
    CallsTools,
    Obedient,
    ask,
    counted,
    ids,
    model,
    store_of,
)

BENCHMARK = Benchmark(Card("peaks"), DOCUMENTS, (Question("q", "How high?"),), (), "0" * 64)
INDEXED = documents(BENCHMARK)
PROMPT = ChatPromptTemplate.from_template("{context}\n\n{question}")


def joined(found: list[LangChainDocument]) -> str:
    return "\n".join(one.page_content for one in found)


def rag(answer: str | AIMessage = "2310 metres.", k: int = 2, template: ChatPromptTemplate = PROMPT) -> Any:
    """The chain of LangChain's tutorials."""
    search = store_of(INDEXED).as_retriever(search_kwargs={"k": k})
    return (
        {"context": search | joined, "question": RunnablePassthrough()} | template | model(answer) | StrOutputParser()
    )


class Given(BaseRetriever):
    """Finds what it was given."""

    found: list[LangChainDocument]

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> Any:
        return self.found


class Half(BaseRetriever):
    """Asks another retriever and keeps its second half."""

    inner: BaseRetriever

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> Any:
        found = self.inner.invoke(query, config={"callbacks": run_manager.get_child()})
        return found[len(found) // 2 :]


class State(TypedDict):
    question: str
    context: list[LangChainDocument]
    answer: str


def graph(**compiling: Any) -> Any:
    store = store_of(INDEXED)

    def retrieve(state: State) -> dict[str, Any]:
        return {"context": store.similarity_search(state["question"], k=1)}

    def generate(state: State) -> dict[str, Any]:
        return {"answer": f"Read {len(state['context'])}: {state['question']}"}

    built = StateGraph(State).add_sequence([retrieve, generate])
    built.add_edge(START, "retrieve")
    return built.compile(**compiling)


def test_a_tutorial_chain_is_evaluated_as_it_stands() -> None:
    used = pipeline(rag(counted("2310 metres.", 40, 4, cached=16)), name="tutorial")
    assert (used.name, used.label) == ("tutorial", "tutorial")
    response = ask(used)
    assert response.hits[0].passage == Passage("arlen", 0, len(DOCUMENTS[0].text), DOCUMENTS[0].text, "Arlen")
    assert len(response.hits) == 2
    assert (response.context, response.answer, response.abstained) == ((0, 1), "2310 metres.", False)
    assert response.usage == Usage(calls=1, prompt_tokens=40, cached_tokens=16, completion_tokens=4)
    assert response.steps == (Step("retrieve", {"query": "How high is Mount Arlen?", "found": 2}),)
    assert response.hits[0].score > response.hits[1].score


def test_a_retriever_gives_hits_and_no_answer() -> None:
    response = ask(pipeline(store_of(INDEXED).as_retriever(search_kwargs={"k": 3})))
    assert (ids(response)[0], len(response.hits), response.answer) == ("arlen", 3, None)
    assert response.usage == Usage()
    assert not response.abstained


def test_split_documents_map_back_to_their_spans() -> None:
    """As LangChain's own text splitter splits them."""
    splitters = pytest.importorskip("langchain_text_splitters")
    splitter = splitters.RecursiveCharacterTextSplitter(chunk_size=40, chunk_overlap=8, add_start_index=True)
    pieces = splitter.split_documents(INDEXED)
    assert len(pieces) > len(INDEXED)
    response = ask(pipeline(store_of(pieces).as_retriever(search_kwargs={"k": len(pieces)})))
    texts = {document.id: document.text for document in DOCUMENTS}
    assert len(response.hits) == len(pieces)
    for hit in response.hits:
        passage = hit.passage
        assert texts[passage.doc_id][passage.start : passage.end] == passage.text


@pytest.mark.parametrize(
    ("metadata", "id", "passage"),
    [
        ({"id": "brone"}, None, Passage("brone", 10, 15, "Brone")),
        ({"doc_id": "brone"}, "x", Passage("brone", 10, 15, "Brone")),
        ({"source": "brone"}, "x", Passage("brone", 10, 15, "Brone")),
        ({"source": "file.txt"}, "brone", Passage("brone", 10, 15, "Brone")),
        ({"id": 7, "source": "brone"}, None, Passage("brone", 10, 15, "Brone")),
        ({}, "brone", Passage("brone", 10, 15, "Brone")),
        ({"id": "brone", "start": 3, "end": 9}, None, Passage("brone", 3, 9, "Brone")),
        ({"id": "brone", "start_index": 3}, None, Passage("brone", 3, 8, "Brone")),
        ({"id": "brone", "start_index": -1}, None, Passage("brone", 10, 15, "Brone")),
        ({"id": "brone", "start": 1.5}, None, Passage("brone", 10, 15, "Brone")),
    ],
)
def test_how_a_document_is_known(metadata: dict[str, Any], id: str | None, passage: Passage) -> None:  # noqa: A002
    found = LangChainDocument("Brone", metadata=metadata, id=id)
    assert [hit.passage for hit in ask(pipeline(Given(found=[found]))).hits] == [passage]


def test_a_text_that_its_document_lacks_has_no_place_there() -> None:
    found = LangChainDocument("The Brone, in other words.", metadata={"id": "brone"})
    (hit,) = ask(pipeline(Given(found=[found]))).hits
    assert (hit.passage.start, hit.passage.end, hit.passage.text) == (0, 0, found.page_content)


def test_a_document_that_the_benchmark_lacks_is_a_hit_beside_others_that_it_has() -> None:
    foreign = LangChainDocument("From the web.", metadata={"source": "https://example.org"})
    response = ask(pipeline(Given(found=[foreign, INDEXED[0]])))
    assert response.hits[0].passage == Passage("https://example.org", 0, 13, "From the web.")
    assert ids(response)[1] == "arlen"


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ([LangChainDocument("Text.", metadata={"source": "a.txt"}, id="1")], r"ids such as 'a\.txt', .* 'arlen'"),
        ([LangChainDocument("Text.", metadata={"page": 3})], r"without an id: 'Text\.', .*documents\(benchmark\)"),
        ([INDEXED[0], LangChainDocument("Text.", metadata={"id": ""})], r"without an id"),
    ],
)
def test_documents_that_do_not_map_to_the_benchmark_fail_the_question(
    found: list[LangChainDocument], problem: str
) -> None:
    with pytest.raises(ExecutionError, match=problem) as failed:
        ask(pipeline(Given(found=found)))
    assert "\n" not in str(failed.value)


def test_nothing_found_is_no_failure() -> None:
    response = ask(pipeline(Given(found=[])))
    assert (response.hits, response.context) == ((), ())


def annotated(question: str) -> str:
    return f"Asked: {question}"


FORMS: dict[str, tuple[Callable[[], Any], Any]] = {
    "text": (lambda: RunnableLambda(annotated) | RunnableLambda(repr), "'Asked: Why?'"),
    "passthrough beside a retriever": (
        lambda: {"context": Given(found=[]), "asked": RunnablePassthrough()} | RunnableLambda(itemgetter("asked")),
        "Why?",
    ),
    "prompt of one variable": (lambda: ChatPromptTemplate.from_template("{topic}") | (lambda p: p.to_string()), None),
    "question": (lambda: {"x": itemgetter("question")} | RunnableLambda(itemgetter("x")), "Why?"),
    "input, assigned": (
        lambda: RunnablePassthrough.assign(context=itemgetter("input") | Given(found=[])) | (lambda x: x["input"]),
        "Why?",
    ),
    "optional history": (
        lambda: (
            ChatPromptTemplate([MessagesPlaceholder("history", optional=True), ("user", "{query}")])
            | (lambda prompt: prompt.to_messages()[-1])
        ),
        "Why?",
    ),
    "chat model": (lambda: model("Because."), "Because."),
    "state of a graph": (graph, "Read 1: Why?"),
    "graph of messages": (lambda: create_agent(model("Because."), tools=[]), "Because."),
    "configured": (lambda: rag("Because.").with_config(tags=["x"]).with_retry(), "Because."),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_input_is_what_the_schema_says(form: str) -> None:
    system, expected = FORMS[form]
    assert ask(pipeline(system()), "Why?").answer == (expected or "Human: Why?")


HISTORY = ChatPromptTemplate([MessagesPlaceholder("history"), ("user", "{question}")])


class Both(MessagesState):
    question: str


def with_both() -> Any:
    def say(state: Both) -> dict[str, Any]:
        return {"messages": [AIMessage(state["question"])]}

    return StateGraph(Both).add_node("say", say).add_edge(START, "say").compile()


@pytest.mark.parametrize(
    ("system", "found"),
    [
        (lambda: RunnableLambda(lambda x: x), "an input of any kind"),
        (lambda: HISTORY | model("x"), "the keys history, question"),
        (with_both, "the keys question, messages"),
    ],
)
def test_an_input_that_cannot_be_known_is_asked_for_before_anything_runs(system: Any, found: str) -> None:
    with pytest.raises(DeclarationError, match=rf"found .*{found}.*make_input=lambda"):
        pipeline(system())


def test_make_input_says_how_to_ask() -> None:
    chain = HISTORY | (lambda prompt: prompt.to_string())
    used = pipeline(chain, make_input=lambda q: {"question": q.text, "history": [HumanMessage(q.id)]})
    assert ask(used, "Why?", "q7").answer == "Human: q7\nHuman: Why?"


ONE, TWO = INDEXED[:2]
OUTPUTS: dict[str, tuple[Any, str, list[str]]] = {
    "text": ("Yes.", "Yes.", ["brone"]),
    "message": (AIMessage("Yes."), "Yes.", ["brone"]),
    "blocks": (AIMessage([{"type": "text", "text": "Ye"}, {"type": "text", "text": "s."}]), "Yes.", ["brone"]),
    "answer": ({"answer": "Yes.", "input": "Why?"}, "Yes.", ["brone"]),
    "output": ({"output": AIMessage("Yes.")}, "Yes.", ["brone"]),
    "result": ({"result": "Yes.", "source_documents": [ONE]}, "Yes.", ["arlen"]),
    "context": ({"answer": "Yes.", "context": [ONE, TWO]}, "Yes.", ["arlen", "brone"]),
    "documents": ({"answer": "Yes.", "documents": (ONE,)}, "Yes.", ["arlen"]),
    "no documents": ({"answer": "Yes.", "context": []}, "Yes.", []),
    "context as text": ({"answer": "Yes.", "context": "words"}, "Yes.", ["brone"]),
    "messages": ({"messages": [HumanMessage("Why?"), AIMessage("Yes.")]}, "Yes.", ["brone"]),
}


@pytest.mark.parametrize("output", OUTPUTS)
def test_answers_and_documents_of_an_output(output: str) -> None:
    """The retriever finds `brone`; documents in the output go before that."""
    value, answer, found = OUTPUTS[output]
    response = ask(pipeline(Given(found=[TWO]) | RunnableLambda(lambda _: value)))
    assert (response.answer, ids(response)) == (answer, found)


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        (7, "the output is a int, expected a text"),
        (None, "the output is a NoneType"),
        (["a", "b"], "the output is a list"),
        ({"generation": "x", "docs": []}, "a dict of generation, docs, expected .* under answer, output, result"),
        ({"messages": [AIMessage("x"), HumanMessage("y")]}, "a dict of messages"),
        ({"context": [ONE]}, "a dict of context"),
    ],
)
def test_an_output_without_an_answer_fails_the_question(output: Any, problem: str) -> None:
    with pytest.raises(ExecutionError, match=problem):
        ask(pipeline(RunnableLambda(annotated) | (lambda _: output)))


def test_an_abstention_is_seen() -> None:
    assert ask(pipeline(rag("I don't know."))).abstained


def test_searches_in_the_order_in_which_they_began_each_passage_once() -> None:
    waits = threading.Event()

    def slow(found: list[LangChainDocument]) -> list[LangChainDocument]:
        assert waits.wait(20)
        return found

    class Slow(Given):
        def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> Any:
            return slow(self.found)

    class Quick(Given):
        def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> Any:
            waits.set()
            return self.found

    both = RunnableParallel(a=Slow(found=[TWO, ONE]), b=Quick(found=[INDEXED[2], ONE])) | (lambda _: "Yes.")
    response = ask(pipeline(both))
    assert ids(response) == ["brone", "arlen", "qingshi"]
    assert [step.detail["found"] for step in response.steps] == [2, 2]


def test_of_a_search_within_a_search_the_outer_one_counts() -> None:
    """Two layers in between: a chain within the retriever that asks the inner one."""
    response = ask(pipeline(Half(inner=Half(inner=Given(found=INDEXED))) | (lambda _: "Yes.")))
    assert ids(response) == ["qingshi"]
    assert len(response.steps) == 1


def agent_of(
    instructions: str = "Be kind.", name: str = "lookup", answer: str = "2310 metres.", **compiling: Any
) -> Any:
    store = store_of(INDEXED)

    @tool(name, response_format="content_and_artifact")
    def lookup(query: str) -> tuple[str, list[LangChainDocument]]:
        """Look something up."""
        found = store.similarity_search(query, k=2)
        return joined(found), found

    call = AIMessage("", tool_calls=[{"name": name, "args": {"query": "Mount Arlen high"}, "id": "1"}])
    chat = CallsTools(responses=[call, counted(answer, 30, 4)])
    return create_agent(chat, tools=[lookup], system_prompt=instructions, **compiling)


def test_an_agent_and_the_documents_that_its_tool_hands_on() -> None:
    response = ask(pipeline(agent_of()))
    assert (response.answer, ids(response)[0], len(response.hits)) == ("2310 metres.", "arlen", 2)
    assert response.usage == Usage(calls=2, prompt_tokens=30, completion_tokens=4)
    (step,) = response.steps
    assert (step.name, step.detail["found"]) == ("retrieve", 2)
    assert "Mount Arlen high" in str(step.detail["query"])


def test_a_retriever_within_a_tool_without_an_artifact() -> None:
    search = Given(found=[TWO])

    @tool
    def lookup(query: str) -> str:
        """Look something up."""
        return joined(search.invoke(query))

    call = AIMessage("", tool_calls=[{"name": "lookup", "args": {"query": "x"}, "id": "1"}])
    agent = create_agent(CallsTools(responses=[call, AIMessage("Yes.")]), tools=[lookup])
    assert ids(ask(pipeline(agent))) == ["brone"]


def test_each_question_is_a_conversation_of_its_own() -> None:
    chat = Obedient()
    used = pipeline(create_agent(chat, tools=[], checkpointer=InMemorySaver()))
    ask(used, "First?")
    ask(used, "Second?")
    assert [[message.text for message in messages] for messages, _, _ in chat.asked] == [["First?"], ["Second?"]]


def test_a_graph_that_was_compiled_with_a_checkpointer() -> None:
    assert ask(pipeline(graph(checkpointer=InMemorySaver())), "Why?").answer == "Read 1: Why?"


def test_what_is_raised_is_the_failure_of_that_question_on_one_line_without_keys() -> None:
    chain = ChatPromptTemplate.from_template("{question}") | Obedient(reply=ValueError(f"bad\nkey {KEY}"))
    with pytest.raises(ExecutionError, match=r"^ValueError: bad key \*\*\*$"):
        ask(pipeline(chain))


def test_what_stops_a_run_is_passed_on() -> None:
    def refuses(question: str) -> str:
        raise ModelError("no such model")

    with pytest.raises(ModelError, match="no such model"):
        ask(pipeline(RunnableLambda(refuses)))


def test_questions_are_asked_beside_each_other() -> None:
    """Each waits for the other."""
    barrier = threading.Barrier(2, timeout=20)

    def waits(question: str) -> str:
        barrier.wait()
        return question

    used = pipeline(RunnableLambda(waits))

    async def both() -> list[str | None]:
        from rageval.pipeline import Resources

        asked = (used.answer(Question(q, q), Resources(DOCUMENTS)) for q in "ab")
        return [response.answer for response in await asyncio.gather(*asked)]

    assert asyncio.run(both()) == ["a", "b"]


def source(system: Any, **more: Any) -> str:
    fields = pipeline(system, **more).stage.spec()["fields"]
    assert isinstance(fields, dict)
    return str(fields["source"])


def test_the_fingerprint_is_that_of_the_parts() -> None:
    other = ChatPromptTemplate.from_template("{context}\n\nBriefly: {question}")
    assert source(rag()) == source(rag())
    assert source(rag(), name="other") == source(rag())
    assert len({source(rag()), source(rag(k=1)), source(rag(template=other)), source(rag("Other reply."))}) == 4

    def prefixed(prefix: str) -> Any:
        def add(text: str) -> str:
            return prefix + text

        return RunnableLambda(add)

    assert source(prefixed("a")) == source(prefixed("a")) != source(prefixed("b"))


def test_the_fingerprint_of_an_agent_is_that_of_its_prompt_tools_and_model() -> None:
    assert source(agent_of()) == source(agent_of())
    several = [agent_of(), agent_of("Be brief."), agent_of(name="search"), agent_of(answer="No.")]
    assert len({source(agent) for agent in several}) == 4


def test_the_fingerprint_knows_models_and_not_their_keys() -> None:
    def chain(**settings: Any) -> Any:
        return ChatPromptTemplate.from_template("{question}") | Obedient(**settings)

    assert source(chain()) == source(chain(api_key="another")) != source(chain(model="obedient-2"))


def test_make_input_is_part_of_the_fingerprint() -> None:
    chain = HISTORY | model("x")
    first = source(chain, make_input=lambda q: {"question": q.text, "history": []})
    assert first != source(chain, make_input=lambda q: {"question": q.text + "!", "history": []})


SCRIPT = """
from tests.integrations.langchain.test_pipeline import agent_of, graph, rag, source
print(source(rag()), source(graph()), source(agent_of()))
"""


def test_the_fingerprint_is_the_same_in_another_process() -> None:
    root = Path(__file__).parents[3]
    printed = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=root,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert printed[0].split() == [source(rag()), source(graph()), source(agent_of())]


def test_something_that_is_no_runnable_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"found a InMemoryVectorStore, .*store\.as_retriever\(\)"):
        pipeline(store_of(INDEXED))  # type: ignore[arg-type]


def test_documents_carry_the_ids_and_the_texts_of_the_benchmark() -> None:
    assert [(one.id, one.metadata["id"], one.page_content) for one in INDEXED] == [
        (document.id, document.id, document.text) for document in DOCUMENTS
    ]
    assert [one.metadata["language"] for one in INDEXED] == ["en", "en", "zh"]


WITHOUT = """
import importlib.util as util
find = util.find_spec
util.find_spec = lambda name, *more: None if name == "langchain_core" else find(name, *more)
import rageval.integrations.langchain
"""


def test_without_the_package_the_error_names_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=Path(__file__).parents[3], capture_output=True, text=True
    )
    last = done.stderr.splitlines()[-1]
    needs = "MissingExtraError: rageval.integrations.langchain needs the package langchain_core: install it with  pip "
    assert needs in last
    assert last.endswith("[langchain]'")
