from collections.abc import Sequence

import pytest

from rageval.types import Passage


@pytest.fixture
def passages() -> Sequence[Passage]:
    """One short passage per document, d0 to d3, in both languages."""
    texts = ("cats chase mice", "dogs chase cats and cats", "向量检索使用倒排索引", "混合检索结合词法与向量")
    return [Passage(f"d{i}", 0, len(text), text) for i, text in enumerate(texts)]
