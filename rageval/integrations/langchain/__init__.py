"""LangChain: its chains, agents and retrievers as pipelines; its models, embeddings and vector stores within rageval.

    chain = {"context": store.as_retriever() | join, "question": RunnablePassthrough()} | prompt | model
    rageval.evaluate(benchmark, [pipeline(chain, name="mine"), "naive"], ["ndcg@10", "faithfulness"])

`documents` gives a benchmark's documents to be indexed, so that what is found maps back to them; `retriever` is
rageval's own search for use in a chain. Needs the extra `langchain`.
"""

from rageval.extras import need_package

need_package("langchain_core", "langchain", "rageval.integrations.langchain")

from rageval.integrations.langchain.chains import CallRunnable, pipeline  # noqa: E402 (only now is it known to be there)
from rageval.integrations.langchain.models import LangChainChat, LangChainEmbedder, chat_model, embedder  # noqa: E402
from rageval.integrations.langchain.passages import documents  # noqa: E402
from rageval.integrations.langchain.search import BenchmarkRetriever, retriever  # noqa: E402
from rageval.integrations.langchain.stores import SearchStore, retrieve  # noqa: E402

__all__ = [
    "BenchmarkRetriever",
    "CallRunnable",
    "LangChainChat",
    "LangChainEmbedder",
    "SearchStore",
    "chat_model",
    "documents",
    "embedder",
    "pipeline",
    "retrieve",
    "retriever",
]
