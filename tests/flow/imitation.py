"""Imitations of services: one loopback server that takes, refuses and answers as a profile in `services/` says.

A profile is data. Its keys:

- `service`, `source`: whom it imitates, and where that is known from (the keys of docs/endpoints.md). `path` stands
  before the routes. `auth` says where a key goes (`bearer`, `api-key` or `none`), `query` what each address must have.
- `closed`: the only fields that are taken; others get the answer `unknown`. `ignores`: fields without effect.
- `refuses`: rows with a `field` and the answer to a request that has it: always, or `unless` it has a value, where it
  is `above` a number, not `unless_above` one, or of a `type` (of `response_format`) or `kind` (`boolean`).
- `needs_json_word`: the answer to `json_object` without the word in the prompt.
- `reasoning`: `where` it comes back, how many `tokens` it takes, and the fields that switch it `off`; `tokens_have_it`
  where log-probabilities cover it. `no_room`: the answer where fewer tokens than `below` are allowed.
- `answers`: what is odd in good answers: `content`, `logprobs`, `usage`, `finish_reason`, `extra` fields of the body.
- `errors`: what the service says when something is wrong, and which kind of failure that `means`.
- `takes`: what a client ends up with: a form of `json`, and whether there are `logprobs`.
- `embeddings`, `rerank`: see `embed_answer` and `rerank_answer`.

In a body, `$field`, `$value` and `$model` are what the request had.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from rageval.models.base import ChatReply, Token
from tests.flow.fake_server import Canned, FakeServer, Received, _token, friendly
from tests.flow.small_world import reply_to

SERVICES = Path(__file__).parent / "services"
KEY = "sk-imitated-0123456789"
_YES_NO = re.compile(r"Reply yes or no|回复“[是否]”")
THOUGHT = "Let me see. The passage says so, yes or no. "
_BECAUSE = ", 因为 the passage says so."
_LENGTHS = ("max_tokens", "max_completion_tokens")

Profile = Mapping[str, Any]


def profiles() -> dict[str, Profile]:
    """All profiles by the name of their file."""
    return {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(SERVICES.glob("*.yaml"))}


class Imitation(FakeServer):
    """A service that answers `rageval`'s prompts as `small_world.reply_to` does.

    `trouble` is a row of the profile's `errors`: the first `times` calls get it (None: all), or those after the row's
    `after` good ones. With a `key` every call must bring it. `embed` and `rerank` answer these routes.
    """

    def __init__(
        self,
        profile: Profile,
        trouble: Mapping[str, Any] | None = None,
        times: int | None = None,
        key: str | None = None,
        embed: Callable[[Profile, Received], Canned] | None = None,
        rerank: Callable[[Profile, Received], Canned] | None = None,
    ) -> None:
        super().__init__(self._answer)
        self.profile = profile
        self.queries: list[Mapping[str, str]] = []
        self._trouble = trouble
        self._times = times
        self._key = key
        self._embed = embed or (lambda _, received: friendly(Received("/v1/embeddings", "", received.payload)))
        self._rerank = rerank or (lambda _, received: Canned({"error": {"message": "Not Found"}}, 404))

    @property
    def base_url(self) -> str:
        return super().base_url.removesuffix("/v1") + self.profile["path"]

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/{path:.*}", self._handle)

    async def _handle(self, request: web.Request) -> web.Response:
        self.queries.append(dict(request.query))
        if self._key is not None and not self._has_key(request):
            self.queue(self._error("wrong key"))
        elif any(request.query.get(name) != value for name, value in self.profile.get("query", {}).items()):
            self.queue(_canned(self.profile["no_query"], {}))
        response = await super()._handle(request)
        lines = self.profile.get("blank_lines", 0)
        if lines:
            response.text = "\n" * lines + (response.text or "")
        return response

    def _has_key(self, request: web.Request) -> bool:
        match self.profile.get("auth", "bearer"):
            case "api-key":
                return request.headers.get("api-key") == self._key and "Authorization" not in request.headers
            case "none":
                return True
            case _:
                return request.headers.get("Authorization") == f"Bearer {self._key}"

    def _error(self, when: str) -> Canned:
        row = next((row for row in self.profile.get("errors", ()) if row["when"] == when), None)
        return _canned(row or {"status": 401, "body": ""}, {})

    def _answer(self, received: Received) -> Canned:
        trouble = self._trouble
        if trouble is not None:
            number = self.calls - 1 - trouble.get("after", 0)
            if number >= 0 and (self._times is None or number < self._times):
                return _canned(trouble, received.payload)
        route = received.path.removeprefix(self.profile["path"])
        if route == "/embeddings":
            return self._embed(self.profile, received)
        if route == "/rerank":
            return self._rerank(self.profile, received)
        if route != "/chat/completions":
            return Canned({"error": {"message": f"no route {route}"}}, 404)
        return chat_answer(self.profile, received.payload)


def chat_answer(profile: Profile, payload: Mapping[str, Any]) -> Canned:
    """What the service says to a chat completion call."""
    taken = {name: value for name, value in payload.items() if name not in profile.get("ignores", ())}
    refused = refusal(profile, taken)
    if refused is not None:
        return refused
    limit = next((taken[name] for name in _LENGTHS if name in taken), None)
    no_room = profile.get("no_room")
    if no_room and limit is not None and limit < no_room["below"]:
        return _canned(no_room, taken)
    return _completion(profile, taken, limit)


def refusal(profile: Profile, payload: Mapping[str, Any]) -> Canned | None:
    """The answer to a request with a field that the service does not take, None where there is none."""
    for field, value in payload.items():
        if "closed" in profile and field not in profile["closed"]:
            return _canned(profile["unknown"], payload, field=field, value=value)
    for row in profile.get("refuses", ()):
        if row["field"] in payload and _is_refused(row, payload[row["field"]]):
            return _canned(row, payload, field=row["field"], value=payload[row["field"]])
    wants_object = payload.get("response_format") == {"type": "json_object"}
    if wants_object and "needs_json_word" in profile and "json" not in json.dumps(payload["messages"]).lower():
        return _canned(profile["needs_json_word"], payload)
    return None


def _is_refused(row: Mapping[str, Any], value: Any) -> bool:
    if "unless" in row:
        return value != row["unless"]
    if "above" in row:
        return isinstance(value, int | float) and value > row["above"]
    if "unless_above" in row:
        return value <= row["unless_above"]
    if "type" in row:
        return value["type"] == row["type"]
    return not ("kind" in row and not isinstance(value, bool))


def _completion(profile: Profile, payload: Mapping[str, Any], limit: int | None) -> Canned:
    odd = profile.get("answers", {})
    reply = _reply(payload, limit)
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    finish, thinking = odd.get("finish_reason", "stop"), profile.get("reasoning")
    tokens, thought = reply.tokens, 0
    if thinking and not _is_off(thinking, payload):
        thought = thinking["tokens"]
        is_cut = limit is not None and limit <= thought
        if is_cut:
            finish, thought = "length", limit or 0
        _put_thought(message, thinking["where"], is_cut=is_cut)
        if thinking.get("tokens_have_it"):
            tokens = (Token(THOUGHT, (("yes", -0.1), ("no", -2.3))), Token("</think>"), *tokens)
    if odd.get("content") == "blanks" and message["content"]:
        message["content"] = f"\n\n{message['content']}"
    choice = {"index": 0, "finish_reason": finish, "message": message, **odd.get("extra_choice", {})}
    if payload.get("logprobs") is not None:
        _put_logprobs(choice, odd.get("logprobs", "openai"), tokens, payload)
    body = {"id": "x", "object": "chat.completion", "model": "other", "choices": [choice], **odd.get("extra", {})}
    completion = thought + max(1, len(reply.text) // 4)
    return Canned(
        {**body, **_usage(odd.get("usage", "details"), completion, thought)}, headers=profile.get("headers", {})
    )


def _reply(payload: Mapping[str, Any], limit: int | None) -> ChatReply:
    """Where the service does not get the schema, its form is read from the prompt's example, as a model would."""
    prompt = payload["messages"][-1]["content"]
    asked = payload.get("response_format", {})
    schema = asked["json_schema"]["schema"] if "json_schema" in asked else _form_in(prompt)
    asks_yes_no = bool(_YES_NO.search(prompt.rpartition("\n")[2])) and schema is None
    reply = reply_to(prompt, schema=schema, wants_logprobs=asks_yes_no)
    if asks_yes_no and (limit is None or limit > 1):
        return ChatReply(reply.text + _BECAUSE, tokens=(*reply.tokens, Token(_BECAUSE)))
    return reply


def _form_in(prompt: str) -> Mapping[str, Any] | None:
    instruction = prompt.rpartition("\n")[2]
    if '{"claims"' in instruction:
        return {"properties": {"claims": {}}}
    if "JSON" not in instruction:
        return None
    passages = re.findall(r"^\[(\d+)\] ", prompt, re.MULTILINE)
    claims = re.findall(r"^(\d+)\. ", prompt.rpartition("</passages>")[2], re.MULTILINE)
    words = ["yes", "no"] if re.search("yes or no|“是”", instruction) else ["0", *passages]
    return {"properties": {number: {"enum": words} for number in claims or passages}}


def _is_off(thinking: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
    off = thinking.get("off", {})
    return bool(off) and all(payload.get(name) == value for name, value in off.items())


def _put_thought(message: dict[str, Any], where: str, *, is_cut: bool) -> None:
    text = "" if is_cut else message["content"]
    match where:
        case "think":
            message["content"] = f"<think>\n{THOUGHT}" + ("" if is_cut else f"\n</think>\n\n{text}")
        case "close_only":
            message["content"] = "" if is_cut else f"{THOUGHT}</think>{text}"
        case "parts":
            thought = {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}
            message["content"] = [thought, *([] if is_cut else [{"type": "text", "text": text}])]
        case "nowhere":
            message["content"] = text
        case _:
            message |= {"content": text or None, where: THOUGHT}


def _put_logprobs(choice: dict[str, Any], form: str, tokens: tuple[Token, ...], payload: Mapping[str, Any]) -> None:
    most = payload.get("top_logprobs", payload["logprobs"])
    tokens = tuple(Token(token.text, token.alternatives[:most]) for token in tokens)
    match form:
        case "absent":
            return
        case "null":
            choice["logprobs"] = None
        case "nulls":
            choice["logprobs"] = {"content": [{"token": token.text, "top_logprobs": None} for token in tokens]}
        case "together":
            tops = [dict(token.alternatives) for token in tokens]
            own = [top.get(token.text, 0.0) for top, token in zip(tops, tokens, strict=True)]
            texts = [token.text for token in tokens]
            choice["logprobs"] = {"tokens": texts, "token_logprobs": own, "top_logprobs": tops}
        case "unknown_ones":
            unlikely = [(f"x{n}", -9999.0) for n in range(2)]
            choice["logprobs"] = {
                "content": [_token(Token(token.text, (*token.alternatives, *unlikely))) for token in tokens]
            }
        case _:
            choice["logprobs"] = {"content": [_token(token) for token in tokens]}


def _usage(form: str, completion: int, thought: int) -> dict[str, Any]:
    usage = {"prompt_tokens": 30, "completion_tokens": completion, "total_tokens": 30 + completion}
    match form:
        case "absent":
            return {}
        case "odd":
            return {"usage": {"prompt_tokens": 30.0, "completion_tokens": None, "prompt_tokens_details": "none"}}
        case "plain":
            return {"usage": usage}
        case "no_details":
            return {"usage": {**usage, "prompt_tokens_details": None}}
        case "own_reasoning":
            return {"usage": {**usage, "reasoning_tokens": thought, "prompt_tokens_details": None}}
        case "hits":
            return {
                "usage": {**usage, "prompt_cache_hit_tokens": 10, "prompt_cache_miss_tokens": 20, **_details(thought)}
            }
        case "times":
            return {"usage": {**usage, "queue_time": 0.01, "total_time": 0.1}}
        case _:
            return {"usage": {**usage, "cost": 0.001, **_details(thought)}}


def _details(thought: int) -> dict[str, Any]:
    return {"completion_tokens_details": {"reasoning_tokens": thought}}


def _canned(row: Mapping[str, Any], payload: Mapping[str, Any], **values: Any) -> Canned:
    """The answer of a row, with the request's values in it. What may be tried again may be at once."""
    again = {"Retry-After": "0.012"} if row.get("means") in ("limit", "service") else {}
    given = {"$model": payload.get("model", ""), **{f"${name}": value for name, value in values.items()}}
    return Canned(_filled(row["body"], given), row["status"], {**again, **row.get("headers", {})})


def _filled(body: Any, given: Mapping[str, Any]) -> Any:
    if isinstance(body, Mapping):
        return {name: _filled(value, given) for name, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, given) for value in body]
    if not isinstance(body, str):
        return body
    if body in given:
        return given[body]
    for name, value in given.items():
        body = body.replace(name, str(value))
    return body
