from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from rageval.identity import holds_objects


class System:
    def ask(self, question: str) -> str:
        return question

    def __call__(self, question: str) -> str:
        return question


def plain(question: str, k: int = 5) -> str:
    return question[:k]


def counted(function: Callable[[str], str]) -> Callable[[str], str]:
    @functools.wraps(function)
    def wrapper(question: str) -> str:
        return function(question)

    return wrapper


def over(captured: object) -> Callable[[str], object]:
    return lambda question: captured


def with_default(k: int) -> Callable[[str], str]:
    return lambda question, k=k: question[:k]


@counted
def decorated(question: str) -> str:
    return question


@pytest.mark.parametrize("function", [plain, decorated, over(5), over(None), over("text"), over(plain)])
def test_functions_that_their_source_tells(function: object) -> None:
    assert not holds_objects(function)


@pytest.mark.parametrize(
    "function",
    [
        System().ask,
        System(),
        functools.partial(plain, k=3),
        len,
        over(System()),
        over([1]),
        over(over(1)),
        with_default(3),
    ],
)
def test_functions_that_hold_more(function: object) -> None:
    assert holds_objects(function)
