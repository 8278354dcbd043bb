"""Writes the trace files beside this script, with the real SDKs: OpenTelemetry, LangChain and LlamaIndex as they are
instrumented by OpenInference and by OpenTelemetry's own instrumentation (Traceloop's), and by hand.

Run from the project's root, with the packages below installed somewhere that `PYTHONPATH` names; CI needs none of them:
openinference-instrumentation-langchain, openinference-instrumentation-llama-index and
opentelemetry-instrumentation-langchain (versions are in `VERSIONS.txt`). All models are scripted, so the files differ
in ids and times alone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnablePassthrough
from openinference.instrumentation.langchain import LangChainInstrumentor as OpenInferenceLangChain
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.instrumentation.langchain import LangchainInstrumentor as TraceloopLangChain
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

HERE = Path(__file__).parent
PACKAGES = (
    "opentelemetry-sdk", "langchain-core", "llama-index-core", "openinference-instrumentation-langchain",
    "openinference-instrumentation-llama-index", "opentelemetry-instrumentation-langchain",
)  # fmt: skip
DOCUMENTS = {
    "arlen": "Mount Arlen is 2310 metres high.",
    "corva": "Lake Corva is 61 metres deep.",
    "lanjiang": "蓝江全长三百公里，在白沙镇流入东湖。",
}
ASKED = {
    "How deep is Lake Corva?": (["corva", "arlen"], "It is 61 metres deep."),
    "蓝江在哪里流入东湖？": (["lanjiang"], "在白沙镇。"),
}
USAGE = {"input_tokens": 50, "output_tokens": 7, "total_tokens": 57}


class Retriever(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [
            Document(page_content=DOCUMENTS[name], id=name, metadata={"source": f"{name}.md"})
            for name in ASKED[query][0]
        ]


def langchain(**config: Any) -> None:
    for question, (_, answer) in ASKED.items():
        model = GenericFakeChatModel(
            messages=iter([AIMessage(answer, usage_metadata=USAGE, response_metadata={"model_name": "scripted-1"})])
        )
        prompt = ChatPromptTemplate.from_messages([("system", "Answer from: {context}"), ("user", "{question}")])
        joined = RunnableLambda(lambda found: "\n".join(one.page_content for one in found))
        chain = (
            {"context": Retriever() | joined, "question": RunnablePassthrough()} | prompt | model | StrOutputParser()
        )
        chain.invoke(question, RunnableConfig(run_name="rag", metadata={"session_id": "talk-1"}, **config))


def llama_index() -> None:
    from llama_index.core import PromptTemplate
    from llama_index.core.base.base_retriever import BaseRetriever as IndexRetriever
    from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
    from llama_index.core.llms.callbacks import llm_completion_callback
    from llama_index.core.query_engine import RetrieverQueryEngine
    from llama_index.core.response_synthesizers import get_response_synthesizer
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

    class Scripted(CustomLLM):
        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(model_name="scripted-1")

        @llm_completion_callback()
        def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
            return CompletionResponse(text=next(answer for asked, (_, answer) in ASKED.items() if asked in prompt))

        @llm_completion_callback()
        def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            raise NotImplementedError

    class Fixed(IndexRetriever):
        def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            names = ASKED[query_bundle.query_str][0]
            return [
                NodeWithScore(node=TextNode(text=DOCUMENTS[name], id_=name), score=1.0 - place / 10)
                for place, name in enumerate(names)
            ]

    template = PromptTemplate("{context_str}\n{query_str}")
    synthesizer = get_response_synthesizer(llm=Scripted(), text_qa_template=template)
    engine = RetrieverQueryEngine(Fixed(), synthesizer)
    for question in ASKED:
        engine.query(question)


def write_langsmith(name: str) -> None:
    """The runs that LangChain's tracer hands to LangSmith's client, one a line, as its API returns them."""
    from langchain_core.tracers.base import BaseTracer
    from langsmith.run_trees import RunTree

    runs: list[RunTree] = []

    class Kept(BaseTracer):
        def _persist_run(self, run: RunTree) -> None:
            runs.append(run)

        def _start_trace(self, run: RunTree) -> None:
            super()._start_trace(run)
            if run.parent_run_id is not None:
                runs.append(run)

    langchain(callbacks=[Kept()])
    fields = {
        "id",
        "trace_id",
        "parent_run_id",
        "name",
        "run_type",
        "inputs",
        "outputs",
        "start_time",
        "end_time",
        "extra",
    }
    rows = [run.model_dump(mode="json", include=fields, fallback=str) for run in runs]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (HERE / name).write_text(text, encoding="utf-8")


def by_conventions(provider: TracerProvider) -> None:
    """Spans by the semantic conventions for generative AI, as an application writes them by hand: two searches each."""
    tracer = provider.get_tracer("app")
    for question, (names, answer) in ASKED.items():
        with tracer.start_as_current_span("invoke_agent lakes") as root:
            root.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "talk-2"})
            for found in (names, ["arlen"]):
                with tracer.start_as_current_span("retrieval lakes") as span:
                    documents = [{"id": name, "content": DOCUMENTS[name], "score": 0.5} for name in found]
                    span.set_attributes(
                        {
                            "gen_ai.operation.name": "retrieval",
                            "gen_ai.retrieval.query.text": question,
                            "gen_ai.retrieval.documents": json.dumps(documents, ensure_ascii=False),
                        }
                    )
            with tracer.start_as_current_span("chat scripted-1") as span:
                asked = [{"role": "user", "parts": [{"type": "text", "content": question}]}]
                said = [{"role": "assistant", "parts": [{"type": "text", "content": answer}], "finish_reason": "stop"}]
                span.set_attributes(
                    {
                        "gen_ai.operation.name": "chat",
                        "gen_ai.request.model": "scripted",
                        "gen_ai.response.model": "scripted-1",
                        "gen_ai.usage.input_tokens": 50,
                        "gen_ai.usage.output_tokens": 7,
                        "gen_ai.input.messages": json.dumps(asked, ensure_ascii=False),
                        "gen_ai.output.messages": json.dumps(said, ensure_ascii=False),
                    }
                )


def record(work: Callable[[TracerProvider], None], instrumentor: Any = None) -> tuple[ReadableSpan, ...]:
    provider, kept = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    if instrumentor is not None:
        instrumentor.instrument(tracer_provider=provider)
    work(provider)
    if instrumentor is not None:
        instrumentor.uninstrument()
    return kept.get_finished_spans()


def write_otlp(name: str, spans: tuple[ReadableSpan, ...]) -> None:
    """As the collector's file exporter writes it: one request a line, ids as hex."""
    request = MessageToDict(encode_spans(spans))
    for span in (s for r in request["resourceSpans"] for scope in r["scopeSpans"] for s in scope["spans"]):
        for key in ("traceId", "spanId", "parentSpanId"):
            if key in span:
                span[key] = base64.b64decode(span[key]).hex()
    (HERE / name).write_text(json.dumps(request, ensure_ascii=False) + "\n", encoding="utf-8")


def write_console(name: str, spans: tuple[ReadableSpan, ...]) -> None:
    with (HERE / name).open("w", encoding="utf-8") as file:
        ConsoleSpanExporter(out=file).export(spans)


def main() -> None:
    of_langchain = record(lambda _: langchain(), OpenInferenceLangChain())
    write_otlp("openinference_langchain.otlp.jsonl", of_langchain)
    write_console("openinference_langchain.console.json", of_langchain)
    write_otlp("openinference_llama_index.otlp.jsonl", record(lambda _: llama_index(), LlamaIndexInstrumentor()))
    write_otlp("traceloop_langchain.otlp.jsonl", record(lambda _: langchain(), TraceloopLangChain()))
    write_console("gen_ai.console.json", record(by_conventions))
    write_langsmith("langsmith.runs.jsonl")
    told = "".join(f"{name}=={version(name)}\n" for name in PACKAGES)
    (HERE / "VERSIONS.txt").write_text(told, encoding="utf-8")


if __name__ == "__main__":
    main()
