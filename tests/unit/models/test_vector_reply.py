from __future__ import annotations

import base64
import struct
from typing import Any

import numpy as np
import pytest

from rageval.errors import ExecutionError
from rageval.models.vector_reply import read_vectors


def items(*pairs: tuple[object, object]) -> dict[str, Any]:
    return {"data": [{"embedding": vector, "index": index} for vector, index in pairs]}


def encoded(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (items(([0, 2], 1), ([5, 0], 0)), [[1, 0], [0, 1]]),
        (items(([5, 0], 0), ([0, 2], 0)), [[1, 0], [0, 1]]),
        (items(([5, 0], None), ([0, 2], None)), [[1, 0], [0, 1]]),
        ({"data": [{"embedding": [5, 0]}, {"embedding": [0, 2]}]}, [[1, 0], [0, 1]]),
        (items((encoded(3.0, 4.0), 0), (encoded(0.0, -2.0), 1)), [[0.6, 0.8], [0, -1]]),
        (items(([30, 40], 0), ([-7, 0], 1)), [[0.6, 0.8], [-1, 0]]),
    ],
    ids=["unordered", "all zero", "all null", "absent", "base64", "whole numbers"],
)
def test_vectors_in_the_order_of_the_texts(body: dict[str, Any], expected: list[list[float]]) -> None:
    np.testing.assert_allclose(np.stack(read_vectors(body, 2, "here")), expected, rtol=1e-6)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (None, "the vector is null"),
        ([], "the vector is empty"),
        ([0.0, 0.0], "length 0"),
        ([1.0, float("nan")], "not finite"),
        ([1.0, None], "not finite"),
        ([1e300, 1.0], "not finite"),
        (encoded(1.0, float("inf")), "not finite"),
        ("no base64!", "not a list of numbers"),
        (["x"], "not a list of numbers"),
        ([[1.0]], "the shape"),
        ({"sparse": 1}, "not a list of numbers"),
    ],
)
def test_a_bad_vector_is_that_texts_alone(raw: object, cause: str) -> None:
    bad, good = read_vectors(items((raw, 0), ([3.0, 4.0], 1)), 2, "here")
    assert isinstance(bad, str)
    assert cause in bad
    np.testing.assert_allclose(good, [0.6, 0.8], rtol=1e-6)  # type: ignore[arg-type]


def test_a_very_small_vector_has_a_direction() -> None:
    (vector,) = read_vectors(items(([3e-30, 4e-30], 0)), 1, "here")
    np.testing.assert_allclose(vector, [0.6, 0.8], rtol=1e-5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (None, "not a list of embeddings"),
        ({"data": [1, 2]}, "not a list of embeddings"),
        ({"data": [{"index": 0}, {"index": 1}]}, "not a list of embeddings"),
        (items(([1.0], 0)), "found 1 vectors in the reply, expected one for each of 2 texts"),
        (items(([1.0], 1), ([1.0], 2)), r"found the indexes \[1, 2\], expected 0 to 1"),
        (items(([1.0], 0), ([1.0], None)), "found the indexes"),
    ],
)
def test_a_body_that_cannot_be_told_apart_is_the_calls_failure(body: object, told: str) -> None:
    with pytest.raises(ExecutionError, match=rf"here: .*{told}"):
        read_vectors(body, 2, "here")
