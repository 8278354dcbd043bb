"""The error tree.

    RagevalError
    ├── DeclarationError      what was asked for cannot be done; raised before any model call, never retried
    │   ├── BenchmarkError    a benchmark on disk is malformed (carries every problem found)
    │   ├── LabelFileError    a file of people's labels is malformed or fits no run (carries every problem found)
    │   ├── NotComparableError results are missing, or have no question in common, another corpus, another judge
    │   └── MissingExtraError an optional dependency is needed; names the command that installs it
    ├── ExecutionError        something went wrong while running; recorded as a `Failure`, the run goes on
    ├── ModelError            a model endpoint cannot serve the run at all (bad key, unknown model); the run stops
    │   and keeps what it has
    ├── BudgetError           the next call could go beyond the budget; the run stops and keeps what it has
    └── IndexBuildError       what all questions need cannot be built; the run stops and keeps what it has

Every message is one line that says where, what was found, what was expected, and what to do.
"""

from collections.abc import Sequence


class RagevalError(Exception):
    """Base of all errors that rageval raises on purpose; its text is fit for a user's eyes."""


class DeclarationError(RagevalError):
    """The experiment, benchmark or command asks for something impossible. Nothing was spent."""


class BenchmarkError(DeclarationError):
    """A benchmark is malformed.

    `problems` holds one line per problem, each starting with `file:line:` where a line is known.
    The error's own text is the first problem, followed by how many more there are.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        if not problems:
            raise ValueError("a BenchmarkError needs at least one problem")
        self.problems: tuple[str, ...] = tuple(problems)
        more = len(self.problems) - 1
        tail = f" (and {more} more; `rageval check-benchmark` lists all)" if more else ""
        super().__init__(self.problems[0] + tail)


class LabelFileError(DeclarationError):
    """A file of people's labels is malformed, or does not fit the run. `problems` as in `BenchmarkError`."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        more = len(self.problems) - 1
        super().__init__(self.problems[0] + (f" (and {more} more)" if more else ""))


class NotComparableError(DeclarationError):
    """Results are missing, unfinished or unreadable, or were made under conditions that forbid a comparison."""


class MissingExtraError(DeclarationError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        from rageval.extras import install_command  # which imports this module

        self.package = package
        self.extra = extra
        super().__init__(f"{purpose} needs the package {package}: install it with  {install_command(extra)}")


class ExecutionError(RagevalError):
    """One question failed for good (after retries). It is recorded and counted, never dropped."""


class ModelError(RagevalError):
    """The endpoint refuses every call (key, model name, address). Retrying cannot help, so the run stops."""


class BudgetError(RagevalError):
    """The next model call could go beyond the budget, so the run stops."""


class IndexBuildError(RagevalError):
    """What all questions need (an index, the passages of a corpus) cannot be built, so the run stops."""


STOPS_THE_RUN = (DeclarationError, ModelError, BudgetError, IndexBuildError)
"""What ends a run wherever it is raised. Any other exception is the failure of the question at hand."""
