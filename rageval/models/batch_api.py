"""OpenAI's files and batches: many chat calls in one file, which the endpoint works through within a day."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, BinaryIO
from urllib.parse import quote

from rageval.errors import ExecutionError, ModelError
from rageval.models.endpoint import Endpoint
from rageval.models.json_parts import as_list, as_object
from rageval.models.refused_call import NotFoundError, RejectedError
from rageval.models.retry_after import back_off
from rageval.models.wire import one_line

_CALL = "/v1/chat/completions"
_ENDED = ("completed", "failed", "expired", "cancelled")
_CLOCKS_DIFFER_S = 86_400.0
_REMEDY = "`transport: direct` makes the same calls without batches"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as its endpoint describes it. `files` hold the results of its requests, good or bad; `told` is the
    endpoint's error for the batch as a whole.
    """

    id: str
    status: str
    files: tuple[str, ...] = ()
    told: str = ""

    @property
    def ended(self) -> bool:
        return self.status in _ENDED


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """The result of one request: an HTTP status and its body; status 0 where the request was never made."""

    key: str
    status: int
    body: Any


def line(endpoint: Endpoint, key: str, payload: dict[str, Any]) -> bytes:
    """A request as a line of the file that is submitted."""
    request = {"custom_id": key, "method": "POST", "url": _CALL, "body": endpoint.body(payload)}
    return json.dumps(request).encode() + b"\n"


async def upload(endpoint: Endpoint, content: bytes) -> str:
    """Upload a file of such lines and return its name. This costs nothing until a batch is made of the file.

    Raises `ModelError` where the endpoint takes no such files, `ExecutionError` where the upload failed this time.
    """
    try:
        told = await endpoint.upload("/files", "rageval.jsonl", content, {"purpose": "batch"})
    except NotFoundError as error:
        raise ModelError(f"{endpoint.identity}: takes no batches ({error}): {_REMEDY}") from None
    except RejectedError as error:
        raise _refused(endpoint, error) from None
    return _id(endpoint, told, "file")


async def create(endpoint: Endpoint, file: str, begun: float) -> str:
    """Create a batch of that file and return its name. Only one is made, even if the endpoint's answer is lost.

    Before a second attempt, the endpoint's list of batches is searched for the first. Raises as `upload`.
    """
    payload = {"input_file_id": file, "endpoint": _CALL, "completion_window": "24h"}
    for attempt in count():
        try:
            return _id(endpoint, await endpoint.post_once("/batches", payload), "batch")
        except NotFoundError as error:
            raise ModelError(f"{endpoint.identity}: takes no batches ({error}): {_REMEDY}") from None
        except RejectedError as error:
            raise _refused(endpoint, error) from None
        except ExecutionError:
            await asyncio.sleep(back_off(attempt))
            found = await find(endpoint, file, begun)
            if found is not None:
                return found
            if attempt == endpoint.limits.max_retries:
                raise
    raise AssertionError("the loop has no end")


async def find(endpoint: Endpoint, file: str, begun: float) -> str | None:
    """Return the batch made of that file since a Unix time, or None. Finds only batches that the endpoint lists."""
    after = ""
    while True:
        try:
            page = await endpoint.get(f"/batches?limit=100{after}")
        except NotFoundError:
            return None
        listed = [as_object(entry) for entry in as_list(as_object(page).get("data"))]
        for entry in listed:
            if entry.get("input_file_id") == file:
                return _id(endpoint, entry, "batch")
        oldest = listed[-1].get("created_at") if listed else None
        if not as_object(page).get("has_more") or not isinstance(oldest, int | float):
            return None
        if oldest < begun - _CLOCKS_DIFFER_S:
            return None
        after = f"&after={quote(str(listed[-1].get('id')), safe='')}"


async def look(endpoint: Endpoint, batch: str) -> Batch:
    """How a batch stands. Raises `NotFoundError` where the endpoint does not know it."""
    told = as_object(await endpoint.get(f"/batches/{quote(batch, safe='')}"))
    status = told.get("status")
    if not isinstance(status, str):
        raise ExecutionError(f"{endpoint.identity}: found no status of {batch} in {one_line(told)}")
    files = [told.get(name) for name in ("output_file_id", "error_file_id")]
    wrong = [endpoint.told({"error": error}) for error in as_list(as_object(told.get("errors")).get("data"))]
    return Batch(batch, status, tuple(file for file in files if isinstance(file, str) and file), "; ".join(wrong[:3]))


async def download(endpoint: Endpoint, file: str, into: BinaryIO) -> None:
    """Write a file of a batch to an empty file, which stays empty if the endpoint no longer has the content."""
    try:
        await endpoint.download(f"/files/{quote(file, safe='')}/content", into)
    except NotFoundError:
        return


def outcomes(lines: BinaryIO) -> Iterator[BatchOutcome]:
    """Yield the outcomes of the requests in a file of a batch, in any order. Skips lines that cannot be read."""
    lines.seek(0)
    for text in lines:
        try:
            said = as_object(json.loads(text))
        except (ValueError, RecursionError):
            continue
        key, response = said.get("custom_id"), as_object(said.get("response"))
        if not isinstance(key, str):
            continue
        status = response.get("status_code")
        if isinstance(status, int) and not said.get("error"):
            yield BatchOutcome(key, status, response.get("body"))
        else:
            yield BatchOutcome(key, 0, {"error": said.get("error")})


def _refused(endpoint: Endpoint, error: RejectedError) -> ModelError:
    return ModelError(f"{endpoint.identity}: refuses the batch: {error.told}: {_REMEDY}")


def _id(endpoint: Endpoint, told: Any, what: str) -> str:
    found = as_object(told).get("id")
    if not isinstance(found, str) or not found:
        raise ExecutionError(f"{endpoint.identity}: found no id of a {what} in {one_line(told)}")
    return found
