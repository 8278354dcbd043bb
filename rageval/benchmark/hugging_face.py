"""Hugging Face datasets, from the hub or from files: one row a question, or a retrieval set like those of BEIR, MTEB.

The package `datasets` is imported when a dataset is loaded and not before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias, cast

from rageval.benchmark.labels import parse_label
from rageval.benchmark.published import STANDARD, published_layout
from rageval.benchmark.question_rows import choose_columns, from_question_rows, roles_text, whole_number
from rageval.benchmark.records import Rows, parse_document, parse_question
from rageval.benchmark.validate import assemble, keep_labelled_questions
from rageval.errors import BenchmarkError, DeclarationError
from rageval.extras import need_package
from rageval.io.label_rows import DOCUMENT_COLUMNS, GRADE_COLUMNS, QUESTION_COLUMNS
from rageval.io.text_lines import JSON_LINES
from rageval.io.tolerance import new_problems
from rageval.types import Benchmark, Card, Document, Question, RelevanceLabel

Row: TypeAlias = Mapping[str, object]

DEFAULT_SPLIT = "test"

_HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_READERS = {".parquet": "parquet", ".arrow": "arrow", **dict.fromkeys(JSON_LINES, "json"), ".csv": "csv"}
_IDS = ("_id", "id")


def load_hugging_face(
    name: str,
    *,
    config: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    columns: Mapping[str, str] | None = None,
    limit: int | None = None,
    base: Path | None = None,
    strict: bool = False,
) -> Benchmark:
    """A benchmark from a Hugging Face dataset (extra `datasets`).

    `name` is that of a dataset on the hub, or the path (relative to `base`, by default the current directory) of a
    folder or file of Parquet, Arrow, JSON or CSV, or of a folder that `save_to_disk` wrote; what is at that path goes
    before the hub. `split` is by default `test` where there is one, else the only one. `revision` (a commit, tag or
    branch) pins a dataset of the hub.

    A dataset with the configs `corpus` and `queries` (or splits of these names) is a retrieval set: its labels are the
    config `qrels` or `default`, or the dataset NAME-qrels, of which `split` is taken; its questions are those that
    it labels (all where there are no labels), and the first `limit` of them. With a `config` that is the language
    of a multilingual set, these configs begin with it, as in `zh-corpus`. Any other dataset, and every one whose
    `columns` are given, has one row a question: in one of the published layouts of `rageval.benchmark.published`,
    else see `from_question_rows`, and `USUAL` for the columns' keys and the names taken by default. Of it `limit`
    streams the first rows; nothing more is downloaded. What is irregular is counted in `tolerated`, or with
    `strict` refused.

    The card's `source` says dataset, config, split, and the commit that was loaded. Raises DeclarationError for
    arguments that do not fit, and its subclass BenchmarkError where the hub cannot be reached, or a config, split or
    column is missing.
    """
    need_package("datasets", "datasets", "a benchmark hf:NAME")
    if limit is not None and limit < 1:
        raise DeclarationError(f"limit: found {limit}, expected at least 1")
    place = reference_of(name, config, split)
    source = _find(name, revision, place, base or Path())
    if not columns and (parts := _retrieval_parts(source, config, place)):
        return _load_retrieval(source, config, parts, split, limit, place, strict=strict)
    table = _open(source, config, place)
    if not columns and {"corpus", "queries"} <= set(table.splits):
        parts = _Parts(table, table, _open_labels(source, None, place))
        return _load_retrieval(source, config, parts, split, limit, place, strict=strict)
    chosen = _choose_split(table, split, place)
    names, rows = table.read(chosen, limit)
    card = Card(_title(source, config), "", table.licence, _source([(table, chosen)]))
    if not columns and (layout := published_layout(names)):
        card = replace(card, description=f"one row a question, as in {layout.name}: {layout.roles}")
        return from_question_rows(card, layout.rows(rows, place), STANDARD, place, strict=strict)
    roles = choose_columns(columns or {}, names, place)
    card = replace(card, description=f"one row a question: {roles_text(roles)}")
    return from_question_rows(card, rows, roles, place, strict=strict)


def reference_of(name: str, config: str | None, split: str | None) -> str:
    """`hf:NAME`, `hf:NAME:CONFIG` or `hf:NAME:CONFIG:SPLIT`."""
    words = ["hf", name, config or "", split or ""]
    return ":".join(words).rstrip(":")


def split_reference(text: str) -> tuple[str, str | None, str | None]:
    """Name, config and split of what stands behind `hf:`."""
    name, *rest = text.split(":")
    if not name or len(rest) > 2:
        raise DeclarationError(f"benchmark: found hf:{text}, expected hf:NAME, hf:NAME:CONFIG or hf:NAME:CONFIG:SPLIT")
    config, split = (*rest, "", "")[:2]
    return name, config or None, split or None


@dataclass(frozen=True, slots=True)
class _Source:
    """A dataset on the hub, or at a path."""

    name: str
    path: Path | None = None
    revision: str | None = None

    @property
    def labels(self) -> _Source:
        """The dataset beside this one that holds its relevance labels; a revision is none of its own."""
        name = f"{self.name.rstrip('/')}-qrels"
        return _Source(name, self.path and self.path.with_name(f"{self.path.name}-qrels"))


@dataclass(frozen=True, slots=True)
class _Table:
    """One config of a dataset. `splits` are its rows as streams; `prepare` gives a split whole, from disk."""

    name: str
    config: str
    splits: Mapping[str, Any]
    prepare: Callable[[str], Any]
    commit: str = ""
    licence: str = "unknown"
    place: str = ""

    def read(self, split: str, limit: int | None = None) -> tuple[list[str], Iterator[Row]]:
        """The names of the columns, and the rows."""
        with _told(self.place):
            rows = self.prepare(split) if limit is None else self.splits[split].take(limit)
            names: list[str] | None = rows.column_names
            if names is None:  # a stream of JSON knows its columns only by its rows
                names = [*next(iter(rows), cast("Row", {}))]
        return names, _guarded(rows, self.place)


@dataclass(frozen=True, slots=True)
class _Parts:
    corpus: _Table
    queries: _Table
    labels: _Table | None


def _datasets() -> Any:
    """Returns the package. By default it counts downloads and sends its versions to the hub; this turns both off."""
    os.environ.setdefault("HF_UPDATE_DOWNLOAD_COUNTS", "0")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    return import_module("datasets")


@contextmanager
def _told(place: str) -> Generator[None]:
    """Turns an error of the library in the block into a BenchmarkError on one line."""
    try:
        yield
    except BenchmarkError:
        raise
    except Exception as error:  # noqa: BLE001 (its readers and its transport raise what they like)
        words = " ".join(str(error).split())[:300]
        if isinstance(error, ConnectionError) or type(error).__module__.startswith("httpx"):
            problem = f"the Hugging Face Hub cannot be reached ({words}): connect, or load it once while connected"
        else:
            problem = f"cannot be loaded ({type(error).__name__}: {words})"
        raise BenchmarkError([f"{place}: {problem}"]) from None


def _guarded(rows: Iterable[Row], place: str) -> Iterator[Row]:
    with _told(place):
        yield from rows


def _find(name: str, revision: str | None, place: str, base: Path) -> _Source:
    path = base / name
    if path.exists():
        if revision is not None:
            raise DeclarationError(f"{place}: found the revision {revision!r} for a path, expected none: pin the files")
        return _Source(name, path)
    if not _HUB_NAME.fullmatch(name) or _suffix(Path(name)) in _READERS:
        raise BenchmarkError([f"{path}: found no such file or folder, expected a dataset there, or a name on the hub"])
    return _Source(name, None, revision)


def _suffix(path: Path) -> str:
    """The suffix in lower case, without that of compression."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def _open(source: _Source, config: str | None, place: str) -> _Table:
    with _told(place):
        return _table(source, config, place)


def _open_if_there(source: _Source, config: str, place: str) -> _Table | None:
    """Opens the config, or returns None if the library finds the dataset but not the config."""
    with _told(place):
        try:
            return _table(source, config, place)
        except ValueError:
            return None


def _table(source: _Source, config: str | None, place: str) -> _Table:
    library = _datasets()
    path = source.path
    if path is None:
        builder = library.load_dataset_builder(source.name, config, revision=source.revision)
        _check_revision(builder, source, place)
    elif path.is_file():
        if _suffix(path) not in _READERS or config is not None:
            expected = f"a file without config, one of *{', *'.join(_READERS)}"
            raise BenchmarkError([f"{place}: found the file {path.name}, expected {expected}"])
        builder = library.load_dataset_builder(_READERS[_suffix(path)], data_files=str(path.resolve()))
    elif (path / "state.json").is_file() or (path / "dataset_dict.json").is_file():
        saved = library.load_from_disk(str(path))
        splits = cast("dict[str, Any]", saved if isinstance(saved, dict) else {str(saved.split or "all"): saved})
        return _Table(source.name, config or "", splits, splits.__getitem__, place=place)
    else:
        builder = library.load_dataset_builder(str(path.resolve()), config)
    commit = builder.hash if path is None and _COMMIT.fullmatch(builder.hash or "") else ""

    def prepare(split: str) -> Any:
        builder.download_and_prepare()
        return builder.as_dataset(split=split)

    name = builder.config.name if path is None or config else ""
    licence = builder.info.license or "unknown"
    return _Table(source.name, name, builder.as_streaming_dataset(), prepare, commit, licence, place)


def _check_revision(builder: Any, source: _Source, place: str) -> None:
    """When the hub is unreachable the library uses its last copy, whatever revision was asked for."""
    cached = type(builder).__module__.endswith("packaged_modules.cache.cache")
    if cached and source.revision not in (None, builder.hash):
        found = f"the copy on this machine is commit {builder.hash}, expected revision {source.revision}"
        remedy = "connect, or ask for that commit"
        raise BenchmarkError([f"{place}: the Hugging Face Hub cannot be reached, and {found}: {remedy}"])


def _retrieval_parts(source: _Source, config: str | None, place: str) -> _Parts | None:
    if source.path is not None and (source.path.is_file() or not (source.path / "README.md").is_file()):
        return None  # without a card there are no configs
    before = f"{config}-" if config else ""
    corpus = _open_if_there(source, f"{before}corpus", place)
    queries = _open_if_there(source, f"{before}queries", place) if corpus else None
    if corpus is None or queries is None:
        return None
    for name in (f"{before}qrels", config or "default"):
        if labels := _open_if_there(source, name, place):
            return _Parts(corpus, queries, labels)
    return _Parts(corpus, queries, _open_labels(source, config, place))


def _open_labels(source: _Source, config: str | None, place: str) -> _Table | None:
    """The dataset of labels beside this one, or None where there is no such dataset."""
    beside = source.labels
    if beside.path is not None and not beside.path.exists():
        return None
    with _told(place):
        try:
            return _table(beside, config, place)
        except _datasets().exceptions.DatasetNotFoundError:
            return None


def _load_retrieval(
    source: _Source,
    config: str | None,
    parts: _Parts,
    split: str | None,
    limit: int | None,
    place: str,
    *,
    strict: bool,
) -> Benchmark:
    problems = new_problems(strict=strict)
    of_corpus = "corpus" if "corpus" in parts.corpus.splits else _choose_split(parts.corpus, None, place)
    of_queries = "queries" if "queries" in parts.queries.splits else _choose_split(parts.queries, None, place)
    read = [(parts.corpus, of_corpus), (parts.queries, of_queries)]
    labels, described = Rows[RelevanceLabel](f"{place} (labels)"), "retrieval set without labels"
    if parts.labels is not None:
        of_labels = _choose_split(parts.labels, split, place)
        labels, described = _labels(parts.labels, of_labels, problems), f"retrieval set, split {of_labels}"
        read.append((parts.labels, of_labels))
        if not labels.records and not labels.refused:
            problems.append(f"{labels.place}: found no labels, expected at least one")
    elif split is not None:
        raise BenchmarkError([f"{place}: found no labels to take the split {split!r} of, expected a set with labels"])
    questions = _records(parts.queries, of_queries, "queries", _parse_question, problems)
    keep_labelled_questions(questions, labels)
    if limit is not None:
        left_out = {question.id for _, question in questions.records[limit:]}
        questions.records = questions.records[:limit]
        labels.records = [(here, label) for here, label in labels.records if label.question_id not in left_out]
    documents = _records(parts.corpus, of_corpus, "corpus", _parse_document, problems)
    card = Card(_title(source, config), described, parts.corpus.licence, _source(read))
    return assemble(card, documents, questions, labels, problems, labels_optional=True)


def _records(
    table: _Table,
    split: str,
    part: str,
    parse: Callable[[Mapping[str, object], str, list[str]], Any],
    problems: list[str],
) -> Rows[Any]:
    names, rows = table.read(split)
    found = Rows[Any](f"{table.place} ({part})")
    id_column, text = _column(_IDS, names, found.place), _column(("text",), names, found.place)
    for number, row in enumerate(rows):
        here = f"{found.place}[{number}]"
        fields = {"id": _as_id(row[id_column]), "text": row[text], "title": row.get("title", "")}
        found.add(here, parse(fields, here, problems), fields["id"])
    return found


def _parse_document(fields: Mapping[str, object], here: str, problems: list[str]) -> Document | None:
    return parse_document(fields, here, problems, title_suffices=True)


def _parse_question(fields: Mapping[str, object], here: str, problems: list[str]) -> Question | None:
    return parse_question({key: fields[key] for key in ("id", "text")}, here, problems)


def _labels(table: _Table, split: str, problems: list[str]) -> Rows[RelevanceLabel]:
    names, rows = table.read(split)
    found = Rows[RelevanceLabel](f"{table.place} (labels)")
    columns = [_column(usual, names, found.place) for usual in (QUESTION_COLUMNS, DOCUMENT_COLUMNS, GRADE_COLUMNS)]
    for number, row in enumerate(rows):
        here = f"{found.place}[{number}]"
        question_id, doc_id = (str(_as_id(row[column])) for column in columns[:2])
        grade = str(row[columns[2]])
        found.add(here, parse_label(question_id, doc_id, grade, "", "", here, problems), question_id)
    return found


def _column(usual: Sequence[str], there: Sequence[str], place: str) -> str:
    for name in usual:
        if name in there:
            return name
    names = ", ".join(there)
    raise BenchmarkError([f"{place}: found no column {' or '.join(usual)}, expected it among those there: {names}"])


def _as_id(value: object) -> object:
    """Ids that a table holds as whole numbers, also as floats, as integers; no id as an empty text."""
    number = whole_number(value)
    return number if number is not None else "" if value is None else value


def _choose_split(table: _Table, wanted: str | None, place: str) -> str:
    there = [*table.splits]
    if wanted is None and DEFAULT_SPLIT not in there and len(there) == 1:
        return there[0]
    if wanted is None and DEFAULT_SPLIT not in there:
        raise BenchmarkError([f"{place}: found no split {DEFAULT_SPLIT!r}, expected a choice of: {', '.join(there)}"])
    split = wanted or DEFAULT_SPLIT
    if split not in there:
        raise BenchmarkError([f"{place}: found no split {split!r}, expected one of: {', '.join(there)}"])
    return split


def _title(source: _Source, config: str | None) -> str:
    name = source.path.resolve().stem if source.path else source.name.rpartition("/")[2]
    return f"{name}:{config}" if config else name


def _source(read: Iterable[tuple[_Table, str]]) -> str:
    """Dataset, config, split and commit of all that was read."""
    lines = [
        ", ".join(
            words
            for words in (
                table.name,
                table.config and f"config {table.config}",
                f"split {split}",
                table.commit and f"commit {table.commit}",
            )
            if words
        )
        for table, split in read
    ]
    return f"Hugging Face dataset {'; '.join(cast('Iterable[str]', lines))}"
