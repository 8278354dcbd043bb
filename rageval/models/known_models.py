"""What is known about a model at an endpoint (what it takes, refuses and offers), kept from one command to the next."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from rageval.io.disk import cannot_write, locked, set_aside, write_atomically
from rageval.types import Json

_log = logging.getLogger("rageval")

FILE = "endpoints.json"
FOUND = "found"
"""The fact that says when the others were found (ISO, UTC)."""

Role: TypeAlias = Literal["chat", "embed", "rerank"]


class KnownModel:
    """Facts about the model with that identity in that role: JSON data by name.

    They are read from `file` once, and `learn` adds to them there; without a file they last as long as the object.
    Several processes may share the file: of two that learn the same fact, the later one stays. A file that cannot be
    read is set aside. Raises DeclarationError where it cannot be written.
    """

    def __init__(self, identity: str, role: Role, file: Path | None = None) -> None:
        self._key = f"{role} {identity}"
        self._file = file
        self._facts: dict[str, Json] = {} if file is None else dict(_read(file).get(self._key, {}))

    @property
    def facts(self) -> Mapping[str, Json]:
        return self._facts

    def tell_facts(self) -> Mapping[str, Json]:
        """The facts; the log says when they were found, so that nothing old goes unnoticed."""
        if self._facts:
            _log.warning(
                "%s: uses what was found on %s; `rageval check --live` renews it",
                self._key.partition(" ")[2],
                str(self._facts.get(FOUND, "?"))[:10],
            )
        return self._facts

    def learn(self, **facts: Json) -> None:
        """Add facts, with the time as that of their finding."""
        self._facts |= facts
        self._write(facts, keep=True)

    def renew(self, facts: Mapping[str, Json]) -> None:
        """Put these facts in the place of all others."""
        self._facts = dict(facts)
        self._write(facts, keep=False)

    def whole(self, name: str) -> int | None:
        """The fact of that name where it is a whole number above 0, else None."""
        value = self._facts.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None

    def names(self, name: str) -> frozenset[str]:
        """The fact of that name where it is a list of names, else nothing."""
        value = self._facts.get(name)
        return frozenset(one for one in value if isinstance(one, str)) if isinstance(value, list) else frozenset()

    def _write(self, facts: Mapping[str, Json], *, keep: bool) -> None:
        """Write the facts, beside the others in the file or in their place."""
        found = datetime.now(UTC).isoformat(timespec="seconds")
        self._facts[FOUND] = found
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with locked(self._file):
                kept = _read(self._file)
                kept[self._key] = {**(kept.get(self._key, {}) if keep else {}), **facts, FOUND: found}
                write_atomically(self._file, json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True))
        except OSError as error:
            raise cannot_write(self._file, error) from None


def _read(file: Path) -> dict[str, dict[str, Json]]:
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise cannot_write(file, error) from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in cast("dict[str, Any]", found).values()):
        set_aside([file], "cannot be read")
        return {}
    return cast("dict[str, dict[str, Json]]", found)
