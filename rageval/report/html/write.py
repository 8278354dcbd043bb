"""`rageval report`: runs as one HTML file, or, where that would be large, a file and a folder of shards beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import rageval
from rageval.errors import DeclarationError
from rageval.io.run_folder import replace_lines
from rageval.report.html.page import Page, packed, page_text
from rageval.report.html.summary import ReadRuns, read_runs, summary
from rageval.report.html.texts import QUESTIONS_A_BLOCK, blocks
from rageval.scores.sharing import ClusterBy
from rageval.types import Json

SHARDS_ABOVE_MB = 60.0
SCRIPTS = (
    "charts.js", "words.js", "texts.js", "list.js", "pages.js", "matrix.js", "question.js", "compare.js", "report.js",
)  # fmt: skip

OnQuestions = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """`shards` is the folder beside the file that holds the texts, None where they are in the file. `size` is in bytes,
    of the file and the folder together.
    """

    path: Path
    shards: Path | None
    size: int
    questions: int


def write_report(
    runs: Sequence[str | Path],
    path: str | Path,
    *,
    cluster_by: ClusterBy | None = None,
    by: Sequence[str] = (),
    other_corpus: bool = False,
    shards_above_mb: float | None = SHARDS_ABOVE_MB,
    language: str = "",
    on_questions: OnQuestions = lambda done, total: None,
) -> WrittenReport:
    """Write the HTML report of finished runs over the same questions; open it in a browser, no network is needed.

    Where the texts would take more than `shards_above_mb` megabytes (None for no limit), they go into a folder beside
    the file, named after it, from which the page loads them as they are needed. `language` (`en` or `zh`) is that of
    the interface at first; by default the browser's. `on_questions` is told how many of how many questions are done.

    Raises what `read_leaderboard` raises, and DeclarationError for a path that cannot be written.
    """
    target = Path(path).expanduser()
    if target.is_dir():
        raise DeclarationError(f"{target}: found a folder, expected a file for the report, such as report.html")
    read = read_runs([Path(run) for run in runs], cluster_by=cluster_by, by=by, other_corpus=other_corpus)
    data = report_data(read, summary(read, cluster_by=cluster_by, other_corpus=other_corpus))
    parts = ((f"questions-{number}", packed(part)) for number, part in enumerate(blocks(read, on_questions)))
    folder = target.with_name(f"{target.stem}_files")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        kept, rest = _held(parts, shards_above_mb)
        if rest is None:
            _remove(folder)
            replace_lines(target, page_text(report_page(data), data, kept, language=language))
            return WrittenReport(target, None, target.stat().st_size, len(read.questions))
        folder.mkdir(exist_ok=True)
        _remove(folder, keep_folder=True)
        size = sum(_write_shard(folder, *part) for part in _chained(kept, rest))
        sharded: dict[str, Json] = {**data, "shards": folder.name}
        replace_lines(target, page_text(report_page(sharded), sharded, language=language))
    except OSError as error:
        place = error.filename or target
        raise DeclarationError(f"{place}: cannot be written ({error.strerror}): choose another file") from None
    return WrittenReport(target, folder, size + target.stat().st_size, len(read.questions))


def report_data(read: ReadRuns, known: Mapping[str, Json]) -> dict[str, Json]:
    """What the page starts with: `summary`, and how its texts are stored."""
    return {
        **known,
        "version": rageval.__version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "block_size": QUESTIONS_A_BLOCK,
        "shards": None,
        "server": None,
    }


def report_page(data: Mapping[str, Json]) -> Page:
    """The page of that data."""
    return Page(
        f"rageval: {data['benchmark']}",
        SCRIPTS,
        ("report.css",),
        ("report.yaml",),
        connects=data["server"] is not None,
        loads_shards=data["shards"] is not None,
    )


Part = tuple[str, str]


def _held(parts: Iterator[Part], most_mb: float | None) -> tuple[Iterator[Part] | list[Part], Iterator[Part] | None]:
    """The parts while they fit in one file; the rest is None where all do."""
    if most_mb is None:
        return parts, None
    held: list[Part] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part[1])
        if size > most_mb * 1e6:
            return held, parts
    return held, None


def _chained(first: Iterator[Part] | list[Part], rest: Iterator[Part]) -> Iterator[Part]:
    yield from first
    yield from rest


def _write_shard(folder: Path, name: str, text: str) -> int:
    """A script that hands the text to the page; its size."""
    shard = folder / f"{name}.js"
    replace_lines(shard, [f'ragevalShard("{name}","{text}");\n'])
    return shard.stat().st_size


def _remove(folder: Path, *, keep_folder: bool = False) -> None:
    """Shards of an earlier report, and their folder where nothing else is in it."""
    for shard in folder.glob("questions-*.js"):
        shard.unlink()
    if not keep_folder and folder.is_dir():
        with suppress(OSError):
            os.rmdir(folder)  # noqa: PTH106
