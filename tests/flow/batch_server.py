"""The fake server with OpenAI's files and batches, which end as they are told."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.flow.fake_server import Canned, FakeServer, Received, friendly


@dataclass
class End:
    """How a batch ends, after so many looks at it: its status, and which of its requests it does not get to.

    `errors` are those of the whole batch; `garbage` are lines between the good ones of its output.
    """

    status: str = "completed"
    looks: int = 1
    leaves: Callable[[Received], bool] = lambda _: False
    errors: list[dict[str, Any]] = field(default_factory=list)
    garbage: tuple[bytes, ...] = ()


class BatchServer(FakeServer):
    """`respond` answers requests in batches too: `batched` lists those that were paid for, `files` what was uploaded.

    A batch is worked through, and paid for, as soon as it is made, whether anybody looks at it or not. `end` says how
    it ends, by its number from 0; none is seen to end while `held`. `on` is told of every step, before it is answered:
    `upload`, `refuse` (before a batch is made), `create`, `list`, `look` or `download`; it may return an answer to be
    given instead.
    """

    def __init__(self, respond: Callable[[Received], Canned] = friendly) -> None:
        super().__init__(respond)
        self.batched: list[Received] = []
        self.files: dict[str, bytes] = {}
        self.made: list[dict[str, Any]] = []
        self.steps: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.held = False
        self.end: Callable[[int], End] = lambda _: End()
        self.on: Callable[[str], Canned | None] = lambda _: None
        self._looks: Counter[str] = Counter()
        self._ends: dict[str, tuple[int, dict[str, Any]]] = {}

    @property
    def times_paid(self) -> Counter[str]:
        """How often each chat request was answered, in a batch or directly, and so paid for."""
        direct = [received for received in self.received if received.path.endswith("/chat/completions")]
        return Counter(json.dumps(received.payload, sort_keys=True) for received in (*self.batched, *direct))

    @property
    def direct(self) -> list[Received]:
        """The chat requests that were made directly."""
        return [received for received in self.received if received.path.endswith("/chat/completions")]

    def sent(self, number: int) -> list[dict[str, Any]]:
        """The lines of the file of a batch."""
        return [json.loads(line) for line in self.files[self.made[number]["input_file_id"]].splitlines()]

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        super()._add_routes(router)
        router.add_post("/v1/files", self._upload)
        router.add_get("/v1/files/{file}/content", self._download)
        router.add_post("/v1/batches", self._create)
        router.add_get("/v1/batches", self._list)
        router.add_get("/v1/batches/{batch}", self._look)

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        uploaded = form["file"]
        assert isinstance(uploaded, web.FileField)
        assert (form["purpose"], uploaded.filename) == ("batch", "rageval.jsonl")
        file = f"file-{len(self.files)}"
        self.files[file] = uploaded.file.read()
        return await self._step("upload", request, {"id": file, "object": "file", "purpose": "batch"})

    async def _create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        assert (asked["endpoint"], asked["completion_window"]) == ("/v1/chat/completions", "24h")
        number = len(self.made)
        refused = self.on("refuse")
        if refused is None:
            created = {"id": f"batch_{number}", "input_file_id": asked["input_file_id"], "created_at": 4_000_000_000}
            self.made.append({**created, "object": "batch", "status": "validating"})
            self._work_through(self.made[-1], self.end(number))
        return await self._step("create", request, refused.body if refused else self.made[-1], refused)

    async def _list(self, request: web.Request) -> web.Response:
        """Newest first, as many as are asked for, but two at most: pages have to be turned."""
        newest = self.made[::-1]
        names = [batch["id"] for batch in newest]
        start = names.index(request.query["after"]) + 1 if "after" in request.query else 0
        page = newest[start : start + min(2, int(request.query["limit"]))]
        return await self._step("list", request, {"data": page, "has_more": start + len(page) < len(newest)})

    async def _look(self, request: web.Request) -> web.Response:
        name = request.match_info["batch"]
        batch = next((batch for batch in self.made if batch["id"] == name), None)
        if batch is None:
            gone = Canned({"error": {"message": f"No batch found with id '{name}'."}}, 404)
            return await self._step("look", request, gone.body, gone)
        looks, ended = self._ends[name]
        self._looks[name] += 1
        if not self.held and self._looks[name] > looks:
            batch.update(ended)
        return await self._step("look", request, batch)

    async def _download(self, request: web.Request) -> web.Response:
        file = self.files.get(request.match_info["file"])
        if file is None:
            gone = Canned({"error": {"message": "No such File object"}}, 404)
            return await self._step("download", request, gone.body, gone)
        return await self._step("download", request, file)

    def _work_through(self, batch: dict[str, Any], end: End) -> None:
        good, bad = [*end.garbage], []
        for line in self.files[batch["input_file_id"]].splitlines() if end.status != "failed" else []:
            asked = json.loads(line)
            received = Received("/v1/chat/completions", "", asked["body"])
            left = {"id": "r", "custom_id": asked["custom_id"]}
            if end.leaves(received):
                bad.append({**left, "response": None, "error": {"code": "batch_expired", "message": "not in time"}})
                continue
            canned = self._respond(received)
            response = {"status_code": canned.status, "request_id": "q", "body": canned.body}
            if canned.status == 200:
                self.batched.append(received)
                good.append(json.dumps({**left, "response": response, "error": None}, ensure_ascii=False).encode())
            else:
                bad.append({**left, "response": response, "error": None})
        random.Random(len(good)).shuffle(good)
        ended: dict[str, Any] = {"status": end.status, "output_file_id": None, "error_file_id": None}
        if good:
            ended["output_file_id"] = f"out-{batch['id']}"
            self.files[ended["output_file_id"]] = b"\n".join(good) + b"\n"
        if bad:
            ended["error_file_id"] = f"bad-{batch['id']}"
            self.files[ended["error_file_id"]] = "".join(json.dumps(line) + "\n" for line in bad).encode()
        if end.errors:
            ended["errors"] = {"object": "list", "data": end.errors}
        self._ends[batch["id"]] = end.looks, ended

    async def _step(self, name: str, request: web.Request, body: object, canned: Canned | None = None) -> web.Response:
        self.steps[name] += 1
        self.keys.add(request.headers.get("Authorization", ""))
        canned = canned or self.on(name) or Canned(body)
        await asyncio.sleep(canned.delay_s)
        if canned.hang_up:
            assert request.transport is not None
            request.transport.abort()
        body = canned.body if isinstance(canned.body, bytes | str) else json.dumps(canned.body)
        return web.Response(body=body, status=canned.status, headers=canned.headers)
