"""Chains, graphs, agents and retrievers of LangChain as pipelines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast
from uuid import uuid4

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable

from rageval.errors import DeclarationError, ExecutionError, RagevalError
from rageval.integrations.framework_models import error_text
from rageval.integrations.langchain.callbacks import CallRecorder
from rageval.integrations.langchain.event_loop import run_in_langchain_loop
from rageval.integrations.langchain.identity import Settings
from rageval.integrations.langchain.passages import documents_in, to_hits
from rageval.pipeline import Pipeline, Resources, Shared, Stage, State
from rageval.pipeline.documents import DocumentsById
from rageval.types import Question, Step

MakeInput: TypeAlias = Callable[[Question], Any]
_INPUT_KEYS = ("question", "input", "query", "messages")
_CONTEXT_KEYS = ("context", "documents", "source_documents")
_ANSWER_KEYS = ("answer", "output", "result")


def pipeline(
    system: Runnable[Any, Any],
    *,
    name: str | None = None,
    make_input: MakeInput | None = None,
    version: str | None = None,
) -> Pipeline:
    """A chain, graph, agent or retriever as a pipeline, as it stands.

    Input: the question's text, or a dict with it under the only key that the system wants (of a graph's state,
    `question`, `input` or `query`), or `{"messages": [...]}`, as the input schema says. Where that does not tell,
    DeclarationError asks for `make_input`, a function from a `Question` to the input.

    Hits: the documents in the output (`context`, `documents` or `source_documents`, or a list of documents alone), else
    those that its retrievers and tools (as artifacts) handed on, in the order in which they were asked, each once. All
    of them are the context. A document is known by its metadata `id`, `doc_id` or `source`, or by its own id; it is the
    span from `start` (or `start_index`) to `end` where the metadata has one, else where its text stands. A document
    without an id fails the question, and so do documents of which the benchmark has none.

    Answer: a text or message, `answer`, `output` or `result` of a dict, or the last message of a graph's state. A
    retriever gives none. Usage is what the chat models report to callbacks. Whatever is raised is that question's
    failure. Graphs with a checkpointer get a thread of their own for each question.

    The system is known by its parts, prompts, settings, models' names, the code of its functions with what they
    captured, and the documents in its vector stores (in memory, FAISS, and Chroma with up to 100,000). Where another
    object holds what cannot be read (another store, a client), no other process reuses the results, unless there is a
    `version`: change that whenever the content changes. With a version, stores are not read.
    """
    if not isinstance(cast("object", system), Runnable):
        raise DeclarationError(
            f"langchain.pipeline: found a {type(system).__name__}, expected a Runnable, such as a chain, a graph or "
            "store.as_retriever()"
        )
    label = name or system.get_name()
    settings = Settings([system, make_input], label, version)
    return Pipeline(
        label,
        CallRunnable(settings.digest, system, make_input or _input_form(system), frozenset(settings.secrets)),
    )


@dataclass(frozen=True)
class CallRunnable(Stage):
    """A Runnable, called once per question. `source` identifies it in fingerprints; see `pipeline`."""

    source: str
    runnable: Runnable[Any, Any] = field(compare=False)
    make_input: MakeInput = field(compare=False)
    secrets: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def identity_fields(self) -> dict[str, object]:
        return {"source": self.source}

    def indexes(self) -> tuple[Shared[object], ...]:
        return (DocumentsById(),)

    def asks_outside(self) -> bool:
        return True

    async def run(self, state: State, resources: Resources) -> State:
        seen = CallRecorder()
        try:
            asked = self.make_input(state.question)
            output = await run_in_langchain_loop(
                self.runnable.ainvoke(asked, {"callbacks": [seen], "configurable": {"thread_id": uuid4().hex}})
            )
        except RagevalError:
            raise
        except Exception as error:  # noqa: BLE001 (whatever the system raises is this question's failure)
            # Not `from error`: its own words may hold a key; the places where it was raised do not.
            raise ExecutionError(error_text(error, self.secrets)).with_traceback(error.__traceback__) from None
        answer, found = _read_output(output)
        hits = to_hits(seen.documents if found is None else found, await resources.get(DocumentsById()))
        return state.with_response(
            hits=hits,
            context=tuple(range(len(hits))),
            answer=answer,
            steps=tuple(Step("retrieve", {"query": query, "found": len(some)}) for query, some in seen.searches),
            usage=seen.usage,
        )


def _input_form(system: Runnable[Any, Any]) -> MakeInput:
    """How the system wants to be asked. Raises DeclarationError where its input schema does not tell."""
    keys, is_text = _input_keys(system)
    if is_text:
        return lambda question: question.text
    if len(keys) == 1:
        (key,) = keys
        if key == "messages":
            return lambda question: {key: [HumanMessage(question.text)]}
        return lambda question: {key: question.text}
    found = f"an input with the keys {', '.join(keys)}" if keys else "an input of any kind"
    raise DeclarationError(
        f"langchain.pipeline: found {found}, expected a text or one key for the question: say how to ask it with "
        'make_input, such as make_input=lambda question: {"question": question.text}'
    )


def _input_keys(system: Runnable[Any, Any]) -> tuple[list[str], bool]:
    """The keys that a question may go under, and whether the input is a plain text.

    A graph's state has more keys than its input needs, and its schema cannot always be made: TypedDict of Python 3.11
    has none. So the names of its state are read, and of those the known ones alone.
    """
    state = getattr(getattr(system, "builder", None), "input_schema", None)
    if state is not None:
        names = (
            getattr(state, "model_fields", None)
            or getattr(state, "__dataclass_fields__", None)
            or state.__annotations__
        )
        return [key for key in _INPUT_KEYS if key in names] or [*names], False
    try:
        schema = system.get_input_jsonschema()
    except Exception:  # noqa: BLE001 (pydantic has no schema for some types, and many ways to say so)
        return [], False
    if any(one.get("type") == "string" for one in (schema, *schema.get("anyOf", ()))):
        return [], True
    required, names = schema.get("required", ()), [*schema.get("properties", {})]
    known = [key for key in _INPUT_KEYS if key in names]
    return [*required] or known or names, False


def _read_output(output: object) -> tuple[str | None, Sequence[Document] | None]:
    """The answer, None of a retriever, and the documents, None where the output holds none."""
    found = documents_in(output)
    if found is not None:
        return None, found
    if isinstance(output, str | BaseMessage):
        return _text(output), None
    shape = f"a {type(output).__name__}"
    if isinstance(output, Mapping):
        fields = cast("Mapping[str, object]", output)
        found = next((some for key in _CONTEXT_KEYS if (some := documents_in(fields.get(key))) is not None), None)
        answer = next((one for key in _ANSWER_KEYS if isinstance(one := fields.get(key), str | BaseMessage)), None)
        messages = fields.get("messages")
        if answer is None and isinstance(messages, list) and messages and isinstance(messages[-1], AIMessage):
            answer = messages[-1]
        if answer is not None:
            return _text(answer), found
        shape = f"a dict of {', '.join(map(str, fields))}"
    raise ExecutionError(
        f"the output is {shape}, expected a text, a message, a list of documents, or a dict with the answer under "
        f"{', '.join(_ANSWER_KEYS)} or in messages"
    )


def _text(output: str | BaseMessage) -> str:
    return output if isinstance(output, str) else str(output.text)
