"""Exceptions as failures: type, message and traceback, as text that can be kept, without keys."""

from __future__ import annotations

import os
import re
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from traceback import FrameSummary
from typing import cast

from rageval.errors import STOPS_THE_RUN, RagevalError
from rageval.types import Failure

_LONGEST_LINE = 300
_LONGEST_MESSAGE = 2000
_LONGEST_TRACEBACK = 4000
_MOST_OWN_FRAMES = 12
_MOST_OTHER_FRAMES = 6
_MOST_ERRORS = 6

_RAGEVAL = str(Path(__file__).parents[1]) + os.sep
_PYTHON = (*{sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib")}, "<frozen")
_PACKAGES = tuple({sysconfig.get_path(name) + os.sep for name in ("purelib", "platlib")})
_PACKAGE_FOLDER = re.compile(r".*[\\/](?:site|dist)-packages[\\/]")

_SHORTEST_SECRET = 8
_NAME_OF_A_SECRET = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)
_SECRETS = (
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), r"\1 ***"),
    (re.compile(r"\b(?:sk|gsk|xai|hf|ghp)[-_][\w-]{8,}"), "***"),
    (
        re.compile(
            r"((?:api|access|secret|auth|client)[-_]?(?:key|token|secret)|authorization|password)"
            r"(\\?[\"']?\s*[:=]\s*)(?!\*\*\*|Bearer |Basic )(\\?[\"'])?[^\s\"'\\,;&)}\]]+",
            re.IGNORECASE,
        ),
        r"\1\2\3***",
    ),
    (re.compile(r"([?&](?:key|token|sig|signature)=)[^\s&\"']+", re.IGNORECASE), r"\1***"),
)


def failure_of(error: BaseException) -> Failure:
    """The failure of the question at which the error was raised."""
    return Failure(type(error).__name__, redacted(_message(error))[:_LONGEST_MESSAGE], traceback_of(error))


def stopping_error(error: BaseException) -> RagevalError | None:
    """Return the error that must stop the run: this one, or one in an exception group; None if there is none."""
    if isinstance(error, STOPS_THE_RUN):
        return error
    return next((found for inner in _inner(error) if (found := stopping_error(inner)) is not None), None)


def raise_what_stops(error: BaseException) -> None:
    """Raise the error that must stop the run (see `stopping_error`), if there is one."""
    stopping = stopping_error(error)
    if stopping is not None:
        raise stopping


def told(error: BaseException) -> str:
    """Type and message, on one line of at most 300 characters."""
    return redacted(" ".join(f"{type(error).__name__}: {_message(error)}".split()))[:_LONGEST_LINE]


def told_with_place(error: BaseException) -> str:
    """As `told`, with `(my_chunker.py, line 12)` where code of the user's own raised the error."""
    frames = [frame for frame in _frames(error) if _is_own(frame)]
    place = f" ({_shown_path(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""
    return told(error) + place


def traceback_of(error: BaseException) -> str:
    """Return where the error was raised and what caused it, in about 4,000 characters at most.

    For each error, the notes and the frames of the user's own code come first, then the frames of the code it called.
    Errors that rageval raised on purpose omit the frames of rageval and Python, since their message is enough. Returns
    "" if nothing is left.
    """
    parts: list[str] = []
    found_frames = False
    for relation, one in _with_causes(error):
        frames = _frames(one)
        own = [frame for frame in frames if _is_own(frame)]
        called = frames[frames.index(own[0]) :] if own else frames
        other = [frame for frame in called if frame not in own and not _says_nothing(frame, one)]
        found_frames = found_frames or bool(own or other or _notes(one))
        parts += [f"{relation}{told(one)}\n", *_notes(one)]
        parts += _shown_frames(own, _MOST_OWN_FRAMES)
        if other:
            parts += ["  in packages:\n", *_shown_frames(other, _MOST_OTHER_FRAMES)]
    text = redacted("".join(parts)).rstrip()
    if len(text) > _LONGEST_TRACEBACK:
        text = text[:_LONGEST_TRACEBACK].rpartition("\n")[0] + "\n  …"
    return text if found_frames else ""


def redacted(text: str) -> str:
    """The text with *** in place of what looks like a key: values of environment variables with such names too."""
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST_SECRET and _NAME_OF_A_SECRET.search(name):
            text = text.replace(value, "***")
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _inner(error: BaseException) -> tuple[BaseException, ...]:
    """The exceptions of a group; none of any other."""
    return cast("BaseExceptionGroup[BaseException]", error).exceptions if isinstance(error, BaseExceptionGroup) else ()


def _notes(error: BaseException) -> list[str]:
    """What was added to the error by `add_note`, indented."""
    notes: list[object] = getattr(error, "__notes__", [])
    return [f"  {line}\n" for note in notes for line in str(note).splitlines()]


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as raised:  # noqa: BLE001 (an exception class of the user's own may fail here too)
        return f"(its message cannot be read: {type(raised).__name__})"


def _with_causes(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    """Yield the error, the errors in a group, and their causes, each with its relation to the one before it."""
    seen: set[int] = set()
    left = [("", error)]
    while left and len(seen) < _MOST_ERRORS:
        relation, one = left.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield relation, one
        left += [("one of them: ", inner) for inner in _inner(one)]
        if one.__cause__ is not None:
            left.append(("caused by ", one.__cause__))
        elif one.__context__ is not None and not one.__suppress_context__:
            left.append(("while handling ", one.__context__))


def _frames(error: BaseException) -> list[FrameSummary]:
    return list(traceback.extract_tb(error.__traceback__))


def _is_own(frame: FrameSummary) -> bool:
    """Whether the frame is of the user's own code: no file of rageval, of Python or of an installed package."""
    path = frame.filename
    return not (path.startswith((_RAGEVAL, *_PYTHON, *_PACKAGES)) or _PACKAGE_FOLDER.match(path))


def _says_nothing(frame: FrameSummary, error: BaseException) -> bool:
    in_python = frame.filename.startswith(_PYTHON) and not _PACKAGE_FOLDER.match(frame.filename)
    return isinstance(error, RagevalError) and (in_python or frame.filename.startswith(_RAGEVAL))


def _shown_frames(frames: list[FrameSummary], most: int) -> Iterator[str]:
    """The last of the frames, as Python shows them."""
    if len(frames) > most:
        yield f"  … {len(frames) - most} more\n"
    for frame in frames[-most:]:
        yield f'  File "{_shown_path(frame.filename)}", line {frame.lineno}, in {frame.name}\n'
        if frame.line:
            yield f"    {frame.line[:_LONGEST_LINE]}\n"


def _shown_path(path: str) -> str:
    """Return the path relative to the current directory or the packages folder, if it lies in one of them."""
    if path.startswith(_RAGEVAL):
        return str(Path("rageval", path.removeprefix(_RAGEVAL)))
    shorter = _PACKAGE_FOLDER.sub("", path)
    for folder in _PYTHON:
        shorter = shorter.removeprefix(folder)
    try:
        return str(Path(shorter).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return shorter
