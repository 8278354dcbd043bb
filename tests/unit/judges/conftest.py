from collections.abc import Callable

import pytest

from rageval.types import Hit, Passage, Response

ResponseOf = Callable[..., Response]


@pytest.fixture
def answered() -> ResponseOf:
    """A response with three hits, of which hit 2 and then hit 0 were read."""
    texts = ("BM25 is lexical. Its parameter k1 is 1.2.", "Dense search.", "向量检索是语义的。倒排索引是词法的。")
    hits = tuple(Hit(Passage(f"d{i}", 0, len(text), text), 3.0 - i) for i, text in enumerate(texts))

    def response(
        answer: str | None = "An answer.", context: tuple[int, ...] = (2, 0), abstained: bool = False
    ) -> Response:
        return Response(hits, answer, context, abstained=abstained)

    return response
