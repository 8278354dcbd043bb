"""The embedded graph database in a process of its own: fills it, or runs one query of it.

Run as a script with the path of the database; standard input holds one JSON value, standard output gets another:
`{"statements": [[statement, parameters], ...]}` writes and returns `{}`; `{"query": ..., "seconds": ...}` reads, from a
database that is opened for reading alone, and returns `{"rows": ...}` or `{"error": ...}`. A process of its own, since
the package's library makes its symbols known to all: llama.cpp, loaded after it, would end the process of both. So a
query that runs on can be ended too. Imports nothing of rageval.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

_PACKAGE = "ladybug"
_MEMORY = 256 * 2**20


def main(path: str) -> None:
    """Answer what standard input asks of the database at this path."""
    asked = json.loads(sys.stdin.buffer.read())
    module = import_module(_PACKAGE)
    reads = "query" in asked
    database = module.Database(path, read_only=reads, max_num_threads=1, buffer_pool_size=_MEMORY)
    connection = module.Connection(database)
    try:
        told = _read(connection, asked) if reads else _write(connection, asked["statements"])
    finally:
        connection.close()
        database.close()
    sys.stdout.buffer.write(json.dumps(told, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))


def _read(connection: Any, asked: dict[str, Any]) -> dict[str, Any]:
    connection.set_query_timeout(int(1000 * asked["seconds"]))
    try:
        return {"rows": connection.execute(asked["query"]).get_all()}
    except RuntimeError as error:
        return {"error": " ".join(str(error).split())}


def _write(connection: Any, statements: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    for statement, parameters in statements:
        connection.execute(statement, parameters)
    return {}


if __name__ == "__main__":
    main(sys.argv[1])
