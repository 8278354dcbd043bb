"""Search tables by what they are about and by their rows, and read the raw table.

Helps where questions ask for a cell: rows look alike without their header. Costs nothing at a question, and some more
vectors when the index is built. With `summaries` the chat model also says what each table is about.
"""

from typing import Unpack

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import BM25, HeadingChunker, MultiVector
from rageval.retrieval.settings import PassageSettings, retrieve


def build(summaries: bool = False, **passages: Unpack[PassageSettings]) -> Stage:
    """How passages are found; by default those of `headings`, which cuts no row and repeats the header of a table."""
    views = MultiVector(("tables", "table_rows", "table_summaries") if summaries else ("tables", "table_rows"))
    if "chunk_tokens" not in passages and "overlap" not in passages:
        passages.setdefault("chunker", HeadingChunker())
    return retrieve((BM25(), views), **passages) >> Answer()
