"""A benchmark's documents for LlamaIndex, LlamaIndex's as a benchmark, and its nodes as hits."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence

from llama_index.core import Document as LlamaDocument
from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, TextNode

from rageval.benchmark import from_records
from rageval.errors import ExecutionError
from rageval.pipeline.recorded_hits import place_of
from rageval.text.languages import is_language
from rageval.types import DETECTED, Benchmark, Document, Hit, Json, Passage, Question, RelevanceLabel


def to_hits(nodes: Sequence[NodeWithScore], by_id: Mapping[str, Document]) -> tuple[Hit, ...]:
    """The nodes as hits, in their order. Raises ExecutionError for a node of no document of the benchmark."""
    return tuple(Hit(_passage(found.node, by_id), _score(found, position)) for position, found in enumerate(nodes))


def _score(found: NodeWithScore, position: int) -> float:
    score = float(-position if found.score is None else found.score)
    if not math.isfinite(score):
        raise ExecutionError(f"node {found.node_id!r}: found the score {score}, expected a finite number")
    return score


def _passage(node: BaseNode, by_id: Mapping[str, Document]) -> Passage:
    """The node as a span of its document. Its offsets count where the document has its text there, else the first
    place that has it; a text that the document lacks (a summary) has an empty span at the document's beginning.
    """
    names = (node.ref_doc_id, node.metadata.get("doc_id"), node.node_id)
    document = next((by_id[name] for name in names if isinstance(name, str) and name in by_id), None)
    if document is None:
        raise ExecutionError(
            f"node {node.node_id!r}: found ref_doc_id {names[0]!r} and metadata doc_id {names[1]!r}, expected a "
            "document of the benchmark: index documents(benchmark), or put the document's id into the metadata"
        )
    text = node.get_content(MetadataMode.NONE)
    told = node.start_char_idx if isinstance(node, TextNode) else None
    if told is not None and document.text.startswith(text, told):
        start, end = told, told + len(text)
    else:
        start, end = place_of(text, document)
    return Passage(document.id, start, end, text, document.title)


def documents(benchmark: Benchmark) -> list[LlamaDocument]:
    """The benchmark's documents for LlamaIndex, under their ids, so that nodes map back to them.

    The title is in the metadata, which LlamaIndex puts before the text for embeddings and prompts; language and the
    document's own metadata are there too, and kept out of both.
    """
    return [_llama_document(document) for document in benchmark.documents]


def benchmark(
    name: str,
    documents_or_nodes: Iterable[BaseNode],
    questions: Iterable[Question],
    labels: Iterable[RelevanceLabel] = (),
) -> Benchmark:
    """A benchmark of LlamaIndex's documents, or of nodes, each a document under its own id.

    `title` and `language` come from the metadata; a language that is not told is detected in the text. Metadata that is
    not JSON becomes text. Raises BenchmarkError as `rageval.benchmark_from_records` does.
    """
    return from_records(name, map(_document, documents_or_nodes), questions, labels)


def _llama_document(document: Document) -> LlamaDocument:
    hidden = {**document.metadata, "language": document.language}
    metadata = {**hidden, "title": document.title} if document.title else hidden
    hidden.pop("title", None)
    return LlamaDocument(
        id_=document.id,
        text=document.text,
        metadata=metadata,
        excluded_embed_metadata_keys=[*hidden],
        excluded_llm_metadata_keys=[*hidden],
    )


def _document(node: BaseNode) -> Document:
    metadata: dict[str, Json] = json.loads(json.dumps(node.metadata, default=str))
    text = node.get_content(MetadataMode.NONE)
    title = metadata.pop("title", "")
    told = metadata.pop("language", None)
    language = told if isinstance(told, str) and is_language(told) else DETECTED
    return Document(node.node_id, text, str(title), language, metadata)
