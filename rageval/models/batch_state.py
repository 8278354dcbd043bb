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
    """Requests sent to an endpoint together: started at a Unix time, uploaded as `file`, running as `batch`.

    Without a file, nothing has been started. With a file but no batch, only the endpoint knows whether a batch exists.
    """

    number: int
    begun: float
    file: str | None = None
    batch: str | None = None


class Submissions:
    """Submissions that are not settled yet, in the SQLite file at `path`, which several processes may share.

    Each step is on disk before the next one starts. The file holds no prompts and no API keys, only the keys of
    requests (see `request_key`) and the names of their templates. Raises `DeclarationError` where the file cannot be
    written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = open_database(path, _SCHEMA, _VERSION)

    def begin(self, model: str, prompts: Mapping[str, str]) -> Submission:
        """Start a submission of these requests to that model. `prompts` maps each request's key to the name of its
        template. No request may be in another submission.
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
        """Record that the endpoint has the requests as that file, and that a batch of it is about to be made."""
        with self._writing():
            self._database.execute("UPDATE submissions SET file = ? WHERE number = ?", (file, number))

    def submitted(self, number: int, batch: str) -> None:
        """Record that the endpoint has made that batch of the file."""
        with self._writing():
            self._database.execute("UPDATE submissions SET batch = ? WHERE number = ?", (batch, number))

    def forget(self, number: int) -> None:
        """Delete a submission that is over. Deleting it twice does no harm."""
        with self._writing():
            self._database.execute("DELETE FROM requests WHERE submission = ?", (number,))
            self._database.execute("DELETE FROM submissions WHERE number = ?", (number,))

    def interrupted(self, model: str) -> list[Submission]:
        """Return the submissions to that model that were started and have no known batch."""
        with self._telling():
            rows = self._database.execute(
                "SELECT number, begun, file, batch FROM submissions WHERE model = ? AND batch IS NULL", (model,)
            ).fetchall()
        return [Submission(*row) for row in rows]

    def under_way(self, keys: Iterable[str]) -> dict[str, Submission]:
        """Return, by key, the submissions of those requests that are in a batch."""
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
        """Return the template names of a submission's requests, by request key."""
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
    """Return how many batches in the file at `path` are still running at an endpoint; 0 if the file does not exist."""
    if not path.is_file():
        return 0
    try:
        with closing(sqlite3.connect(path)) as database:
            return int(database.execute("SELECT COUNT(*) FROM submissions WHERE batch IS NOT NULL").fetchone()[0])
    except sqlite3.Error:
        return 0
