"""Does a chunker, an index, a reranker keep its protocol?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rageval.errors import DeclarationError, ExecutionError, IndexBuildError
from rageval.models.base import ChatModel, Embedder
from rageval.models.scripted import ScriptedChat
from rageval.models.wrapped import MeteredChat
from rageval.pipeline import Need, Query
from rageval.pipeline.check_response import check_hit
from rageval.retrieval import Index, ModelChunker, Reranker, Retrieve, as_chunker
from rageval.retrieval.chunkers import most_tokens
from rageval.retrieval.indexes import as_indexes
from rageval.retrieval.passages import cut
from rageval.retrieval.rerankers import as_reranker
from rageval.testing.expect import expect, expect_number, expect_sequence
from rageval.testing.samples import sample_benchmark, sample_resources
from rageval.text import count_tokens
from rageval.types import Document, Passage, Question

_ODD_DOCUMENTS = (
    Document("empty", "", "A title without a text", "en"),
    Document("blank", " \n\t\n ", "", "en"),
    Document("long", "The lake is deep and cold. " * 400, "", "en"),
    Document("unbroken", "湖" * 3000, "", "zh"),
    Document("lines", "One.\n\n\nTwo.\r\n\r\n三。\n", "行", "zh"),
)
_DEPTHS = (1, 2, 100)


def check_chunker(chunker: object, chat: ChatModel | None = None, embedder: Embedder | None = None) -> None:
    """Raises AssertionError where the chunker does not keep the protocol `Chunker`.

    A splitter of LangChain, LlamaIndex or chonkie is checked as rageval would use it. `chat` and `embedder` are what a
    chunker that asks a model gets, by default a model that says yes and one that counts words. Checked are, on
    documents in English and Chinese, an empty and a blank one, a long one and one without spaces: that each has
    passages, in order, with the document's id and a span within its text; that none is longer than the chunker's
    attribute `tokens`, if it has one; that a second call gives the same.
    """
    try:
        checked = as_chunker(chunker)
    except DeclarationError as error:
        raise AssertionError(str(error)) from error
    most = most_tokens(checked)
    metered = MeteredChat(chat or ScriptedChat(lambda request: "yes"))
    needs = checked.needs() if isinstance(checked, ModelChunker) else frozenset[Need]()
    resources = sample_resources(needs, metered, embedder)
    for document in (*sample_benchmark().documents, *_ODD_DOCUMENTS):
        place = f"document {document.id!r}"
        try:
            passages, again = (asyncio.run(cut(checked, [document], resources))[0] for _ in range(2))
        except (ExecutionError, IndexBuildError) as error:
            raise AssertionError(str(error)) from error
        expect([*passages] == [*again], f"{place}: found other passages at the second call, expected the same")
        expect(
            len(passages) > 0 or not document.text.strip(),
            f"{place}: found no passages, expected at least one, or it is never found",
        )
        starts = [passage.start for passage in passages]
        expect(starts == sorted(starts), f"{place}: found passages that start at {starts[:9]}, expected them in order")
        longest = max((count_tokens(passage.text) for passage in passages), default=0)
        expect(
            most is None or longest <= most,
            f"{place}: found a passage of {longest} tokens, expected at most {most}, as `tokens` says",
        )


def check_index(index: Index, chat: ChatModel | None = None, embedder: Embedder | None = None) -> None:
    """Raises AssertionError where the index does not keep the protocol `Index`.

    `chat` and `embedder` are what building and searching ask, by default a model that says yes and one that counts
    words. Checked are: that the index is a frozen dataclass; that it asks no model that `needs` does not name, and no
    more calls while it is built than `indexing_calls` says; that a search returns hits on the documents, best first, of
    at most `depth` documents, also for a query without words; that it finds something, and the same again.
    """
    try:
        indexes = as_indexes(index)
    except DeclarationError as error:
        raise AssertionError(str(error)) from error
    for checked in indexes:
        asyncio.run(_search(checked, chat, embedder))


async def _search(index: Index, chat: ChatModel | None, embedder: Embedder | None) -> None:
    name, benchmark = type(index).__name__, sample_benchmark()
    metered = MeteredChat(chat or ScriptedChat(lambda request: "yes"))
    search = Retrieve(index)  # its needs and calls are those of the index and its chunker
    resources = sample_resources(search.needs(generate=False), metered, embedder)
    try:
        built = await resources.get(index)
    except Exception as error:
        raise AssertionError(f"{name}.build: raised {type(error).__name__} ({error})") from error
    most = search.indexing_calls(benchmark.documents)
    expect(
        metered.asked <= most,
        f"{name}.build: made {metered.asked} calls, expected at most {most}, as `indexing_calls` says",
    )
    found = 0
    for text in ("", "?!", *(question.text for question in benchmark.questions)):
        for depth in _DEPTHS:
            place = f"{name}.search({text!r}, {depth})"
            try:
                hits, again = [await built.search(Query(text), depth) for _ in range(2)]
            except Exception as error:
                raise AssertionError(f"{place}: raised {type(error).__name__} ({error}), expected hits") from error
            _check_hits(hits, depth, place)
            expect([*hits] == [*again], f"{place}: found other hits at the second call, expected the same")
            found += len(hits)
    expect(found > 0, f"{name}: found no hits for any question, expected some")


def _check_hits(hits: object, depth: int, place: str) -> None:
    documents = {document.id: document for document in sample_benchmark().documents}
    ranked: set[str] = set()
    for number, hit in enumerate(expect_sequence(hits, place)):
        try:
            passage = check_hit(hit, f"hit {number}").passage
        except ExecutionError as error:
            raise AssertionError(f"{place}: {error}") from None
        document = documents.get(passage.doc_id)
        if document is None:
            raise AssertionError(f"{place}: found the document {passage.doc_id!r}, expected one of the corpus")
        length = len(document.text)
        expect(
            passage.end <= length,
            f"{place}: found the span {passage.start} to {passage.end}, expected one within 0 to {length}",
        )
        ranked.add(passage.doc_id)
    expect(len(ranked) <= depth, f"{place}: found {len(ranked)} documents, expected at most {depth}")


def check_reranker(reranker: Reranker, chat: ChatModel | None = None, embedder: Embedder | None = None) -> None:
    """Raises AssertionError where the reranker does not keep the protocol `Reranker`.

    `chat` and `embedder` are what it asks, by default a model that says yes and one that counts words. Checked are, on
    one passage and on several, in English and Chinese: that it gives a finite number or None for each passage, asks no
    model that `needs` does not name, and makes no more calls than `calls` says.
    """
    try:
        checked = as_reranker(reranker)
        hash(checked)
    except (DeclarationError, TypeError) as error:
        raise AssertionError(f"{error}: expected a frozen dataclass with `score`") from error
    documents = sample_benchmark().documents
    passages = [document.passage(0, len(document.text)) for document in documents]
    for question in sample_benchmark().questions:
        for some in (passages[:1], passages):
            asyncio.run(_score(checked, question, some, chat, embedder))


async def _score(
    reranker: Reranker,
    question: Question,
    passages: Sequence[Passage],
    chat: ChatModel | None,
    embedder: Embedder | None,
) -> None:
    place = f"{type(reranker).__name__}.score({question.text!r}, {len(passages)} passages)"
    metered = MeteredChat(chat or ScriptedChat(lambda request: "yes"))
    try:
        found: object = await reranker.score(question, passages, sample_resources(reranker.needs(), metered, embedder))
    except Exception as error:
        raise AssertionError(f"{place}: raised {type(error).__name__} ({error}), expected scores") from error
    scores = expect_sequence(found, place)
    expect(len(scores) == len(passages), f"{place}: found {len(scores)} scores, expected one for each passage")
    for number, score in enumerate(scores):
        if score is not None:
            expect_number(score, f"{place}: score {number}", float("-inf"), float("inf"))
    most = reranker.calls(len(passages)).high
    expect(metered.asked <= most, f"{place}: made {metered.asked} calls, expected at most {most}, as `calls` says")
