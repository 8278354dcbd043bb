"""What things are described as: alike for equal things in every process, and not for what can change a result."""

from __future__ import annotations

import functools
import json
import logging
import subprocess
import sys
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from io import StringIO
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
import pydantic
import pytest

from rageval.identity import describe, find_unreadable, fingerprint
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Resources, Stage, State
from rageval.retrieval import Retrieve, SentenceChunker
from rageval.retrieval.indexes import BM25
from rageval.types import Document, Json

SCALE = 2
INDEX = StringIO("a live thing")


class Colour(Enum):
    RED = 1
    BLUE = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True)
class Sentences(SentenceChunker):
    """A chunker with equal fields."""


@dataclass(frozen=True)
class CallsIndex(Stage):
    index: StringIO

    async def run(self, state: State, resources: Resources) -> State:
        return state


@dataclass(frozen=True)
class Holder:
    inner: object = None


class Plain:
    def __init__(self, k: int = 1) -> None:
        self.k = k

    def __call__(self, question: str) -> str:
        return question[: self.k]

    def ask(self, question: str) -> str:
        return question


class Slotted:
    __slots__ = ("k",)

    def __init__(self, k: int) -> None:
        self.k = k


class Settings(pydantic.BaseModel):
    k: int = 1


class Versioned:
    def __init__(self, version: object, held: object = None) -> None:
        self.version = version
        self.held = held or StringIO()


def doubled(value: int) -> int:
    return SCALE * value


def by_helper(value: int) -> int:
    return doubled(value)


def with_index(value: str) -> str:
    return INDEX.read() + value


@functools.lru_cache
def remembered(value: int) -> int:
    return value


def over(captured: object) -> Callable[[str], object]:
    return lambda question: captured


def with_default(k: int) -> Callable[[str], str]:
    return lambda question, k=k: question[:k]


def nested(chunker: object) -> Holder:
    return Holder((Holder({"chunker": chunker}),))


def key(value: object, **more: Any) -> str:
    return fingerprint(describe(value, **more))


PAIRS: dict[str, tuple[object, object]] = {
    "numbers": (1, 1.0),
    "bool": (1, True),
    "text": ("1", 1),
    "nan": (float("nan"), float("inf")),
    "sequence": ((1, 2), (2, 1)),
    "mapping": ({"a": 1}, {"a": 2}),
    "keys": ({1: 1}, {2: 1}),
    "set": ({1, 2}, {1, 3}),
    "bytes": (b"a", b"b"),
    "path": (Path("a"), Path("b")),
    "enum": (Colour.RED, Colour.BLUE),
    "tuple class": (Point(1, 2), (1, 2)),
    "array": (np.arange(3), np.arange(3.0)),
    "array content": (np.arange(3), np.array([0, 1, 3])),
    "fields": (SentenceChunker(64), SentenceChunker(65)),
    "class": (SentenceChunker(), Sentences()),
    "nested class": (nested(SentenceChunker()), nested(Sentences())),
    "attribute": (Plain(1), Plain(2)),
    "slot": (Slotted(1), Slotted(2)),
    "pydantic": (Settings(k=1), Settings(k=2)),
    "method": (Plain(1).ask, Plain(2).ask),
    "partial": (functools.partial(doubled, 1), functools.partial(doubled, 2)),
    "captured": (over(1), over(2)),
    "captured list": (over([1]), over([1, 2])),
    "captured function": (over(doubled), over(by_helper)),
    "default": (with_default(1), with_default(2)),
    "model": (ScriptedChat("", identity="a"), ScriptedChat("", identity="b")),
    "namespace": (SimpleNamespace(a=1), SimpleNamespace(a=2)),
    "literal": (Literal["a"], Literal["b"]),
    "version": (Versioned("1"), Versioned("2")),
    "document": (Document("a", "b"), Document("a", "c")),
}


@pytest.mark.parametrize("name", PAIRS)
def test_what_differs_is_described_differently(name: str) -> None:
    one, other = PAIRS[name]
    assert key(one) != key(other)
    assert json.loads(json.dumps(describe(one), allow_nan=False)) == describe(one)
    assert key(one) == key(one)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 1}, MappingProxyType({"a": 1})),
        ({"a": 1}, OrderedDict(a=1)),
        ({"a": 1}, Counter("a")),
        ((1, 2), [1, 2]),
        ([1], deque([1])),
        ({"a", "b", "c"}, {"c", "b", "a"}),
        (1, np.float64(1.0).astype(int).item()),
        (1.5, np.float64(1.5)),
        (Sentences(), Sentences()),
        (over(1), over(1)),
        (over(over(Plain(3))), over(over(Plain(3)))),
        (ScriptedChat("a", identity="m"), ScriptedChat("b", identity="m")),
        (remembered, remembered),
    ],
)
def test_what_is_equal_is_described_equally(one: object, same: object) -> None:
    assert describe(one) == describe(same)


def test_a_description_is_readable_data() -> None:
    assert describe(SentenceChunker(64, 1)) == {
        "class": "rageval.retrieval.chunkers.sentences.SentenceChunker",
        "fields": {"tokens": 64, "overlap": 1},
    }
    assert describe(HashEmbedder()) == {"identity": HashEmbedder().identity}
    described = describe(Sentences(64))
    assert isinstance(described, dict)
    assert described["class"] == "tests.unit.test_identity.Sentences"
    assert set(described) == {"class", "fields", "source"}


PROCESS = """
import json
from tests.unit.test_identity import *
described = {name: [key(one), key(other)] for name, (one, other) in PAIRS.items()}
print(json.dumps([described, key(with_index), key(over(StringIO())), key(Versioned("1")), key(INDEX, version="1")]))
"""


def test_descriptions_are_the_same_in_another_process_unless_something_cannot_be_read() -> None:
    def run(seed: str) -> list[Any]:
        root = Path(__file__).parents[2]
        env = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"}
        done = subprocess.run([sys.executable, "-c", PROCESS], cwd=root, env=env, capture_output=True, check=True)
        return json.loads(done.stdout)

    first, second = run("1"), run("2")
    assert first[0] == second[0] == {name: [key(one), key(other)] for name, (one, other) in PAIRS.items()}
    assert first[1] != second[1]
    assert first[2] != second[2]
    assert first[3:] == second[3:]


def function(text: str, **known: object) -> Any:
    """The last function or class that the text defines, as a notebook would: its source is nowhere on disk."""
    names: dict[str, Any] = {"__name__": "nowhere", **known}
    before = set(names)
    exec(text, names)
    return names[[name for name in names if name not in before and not name.startswith("__")][-1]]


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("def ask(q): return q + 'a'", "def ask(q): return q + 'b'"),
        ("def ask(q): return q.upper()", "def ask(q): return q.lower()"),
        (
            "def ask(q):\n def inner(): return 1\n return inner()",
            "def ask(q):\n def inner(): return 2\n return inner()",
        ),
        ("def ask(q): return 1", "async def ask(q): return 1"),
        (
            "def helper(q): return 1\ndef ask(q): return helper(q)",
            "def helper(q): return 2\ndef ask(q): return helper(q)",
        ),
        ("WORDS = ['a']\ndef ask(q): return WORDS", "WORDS = ['b']\ndef ask(q): return WORDS"),
        ("class Ask:\n k = 1", "class Ask:\n k = 2"),
        ("class Ask:\n def __call__(self): return 1", "class Ask:\n def __call__(self): return 2"),
        ("class Ask:\n @property\n def k(self): return 1", "class Ask:\n @property\n def k(self): return 2"),
        ("class Ask:\n @staticmethod\n def k(): return 1", "class Ask:\n @staticmethod\n def k(): return 2"),
        (
            "class Base:\n def k(self): return 1\nclass Ask(Base): pass",
            "class Base:\n def k(self): return 2\nclass Ask(Base): pass",
        ),
    ],
)
def test_code_without_a_file_counts(text: str, edited: str) -> None:
    assert key(function(text)) == key(function(text))
    assert key(function(text)) != key(function(edited))


def test_a_function_that_calls_itself_and_a_class_that_names_itself() -> None:
    assert key(function("def ask(q): return ask(q)")) == key(function("def ask(q): return ask(q)"))
    again = "class Ask:\n def make(self): return Ask()"
    assert key(function(again)) == key(function(again))
    ring: list[Any] = []
    ring.append(ring)
    assert describe(ring) == [{"again": "builtins.list"}]


def test_globals_that_a_function_does_not_read_do_not_count() -> None:
    """Also where an attribute has the name of one."""
    text = "def ask(q): return q.index"
    assert key(function(text, index=StringIO())) == key(function(text, index=1))


@pytest.mark.parametrize(
    ("value", "told", "owner"),
    [
        (StringIO(), "a _io.StringIO (StringIO)", "StringIO"),
        (over(StringIO()), "a _io.StringIO (over.<locals>.<lambda>.captured)", "over.<locals>.<lambda>"),
        (with_index, "a _io.StringIO (with_index.INDEX)", "with_index"),
        (Plain(StringIO()).ask, "a _io.StringIO (Plain.ask.self.k)", "Plain"),  # type: ignore[arg-type]
        (Holder({"tool": [StringIO()]}), "a _io.StringIO (Holder.inner.tool)", "Holder"),
        (functools.partial(doubled, StringIO()), "a _io.StringIO (partial.partial)", "partial"),
        (Retrieve(BM25()) >> CallsIndex(StringIO()), "a _io.StringIO (Chain.stages.index)", "CallsIndex"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_read_is_unique_and_told_once(
    value: object, told: str, owner: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rageval.identity._told", set())
    assert find_unreadable(value) == (told,)
    with caplog.at_level(logging.WARNING, "rageval"):
        first = key(value)
        assert key(value) == first  # the same object, in the same process
    (record,) = caplog.records
    assert f"found {told}, whose content cannot be read, so no other process reuses the results" in record.message
    assert f"give {owner} a `version`, and change it whenever that content changes" in record.message
    assert "\n" not in record.message


def test_two_objects_that_cannot_be_read_are_two_things() -> None:
    assert key(over(StringIO("a"))) != key(over(StringIO("a")))
    held = [key(StringIO()) for _ in range(20)]  # where one is gone, the next may lie at the same address
    assert len(set(held)) == 20


@pytest.mark.parametrize("version", ["2", 2, 0.5])
def test_a_version_answers_for_what_cannot_be_read(version: object) -> None:
    assert find_unreadable(Versioned(version)) == ()
    assert key(Versioned(version)) == key(Versioned(version)) != key(Versioned("other"))
    assert key(over(Versioned(version))) == key(over(Versioned(version)))

    def ask(question: str) -> str:
        return INDEX.read()

    assert find_unreadable(ask)
    ask.version = version  # type: ignore[attr-defined]
    assert find_unreadable(ask) == ()
    assert (
        key(over(StringIO()), version="1") == key(over(StringIO()), version="1") != key(over(StringIO()), version="2")
    )


@pytest.mark.parametrize("version", [None, True, StringIO()])
def test_other_things_are_no_version(version: object) -> None:
    assert find_unreadable(Versioned(version))


def test_a_version_does_not_hide_code() -> None:
    text = "class Ask:\n version = '1'\n def __init__(self, held): self.held = held\n def run(self): return {}"
    one, same, other = (function(text.format(n))(StringIO()) for n in (1, 1, 2))
    assert key(one) == key(same) != key(other)


def test_what_holds_nothing_that_answers_depend_on_can_be_read() -> None:
    for value in (object(), threading.Lock(), threading.Barrier(2), logging.getLogger("x"), pydantic.SecretStr("key")):
        assert find_unreadable(value) == ()
    assert key(pydantic.SecretStr("one")) == key(pydantic.SecretStr("another"))


def test_what_is_kept_to_be_quick_does_not_count() -> None:
    class Slow:
        @functools.cached_property
        def index(self) -> StringIO:
            return StringIO()

    slow = Slow()
    before = key(slow)
    assert slow.index.read() == ""
    assert key(slow) == before


def test_attributes_of_a_dataclass_that_is_none_of_its_own_count() -> None:
    class Mine(Holder):
        def __init__(self, k: int) -> None:
            super().__init__(None)
            object.__setattr__(self, "k", k)

    assert key(Mine(1)) == key(Mine(1)) != key(Mine(2))


def test_a_rule_is_asked_first() -> None:
    def rule(value: object, describer: Any) -> Json | None:
        return {"opened": describer.describe(value.getvalue())} if isinstance(value, StringIO) else None

    assert describe(Holder(StringIO("a")), rule=rule)["fields"] == {"inner": {"opened": "a"}}  # type: ignore[index, call-overload]


def test_fields_of_ones_own_choice() -> None:
    @dataclass(frozen=True)
    class Chosen:
        digest: str
        held: StringIO = field(compare=False)

        def identity_fields(self) -> dict[str, object]:
            return {"digest": self.digest}

    assert key(Chosen("a", StringIO())) == key(Chosen("a", StringIO())) != key(Chosen("b", StringIO()))
