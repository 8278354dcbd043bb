"""What a chat model's endpoint takes, learned from what it refuses: by steps down, for as long as the process runs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from rageval.types import Json

_LENGTH_FIELDS = ("max_tokens", "max_completion_tokens")
_JSON_FORMS = ("json_schema", "json_object", "text")
_MOST_LOGPROBS, _FEW_LOGPROBS = 20, 5
_LEFT_OUT_ALONE = frozenset({"temperature", "seed"})
_MOST = re.compile(
    r"(?:at most|max(?:imum)?(?: allowed)?(?: value)?(?: is|:| of)?|up to|less than or equal to|<=|≤|between \d+ and|"
    r"\[\d+,)\s*(\d+)",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(r"too (?:large|big|high)|exceed|greater than|less than|at most", re.IGNORECASE)
_NOT_AT_ALL = re.compile(
    r"not (?:supported|allowed|available|permitted|enabled)|unsupported|unknown|unrecogni[sz]ed|cannot find|extra|"
    r"does not support|doesn't support|\bno logprobs\b",
    re.IGNORECASE,
)


class Capabilities:
    """What is left out of, or changed in, the calls of one model at one endpoint.

    The steps: a schema, then `json_object`, then none; log-probabilities of 20 alternatives, of as many as are allowed
    or 5, as one number, then none; `max_tokens` under its other name, then none; a seed in the range allowed, then
    none; no temperature.
    """

    def __init__(self) -> None:
        self._left_out: set[str] = set()
        self._json_form: Literal["json_schema", "json_object", "text"] = "json_schema"
        self._most_logprobs = _MOST_LOGPROBS
        self._logprobs_are_a_number = False
        self._length_field: str | None = _LENGTH_FIELDS[0]
        self._most_tokens: int | None = None
        self._most_seed: int | None = None
        self._has_limits = False

    @property
    def facts(self) -> dict[str, Json]:
        """What was learned, as JSON data for `recall`."""
        left_out: list[Json] = [*sorted(self._left_out)]
        return {
            "left_out": left_out,
            "json_form": self._json_form,
            "most_logprobs": self._most_logprobs,
            "logprobs_are_a_number": self._logprobs_are_a_number,
            "length_field": self._length_field,
            "most_tokens": self._most_tokens,
            "most_seed": self._most_seed,
        }

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Take what was learned before, so that it is not refused once more."""
        unlimited = self.facts
        known: dict[str, Any] = {**unlimited, **{name: facts[name] for name in unlimited if name in facts}}
        self._left_out = set(known["left_out"])
        self._json_form = known["json_form"]
        self._most_logprobs = known["most_logprobs"]
        self._logprobs_are_a_number = known["logprobs_are_a_number"]
        self._length_field = known["length_field"]
        self._most_tokens = known["most_tokens"]
        self._most_seed = known["most_seed"]
        self._has_limits = known != unlimited

    def fit(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload with what the endpoint takes; the one given may be changed."""
        if not self._has_limits:
            return payload
        self._fit_length(payload)
        for field in self._left_out:
            payload.pop(field, None)
        if payload.get("logprobs"):
            most = min(payload["top_logprobs"], self._most_logprobs)
            payload |= {"logprobs": most} if self._logprobs_are_a_number else {"top_logprobs": most}
            if self._logprobs_are_a_number:
                del payload["top_logprobs"]
        else:
            payload.pop("top_logprobs", None)
        if self._most_seed is not None and "seed" in payload:
            payload["seed"] = 1 + payload["seed"] % self._most_seed
        if "response_format" in payload and self._json_form != "json_schema":
            self._fit_json_form(payload)
        return payload

    def learn(self, field: str, told: str, sent: Mapping[str, Any]) -> str | None:
        """Take a step down for the field of the body `sent` that was refused with those words. Returns what is done
        from now on, None where nothing can be.
        """
        step = self._step(field, told, sent)
        self._has_limits = self._has_limits or step is not None
        return step

    def _step(self, field: str, told: str, sent: Mapping[str, Any]) -> str | None:
        most = _most(told)
        match field:
            case "max_tokens" | "max_completion_tokens":
                if most is not None and most < sent[field]:
                    self._most_tokens = most
                    return f"asks for no more than {most} tokens"
                return None if _TOO_LARGE.search(told) else self._other_length_field(field)
            case "response_format":
                form = str(cast("Mapping[str, Any]", sent[field]).get("type"))
                self._json_form = "json_object" if form == "json_schema" else "text"
                return (
                    "asks for JSON without a schema" if self._json_form == "json_object" else "asks for JSON in words"
                )
            case "logprobs" | "top_logprobs":
                return self._fewer_logprobs(field, told, sent, most)
            case "seed" if most is not None and self._most_seed is None and most < sent[field]:
                self._most_seed = most
                return f"takes seeds from 1 to {most}"
            case _ if field in _LEFT_OUT_ALONE:
                self._left_out.add(field)
                return f"leaves out {field}"
            case _:
                return None

    def _other_length_field(self, refused: str) -> str:
        other = _LENGTH_FIELDS[1 - _LENGTH_FIELDS.index(refused)]
        self._left_out.add(refused)
        self._length_field = None if other in self._left_out else other
        return "sends no limit on tokens" if self._length_field is None else f"sends {other} instead of {refused}"

    def _fewer_logprobs(self, field: str, told: str, sent: Mapping[str, Any], most: int | None) -> str:
        asked = int(sent.get("top_logprobs", sent["logprobs"]))
        if most is not None and 0 < most < asked:
            self._most_logprobs = most
        elif "integer" in told.lower() and not self._logprobs_are_a_number:
            self._logprobs_are_a_number = True
        elif asked > _FEW_LOGPROBS and (field == "top_logprobs" or not _NOT_AT_ALL.search(told)):
            self._most_logprobs = _FEW_LOGPROBS
        else:
            self._left_out.add("logprobs")
            return "leaves out log-probabilities (verdicts are words, not probabilities)"
        form = "logprobs as a number" if self._logprobs_are_a_number else "log-probabilities"
        return f"asks for {form}, with at most {min(asked, self._most_logprobs)} alternatives"

    def _fit_length(self, payload: dict[str, Any]) -> None:
        tokens = payload.pop(_LENGTH_FIELDS[0], None) or payload.pop(_LENGTH_FIELDS[1], None)
        if tokens is not None and self._length_field is not None:
            payload[self._length_field] = tokens if self._most_tokens is None else min(tokens, self._most_tokens)

    def _fit_json_form(self, payload: dict[str, Any]) -> None:
        """Services that offer `json_object` want the word JSON in the prompt; a model sees no schema in either form."""
        schema = payload.pop("response_format")["json_schema"]["schema"]
        if self._json_form == "json_object":
            payload["response_format"] = {"type": "json_object"}
        messages = payload["messages"]
        if not any("json" in message["content"].lower() for message in messages):
            form = f"Reply with one JSON object that fits this JSON schema: {json.dumps(schema, ensure_ascii=False)}"
            last = {**messages[-1], "content": f"{messages[-1]['content']}\n\n{form}"}
            payload["messages"] = [*messages[:-1], last]


def _most(told: str) -> int | None:
    """The most that the words allow, None where they do not say."""
    found = [int(number) for number in _MOST.findall(told)]
    return min(found, default=None)
