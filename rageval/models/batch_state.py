"""Which requests were submitted in which batches, on disk, so that no restart submits them again."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rageval.io.disk import cannot_write, open_database

STATE = "batches.sqlite"

_VERSION = 1
_SCHEMA = (
    """CREATE TABLE submissions (
        number INTEGER PRIMARY KEY, begun REAL NOT NULL, file TEXT, batch TEXT, model TEXT NOT NULL
    )""",
    "CREATE TABLE requests (key TEXT PRIMARY KEY, prompt TEXT NOT NULL, submission INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX requests_of ON requests (submission)",
)


@dataclass(frozen=True, slots=True)
class Submission:
    """Requests that go to an endpoint together: begun at a Unix time, uploaded as `file`, under way as `batch`.

    Without a file nothing was set off. With a file and without a batch, the endpoint alone knows whether there is one.
    """

    number: int
    begun: float
    file: str | None = None
    batch: str | None = None


class Submissions:
    """What was submitted and is not settled, in the SQLite file at `path`, which many processes may share.

    Each step is on disk before the next one is taken. Neither prompts nor keys of endpoints are written, only the keys
    of requests (see `request_key`) and the names of their templates. Raises `DeclarationError` where the file cannot be
    written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = open_database(path, _SCHEMA, _VERSION)

    def begin(self, model: str, prompts: Mapping[str, str]) -> Submission:
        """A new submission to that model of these requests: the names of their templates, by their keys. None of them
        may be in another one.
        """
        begun = time.time()
        with self._writing():
            number = self._database.execute(
                "INSERT INTO submissions (model, begun) VALUES (?, ?)", (model, begun)
            ).lastrowid
            assert number is not None
            self._database.executemany(
                "INSERT INTO requests VALUES (?, ?, ?)", [(key, prompt, number) for key, prompt in prompts.items()]
            )
        return Submission(number, begun)

    def uploaded(self, number: int, file: str) -> None:
        """The requests are at the endpoint as that file, from which a batch is about to be made."""
        with self._writing():
            self._database.execute("UPDATE submissions SET file = ? WHERE number = ?", (file, number))

    def submitted(self, number: int, batch: str) -> None:
        """The endpoint has made that batch of them."""
        with self._writing():
            self._database.execute("UPDATE submissions SET batch = ? WHERE number = ?", (batch, number))

    def forget(self, number: int) -> None:
        """Nothing more is to come of it. Twice does no harm."""
        with self._writing():
            self._database.execute("DELETE FROM requests WHERE submission = ?", (number,))
            self._database.execute("DELETE FROM submissions WHERE number = ?", (number,))

    def interrupted(self, model: str) -> list[Submission]:
        """Those of that model that were begun and have no batch, so far as is known."""
        with self._telling():
            rows = self._database.execute(
                "SELECT number, begun, file, batch FROM submissions WHERE model = ? AND batch IS NULL", (model,)
            ).fetchall()
        return [Submission(*row) for row in rows]

    def under_way(self, keys: Iterable[str]) -> dict[str, Submission]:
        """Of these requests, those that are in a batch, by their keys."""
        found: dict[str, Submission] = {}
        with self._telling():
            for key in keys:
                row = self._database.execute(
                    "SELECT number, begun, file, batch FROM requests JOIN submissions ON number = submission "
                    "WHERE key = ? AND batch IS NOT NULL",
                    (key,),
                ).fetchone()
                if row is not None:
                    found[key] = Submission(*row)
        return found

    def prompts(self, number: int) -> dict[str, str]:
        """The names of the templates of its requests, by the keys of these."""
        with self._telling():
            return dict(self._database.execute("SELECT key, prompt FROM requests WHERE submission = ?", (number,)))

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _writing(self) -> Generator[None]:
        """One transaction."""
        with self._telling():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _telling(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise cannot_write(self._path, error) from None


def batches_under_way(path: Path) -> int:
    """How many batches the file at `path` knows of that go on at an endpoint; 0 where there is no such file."""
    if not path.is_file():
        return 0
    try:
        with closing(sqlite3.connect(path)) as database:
            return int(database.execute("SELECT COUNT(*) FROM submissions WHERE batch IS NOT NULL").fetchone()[0])
    except sqlite3.Error:
        return 0
