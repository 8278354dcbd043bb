"""Exceptions as text: the user's frames first, bounded, and without keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import BudgetError, DeclarationError, ExecutionError, IndexBuildError, ModelError
from rageval.pipeline.check_response import check_response
from rageval.pipeline.failure import failure_of, raise_what_stops, redacted, told
from rageval.types import Failure


def raised(function: Any, *given: Any) -> Exception:
    try:
        function(*given)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def look_up(name: str) -> None:
    {}[name]


def test_type_message_and_place() -> None:
    failure = failure_of(raised(look_up, "index"))
    assert (failure.error, failure.message) == ("KeyError", "'index'")
    first, *lines = failure.traceback.splitlines()
    assert first == "KeyError: 'index'"
    assert lines[-2].strip().startswith(f'File "{Path(__file__).relative_to(Path.cwd())}", line ')
    assert lines[-2].endswith(", in look_up")
    assert lines[-1].strip() == "{}[name]"


def test_the_users_frames_come_before_those_of_packages() -> None:
    failure = failure_of(raised(json.loads, "{"))
    own, packages = failure.traceback.split("  in packages:\n")
    assert "in raised" in own
    assert 'File "json/decoder.py"' in packages


def test_an_error_of_rageval_shows_the_users_frames_alone() -> None:
    failure = failure_of(raised(check_response, 5))
    assert failure.message == "the response: found a int, expected a Response"
    assert "test_failure.py" in failure.traceback
    assert "check_response.py" not in failure.traceback
    assert failure_of(ExecutionError("no reply")) == Failure("ExecutionError", "no reply")


def test_a_cause_is_told() -> None:
    def wrap() -> None:
        try:
            look_up("index")
        except KeyError as error:
            raise RuntimeError("not indexed") from error

    def handle() -> None:
        try:
            look_up("index")
        except KeyError:
            raise RuntimeError("not indexed")  # noqa: B904

    def hide() -> None:
        try:
            look_up("index")
        except KeyError:
            raise RuntimeError("not indexed") from None

    for function, relation in ((wrap, "caused by KeyError: 'index'"), (handle, "while handling KeyError: 'index'")):
        traceback = failure_of(raised(function)).traceback
        assert traceback.startswith("RuntimeError: not indexed\n")
        assert relation in traceback
        assert "in look_up" in traceback
    assert "KeyError" not in failure_of(raised(hide)).traceback


def test_groups_and_notes_are_told() -> None:
    inner = raised(look_up, "index")
    inner.add_note("while reading lake.txt")
    traceback = failure_of(ExceptionGroup("two tasks", [inner, ValueError("other")])).traceback
    assert traceback.startswith("ExceptionGroup: two tasks (2 sub-exceptions)\n")
    assert "one of them: KeyError: 'index'\n  while reading lake.txt\n" in traceback
    assert "one of them: ValueError: other" in traceback


def test_a_chain_that_turns_back_on_itself_ends() -> None:
    error = raised(look_up, "index")
    error.__context__ = KeyError("other")
    error.__context__.__context__ = error
    assert failure_of(error).traceback.count("KeyError: 'index'") == 1


def test_an_error_without_end_is_cut() -> None:
    def deeper(n: int) -> None:
        deeper(n + 1)

    failure = failure_of(raised(deeper, 0))
    assert failure.error == "RecursionError"
    assert len(failure.traceback) < 4100
    assert " more\n" in failure.traceback
    failure = failure_of(ValueError("x" * 100_000))
    assert len(failure.message) == 2000
    assert len(told(ValueError("x\n" * 1000))) == 300


def test_an_error_that_cannot_be_read_is_still_told() -> None:
    class BrokenError(Exception):
        def __str__(self) -> str:
            raise LookupError("no words")

    assert failure_of(BrokenError()) == Failure("BrokenError", "(its message cannot be read: LookupError)")


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-SECRET12345678",
        "headers: {'Authorization': 'Bearer SECRET12345678'}",
        "{'authorization': 'SECRET12345678'}",
        "client = Client(api_key='SECRET12345678', timeout=3)",
        'Client(api_key="SECRET12345678")',
        "x-api-key: SECRET12345678",
        "access_token=SECRET12345678&x=1",
        "GET https://example.org/v1?key=SECRET12345678&q=lake failed",
        "hf_SECRET12345678 is not valid",
        "password: SECRET12345678",
        "the value is FROM-THE-ENVIRONMENT",
    ],
)
def test_keys_are_struck(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_API_KEY", "FROM-THE-ENVIRONMENT")

    def fail() -> None:
        raise ValueError(text)

    failure = failure_of(raised(fail))
    for told_text in (failure.message, failure.traceback):
        assert "SECRET" not in told_text
        assert "ENVIRONMENT" not in told_text
        assert "***" in told_text
    assert redacted(redacted(text)) == redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "Unexpected token: '<' at position 1",
        "max_tokens: found 0, expected at least 1",
        "the key 'title' is missing in row 7",
        "k: found 0 (depth 100), expected 1 <= k <= depth",
        "prompt_tokens=7, completion_tokens=3",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("error", [ModelError("m"), BudgetError("b"), DeclarationError("d"), IndexBuildError("i")])
def test_what_stops_the_run_is_found_in_groups_too(error: Exception) -> None:
    for given in (error, ExceptionGroup("g", [ValueError(), ExceptionGroup("h", [error])])):
        with pytest.raises(type(error)) as found:
            raise_what_stops(given)
        assert found.value is error
    raise_what_stops(ExceptionGroup("g", [ValueError(), ExecutionError("no reply")]))
