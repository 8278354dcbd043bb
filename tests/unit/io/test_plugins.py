"""Parts by built-in name, by path, and by entry point."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from rageval.errors import DeclarationError
from rageval.identity import describe
from rageval.io.plugins import build_plugin, call_with_settings, find_plugin
from rageval.retrieval import SentenceChunker

BUILTIN: dict[str, object] = {"sentences": SentenceChunker}

CHUNKER = """
from dataclasses import dataclass
import helper

@dataclass(frozen=True)
class Lines:
    most: int = 3
    def split(self, document):
        return helper.cut(document, self.most)

class Words:
    def __init__(self, k: int = 1): self.k = k
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "lines.py").write_text(CHUNKER)
    (tmp_path / "one.py").write_text("class Only:\n    def __init__(self, k: int = 1): self.k = k\n")
    (tmp_path / "named.py").write_text("class A: pass\nclass B: pass\nchunker = B()\n")
    (tmp_path / "helper.py").write_text("def cut(document, most): return []\n")
    return tmp_path


def build(given: object, base: Path) -> Any:
    return build_plugin("chunkers", given, BUILTIN, base, "chunker")


def test_a_built_in_name_with_and_without_settings(base: Path) -> None:
    assert build("sentences", base) == SentenceChunker()
    assert build({"sentences": {"tokens": 64}}, base) == SentenceChunker(64)
    assert build({"sentences": None}, base) == SentenceChunker()
    assert find_plugin("chunkers", "sentences", BUILTIN, base, "chunker").target is SentenceChunker


def test_a_path(base: Path) -> None:
    lines = build({"lines.py:Lines": {"most": 5}}, base)
    assert (type(lines).__name__, lines.most, lines.split(None)) == ("Lines", 5, [])
    assert build("lines.py:Words", base).k == 1
    assert build({"one.py": {"k": 4}}, base).k == 4
    assert type(build("named.py", base)).__name__ == "B"
    assert find_plugin("chunkers", "lines.py:Words", BUILTIN, base, "chunker").name == "Words"
    assert find_plugin("chunkers", "one.py", BUILTIN, base, "chunker").file == base / "one.py"


def test_a_neighbour_of_a_path_is_part_of_what_it_builds(base: Path) -> None:
    before = describe(build("lines.py:Lines", base))
    assert describe(build("lines.py:Lines", base)) == before
    (base / "helper.py").write_text("def cut(document, most): return [document]\n")
    assert describe(build("lines.py:Lines", base)) != before


def test_what_is_built_already_is_taken_as_it_is(base: Path) -> None:
    mine = object()
    assert build(mine, base) is mine
    with pytest.raises(
        DeclarationError, match=r"chunker: found the class SentenceChunker, expected an object, such as SentenceC"
    ):
        build(SentenceChunker, base)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a package that has entry points, as pip would leave it."""
    site = tmp_path / "site-packages"
    (site / "theirs-2.1.dist-info").mkdir(parents=True)
    (site / "theirs-2.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 2.1\n")
    (site / "theirs-2.1.dist-info" / "entry_points.txt").write_text(
        "[rageval.chunkers]\nparagraphs = theirs:Paragraphs\ngone = theirs:Gone\n"
        "[rageval.indexes]\nother = theirs:Other\n"
    )
    (site / "theirs.py").write_text("class Paragraphs:\n    def __init__(self, k: int = 1): self.k = k\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "theirs", raising=False)
    return site


def test_an_entry_point(installed: Path, base: Path) -> None:
    assert build({"paragraphs": {"k": 2}}, base).k == 2
    described = describe(type(build("paragraphs", base)))
    assert isinstance(described, dict)
    assert described["class"] == "theirs.Paragraphs"
    assert "source" in described
    with pytest.raises(DeclarationError, match=r"chunker\.gone: loading theirs:Gone of theirs failed: AttributeError"):
        build("gone", base)
    with pytest.raises(DeclarationError, match="expected a path or one of sentences, paragraphs, gone"):
        build("other", base)


@dataclass
class Settings:
    k: int = 1
    kind: Literal["a", "b"] = "a"
    path: Path = Path()
    chunking: SentenceChunker = SentenceChunker()
    words: tuple[str, ...] = field(default_factory=tuple[str, ...])

    def __post_init__(self) -> None:
        if self.k == 0:
            raise DeclarationError("k: found 0, expected 1 or more")
        if self.k == 13:
            raise ValueError("unlucky")


def test_settings_are_what_the_annotations_say(base: Path) -> None:
    given = {"k": 2, "kind": "b", "path": "x.txt", "chunking": {"tokens": 32}, "words": ["a"]}
    assert call_with_settings(Settings, given, base, "place") == Settings(
        2, "b", base / "x.txt", SentenceChunker(32), ("a",)
    )
    assert call_with_settings(lambda **names: names, {"any": 1}, base, "place") == {"any": 1}
    assert call_with_settings(lambda k: k, {"k": Settings()}, base, "place") == Settings()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"kk": 1},
            r"place: found the setting 'kk', expected one of: k, kind, path, chunking, words; did you mean k\?",
        ),
        ({"k": "many"}, "place.k: found 'many': input should be a valid integer"),
        ({"kind": "c"}, "place.kind: found 'c': input should be 'a' or 'b'"),
        ({"words": [1]}, r"place.words.0: found 1: input should be a valid string"),
        ({"chunking": {"tokens": "x"}}, "place.chunking.tokens: found 'x'"),
        ({"k": 0}, "place.k: found 0, expected 1 or more"),
        ({"k": 13}, "place: building it failed: ValueError: unlucky"),
    ],
)
def test_wrong_settings_are_told_where_they_stand(settings: dict[str, object], told: str, base: Path) -> None:
    with pytest.raises(DeclarationError, match=f"^{told}") as refused:
        call_with_settings(Settings, settings, base, "place")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("sentence", r"chunker: found 'sentence', expected a path or one of sentences; did you mean sentences\?"),
        ("gone.py", "chunker: gone.py: no such file under"),
        (
            "lines.py",
            r".*lines\.py: found no chunker, expected `chunker = ...`, or the name of one of its classes: lin",
        ),
        ("lines.py:Line", r".*lines\.py: found no Line; did you mean Lines\?"),
        ("helper.py", r".*helper\.py: found no chunker, expected `chunker = ...`$"),
        ({"sentences": {}, "other": {}}, r"chunker: found \['sentences', 'other'\] in one entry, expected one name"),
        ({}, r"chunker: found \[\] in one entry"),
        ({"sentences": 3}, "chunker.sentences: found 3, expected settings by name"),
        ({"sentences": {"token": 3}}, r"chunker\.sentences: found the setting 'token', .*did you mean tokens\?"),
        ({"sentences": {"tokens": 3}}, r"chunker\.sentences\.chunk_tokens: found 3, expected at least 8"),
        ({"named.py": {"k": 3}}, r"chunker\.named: found settings, expected none for what is built in its file"),
    ],
)
def test_what_is_not_found_is_told_in_one_line(given: object, told: str, base: Path) -> None:
    with pytest.raises(DeclarationError, match=f"^{told}") as refused:
        build(given, base)
    assert "\n" not in str(refused.value)


def test_annotations_that_cannot_be_read_are_told(base: Path) -> None:
    def target(k: Missing) -> None:  # type: ignore[name-defined]  # noqa: F821
        pass

    with pytest.raises(DeclarationError, match="place: its annotations cannot be read: name 'Missing' is not defined"):
        call_with_settings(target, {"k": 1}, base, "place")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("k: found 0, expected 1", "place.k: found 0, expected 1"),
        ("k[0]: found 0, expected 1", "place.k[0]: found 0, expected 1"),
        ("/runs/lines.jsonl:1: found no id", "place: /runs/lines.jsonl:1: found no id"),
        ("k.depth: found 0", "place.k.depth: found 0"),
    ],
)
def test_an_error_of_the_target_stands_behind_its_setting_or_the_place(told: str, expected: str, base: Path) -> None:
    def target(k: int = 1) -> None:
        raise DeclarationError(told)

    with pytest.raises(DeclarationError) as refused:
        call_with_settings(target, {"k": 1}, base, "place")
    assert str(refused.value) == expected
