"""How a command ends: every error as one line and an exit code, and a request to stop like Ctrl-C."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

import typer

from rageval.cli.exit_codes import (
    BUDGET_SPENT,
    DISK,
    DONE,
    ENDPOINT_REFUSED,
    GATE_FAILED,
    INTERNAL,
    INTERRUPTED,
    NOT_COMPARABLE,
    OUTPUT_CLOSED,
    WRONG_INPUT,
)
from rageval.errors import BudgetError, IndexBuildError, ModelError, NotComparableError, RagevalError

_EXIT_CODES: tuple[tuple[type[RagevalError], int], ...] = (
    (ModelError, ENDPOINT_REFUSED),
    (IndexBuildError, ENDPOINT_REFUSED),
    (BudgetError, BUDGET_SPENT),
    (NotComparableError, NOT_COMPARABLE),
    (RagevalError, WRONG_INPUT),
)
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM)


def run_to_the_end(app: Callable[[], object]) -> int:
    """Run the app and return its exit code; an error has become one line on standard error."""
    with sigterm_as_ctrl_c():
        code = _run(app)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return code or OUTPUT_CLOSED
    except OSError as error:
        _discard_output()
        return code or tell_disk_error(error, "standard output")
    return code


def tell(message: str) -> None:
    """Print an error as one line on standard error."""
    print("error:", " ".join(message.splitlines()), file=sys.stderr)


def _run(app: Callable[[], object]) -> int:
    try:
        app()
    except SystemExit as ended:
        return _code_of(ended)
    except KeyboardInterrupt:
        return INTERRUPTED
    except RagevalError as error:
        tell(str(error))
        return next(code for kind, code in _EXIT_CODES if isinstance(error, kind))
    except OSError as error:
        if error.errno in _OF_THE_DISK:
            return tell_disk_error(error, "standard output")
        return _tell_internal_error(error)
    except Exception as error:  # noqa: BLE001 (whatever else comes up here is a mistake in rageval)
        return _tell_internal_error(error)
    return DONE


def _code_of(ended: SystemExit) -> int:
    """The code that the command line ended with. typer and rich also exit with 1 where a pipe is broken, but here 1 is
    a failed gate alone.
    """
    cause = ended.__context__
    if isinstance(cause, BrokenPipeError):
        _discard_output()
        return OUTPUT_CLOSED
    code = ended.code if isinstance(ended.code, int) else DONE if ended.code is None else INTERNAL
    if code in (DONE, GATE_FAILED) and not isinstance(cause, typer.Exit):
        return _tell_internal_error(ended)
    return code


def tell_disk_error(error: OSError, place: str) -> int:
    """Print which file could not be written and what to do; `place` is for an error that names no file."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "free space there" if full else "make it writable, or choose another place"
    tell(f"{error.filename or place}: {error.strerror}: {remedy}; what was written before is kept")
    return DISK


def _tell_internal_error(error: BaseException) -> int:
    from rageval.pipeline.failure import redacted, told

    print(redacted("".join(traceback.format_exception(error))), end="", file=sys.stderr)
    tell(
        f"this is a mistake in rageval ({told(error)}): report it as an issue of the repository that you got rageval "
        "from, with the lines above; what was written before is kept"
    )
    return INTERNAL


def _discard_output() -> None:
    """Standard output goes nowhere from here on, so that Python's last flush does not fail as well."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


@contextmanager
def sigterm_as_ctrl_c() -> Generator[None]:
    """Within the block, SIGTERM does what Ctrl-C does: calls under way get their last seconds, and all is kept.

    A shell lets its background jobs ignore Ctrl-C. SIGINT is blocked for these instead, because only the handler of
    Python lets an event loop end in good order.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    blocks = before[signal.SIGINT] is signal.SIG_IGN and hasattr(signal, "pthread_sigmask")
    if blocks:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if blocks:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _interrupt(number: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(number, frame)
    else:
        raise KeyboardInterrupt
