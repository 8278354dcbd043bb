"""Documents and nodes of LlamaIndex as benchmarks, and back."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import Any

import pytest
from llama_index.core import Document as LlamaDocument
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import MetadataMode, TextNode

import rageval
from rageval.errors import BenchmarkError
from rageval.extras import install_command
from rageval.integrations.llama_index import benchmark, documents
from rageval.types import Document, Question, RelevanceLabel
from tests.integrations.llama_index.world import BENCHMARK

QUESTION = Question("q", "Why?")


@pytest.mark.parametrize("given", [BENCHMARK, rageval.load_benchmark("handbook")], ids=lambda given: given.name)
def test_there_and_back_is_the_same_benchmark(given: Any) -> None:
    back = benchmark(given.name, documents(given), given.questions, given.labels)
    assert back.documents == given.documents
    assert back.content_hash == given.content_hash


def test_the_title_is_read_by_models_and_the_rest_is_not() -> None:
    arlen, brone, baisha = documents(BENCHMARK)
    assert arlen.id_ == "arlen"
    for mode in (MetadataMode.EMBED, MetadataMode.LLM):
        assert arlen.get_content(mode) == f"title: Mount Arlen\n\n{BENCHMARK.documents[0].text}"
        assert brone.get_content(mode) == BENCHMARK.documents[1].text
        assert "survey" not in baisha.get_content(mode)
    assert baisha.metadata == {"source": "survey", "language": "zh", "title": "白沙镇"}


def test_nodes_name_their_documents() -> None:
    nodes = SentenceSplitter(chunk_size=32, chunk_overlap=0).get_nodes_from_documents(documents(BENCHMARK))
    assert {node.ref_doc_id for node in nodes} == {document.id for document in BENCHMARK.documents}


def test_nodes_are_documents_under_their_own_ids() -> None:
    nodes = [
        TextNode(id_="n1", text="青石山高一千八百米。", metadata={"page": 3, "read": date(2026, 1, 2)}),
        TextNode(id_="n2", text="A hill.", metadata={"language": "French", "title": "Hill"}),
        LlamaDocument(id_="n3", text="A lake.", metadata={"language": "zh"}),
        TextNode(id_="n4", text="A sea.", metadata={"language": ["en", "zh"]}),
    ]
    made = benchmark("nodes", nodes, [QUESTION], [RelevanceLabel("q", "n2", 2)])
    assert made.documents == (
        Document("n1", "青石山高一千八百米。", "", "zh", {"page": 3, "read": "2026-01-02"}),
        Document("n2", "A hill.", "Hill", "en"),
        Document("n3", "A lake.", "", "zh"),
        Document("n4", "A sea."),
    )
    assert made.labels == (RelevanceLabel("q", "n2", 2),)


def test_what_makes_no_benchmark_is_told() -> None:
    with pytest.raises(BenchmarkError) as refused:
        benchmark("bad", [TextNode(id_="n1"), TextNode(id_="n1", text="x")], [QUESTION], [RelevanceLabel("q", "n9", 1)])
    problems = "\n".join(refused.value.problems)
    assert "documents[0]: found neither a text nor a title" in problems
    assert "found the unknown document 'n9'" in problems


def test_without_the_package_the_command_is_told_that_installs_it() -> None:
    code = (
        "import sys; sys.modules['llama_index'] = None\n"
        "from rageval.errors import MissingExtraError\n"
        "try:\n    import rageval.integrations.llama_index\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "rageval.integrations.llama_index needs the package llama_index: install it with  "
        f"{install_command('llama-index')}\n"
    )
