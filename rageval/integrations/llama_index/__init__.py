"""LlamaIndex: its engines and retrievers as pipelines, its models as rageval's, its documents as benchmarks, and back.

    engine = VectorStoreIndex.from_documents(documents(benchmark)).as_query_engine()
    rageval.evaluate(benchmark, [pipeline(engine), "naive"], ["ndcg@10", "faithfulness"])

Needs the extra `llama-index`. Nothing here opens a connection or sends telemetry by itself.
"""

from rageval.extras import need_package

try:
    from rageval.integrations.llama_index.engines import AskSystem, System, pipeline
    from rageval.integrations.llama_index.indexes import Indexed, RetrieveNodes, retrieve
    from rageval.integrations.llama_index.models import LlamaIndexChat, LlamaIndexEmbedder, chat_model, embedder
    from rageval.integrations.llama_index.nodes import benchmark, documents
except ModuleNotFoundError:
    need_package("llama_index", "llama-index", "rageval.integrations.llama_index")
    raise

__all__ = [
    "AskSystem",
    "Indexed",
    "LlamaIndexChat",
    "LlamaIndexEmbedder",
    "RetrieveNodes",
    "System",
    "benchmark",
    "chat_model",
    "documents",
    "embedder",
    "pipeline",
    "retrieve",
]
