"""A judging model that talks rubbish in three of ten replies, and remembers which.

Whatever it says in good replies can be told from what stands in garbled ones: probabilities, grades, levels and texts
are taken from sets that do not meet. Garbled replies are made of such other verdicts, so that whoever reads one, or a
part of one, shows it.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from rageval.errors import ExecutionError
from rageval.models.base import ChatReply, ChatRequest, Token
from rageval.types import Usage
from tests.unit.scripts import prompt_name, spelled

Pieces = list[str | tuple[str, float]]
Schema = dict[str, Any]

IN_EVERY_TEXT = "as the map of 1871 says 据一八七一年地图"
MADE_UP = "made up 编造"
PROBABILITIES = (0.1, 0.3, 0.7, 0.9)
OTHER_PROBABILITIES = (0.2, 0.4, 0.6, 0.8)
WORDS = {"yes": ("yes", "no"), "no": ("yes", "no"), "是": ("是", "否"), "否": ("是", "否")}
PROSE = ("Je pense que oui.", "Nein, das steht da nicht.", "はい、そうです。", "Да, 1: да, 2: нет.", "Sí: {uno}")
REFUSALS = ("I'm sorry, but I can't help with that.", "很抱歉，我无法回答这个问题。", "As a language model, no.")
IN_JSON = (
    "cut",
    "cut and told",
    "wrong types",
    "NaN",
    "words for numbers",
    "foreign words",
    "one less",
    "one more",
    "nested",
    "twice a key",
    "empty",
    "prose",
    "refusal",
    "refusal told",
    "filtered",
    "failed",
)
IN_A_WORD = ("empty", "prose", "refusal", "refusal told", "filtered", "fragment", "number", "unlikely", "failed")


@dataclass(frozen=True)
class Said:
    """One reply: to which prompt, whether JSON was asked for, about how many things (None where they are not numbered),
    at which attempt, and how it is garbled.
    """

    prompt: str
    json: bool
    n: int | None
    attempt: int
    garbled: str
    text: str


class Garbler:
    """For `ScriptedChat`. What it says depends on the seed and the request alone; `said` lists every reply."""

    def __init__(self, seed: int = 1871) -> None:
        self.said: list[Said] = []
        self._seed = seed

    def __call__(self, request: ChatRequest) -> ChatReply | Exception:
        rng = random.Random(f"{self._seed} {request.prompt} {request.messages} {request.sample}")
        garbled = rng.random() < 0.3
        if request.schema is None:
            kind = rng.choice(IN_A_WORD) if garbled else ""
            reply = _word(request, kind, rng)
        else:
            kind = rng.choice(IN_JSON) if garbled else ""
            reply = _json(dict(request.schema), kind, rng)
        text = reply.text if isinstance(reply, ChatReply) else ""
        self.said.append(
            Said(prompt_name(request), request.schema is not None, _things(request), request.sample, kind, text)
        )
        return reply

    @property
    def share_garbled(self) -> float:
        return sum(bool(said.garbled) for said in self.said) / len(self.said)

    @property
    def kinds(self) -> Counter[tuple[bool, str]]:
        """Replies by whether JSON was asked for, and how they were garbled."""
        return Counter((said.json, said.garbled) for said in self.said)

    @property
    def lost(self) -> list[Said]:
        """The replies that ended an asking without one that could be read: a second garbled one, or a failed call."""
        return [said for said in self.said if said.garbled and (said.attempt or said.garbled == "failed")]


def _things(request: ChatRequest) -> int | None:
    schema: Any = request.schema
    return sum(map(str.isdecimal, schema["properties"])) if schema and "1" in schema["properties"] else None


def _json(schema: Schema, kind: str, rng: random.Random) -> ChatReply | Exception:
    match kind:
        case "":
            pieces = _value(schema, "", rng)
            before, after = rng.choice(
                [("", ""), ("", "\n"), ("```json\n", "\n```"), ("Sure! Here: ", " I hope {it} helps.")]
            )
            return spelled(before, *pieces, after)
        case "cut" | "cut and told":
            pieces = _value(schema, "made up", rng)
            if kind == "cut":
                return spelled(*pieces[: rng.randint(1, len(pieces) - 1)])
            return spelled(*pieces[: rng.choice([len(pieces), rng.randint(1, len(pieces))])], finish_reason="length")
        case "one less" | "one more":
            return spelled(*_wrong_length(schema, kind == "one more", rng))
        case "nested":
            return spelled('{"answer": ', *_value(schema, "made up", rng), "}")
        case "twice a key":
            name, value = next(iter(schema["properties"].items()))
            again = [f'"{name}": ', *_value(value, "made up", rng), ", "]
            return spelled("{", *again, *_value(schema, "made up", rng)[1:])
        case "filtered":
            return spelled(*_value(schema, "made up", rng), finish_reason="content_filter")
        case "wrong types" | "NaN" | "words for numbers" | "foreign words":
            return spelled(*_value(schema, kind, rng))
        case _:
            return _no_answer(kind, rng)


def _word(request: ChatRequest, kind: str, rng: random.Random) -> ChatReply | Exception:
    """Yes or no, or the number of a level from 1 to 5, of which good replies give 1 or 2."""
    chinese = "/zh@" in request.prompt
    rubric = prompt_name(request) == "rubric"
    match kind:
        case "":
            if rubric:
                return ChatReply(rng.choice(["1", "2", "2。", " 1\n"]), usage=Usage(calls=1))
            return spelled(_verdict("是" if chinese else "yes", PROBABILITIES, rng))
        case "filtered":
            made_up = "5" if rubric else _verdict("是" if chinese else "yes", OTHER_PROBABILITIES, rng)
            return spelled(made_up, finish_reason="content_filter")
        case "fragment":
            return ChatReply(rng.choice(["y", "是否", '{"', "ye", "**", "4/", "n/a"]))
        case "number":
            return ChatReply(rng.choice(["NaN", "Infinity", "four", "4.5", "-4", "45", "0", "true"]))
        case "unlikely":
            ends = [("yes", -9.0), ("no", -11.0), ("是", -9.5), ("4", -8.0), ("5", -9.0)]
            return ChatReply("I", tokens=(Token("I", (("I", -0.01), *ends)),), usage=Usage(calls=1))
        case _:
            return _no_answer(kind, rng)


def _no_answer(kind: str, rng: random.Random) -> ChatReply | Exception:
    match kind:
        case "empty":
            return ChatReply(rng.choice(["", " \n", "\u3000"]))
        case "prose":
            return ChatReply(rng.choice(PROSE))
        case "refusal":
            return ChatReply(rng.choice(REFUSALS))
        case "refusal told":
            return ChatReply(rng.choice(["No", "否", "no.", *REFUSALS]), "refusal")
        case _:
            return ExecutionError("the endpoint hung up")


def _value(schema: Schema, flavour: str, rng: random.Random) -> Pieces:
    """A value of that schema as tokens: a good one (no flavour), a made-up one, or one that breaks the schema."""
    match schema:
        case {"properties": properties}:
            pieces: Pieces = []
            broken = rng.choice([name for name in properties if _can_break(properties[name], flavour)] or [""])
            for name, value in properties.items():
                key = f"number {name}" if flavour == "words for numbers" else name
                of_this = flavour if flavour in ("", "words for numbers") or name == broken else "made up"
                pieces += [", " if pieces else "{", f'"{key}": ', *_value(value, of_this, rng)]
            return [*(pieces or ["{"]), "}"]
        case {"enum": words}:
            return _choice(words, flavour, rng)
        case {"type": "array", "items": items}:
            if flavour == "foreign words":
                return ['"un, deux, trois"']
            most = schema.get("maxItems", 3)
            n = rng.randint(min(schema.get("minItems", 1), most), most)
            if n == 0:
                return ["[]"]
            head = '"{} ' if items.get("type") == "string" and flavour in ("", "made up") else ""
            listed: Pieces = []
            for i in range(n):
                item = _value(items, flavour, rng)
                listed += [", " if i else "[", *([head.format(i), *item[1:]] if head else item)]
            return [*listed, "]"]
        case _:
            if flavour in ("wrong types", "NaN"):
                return [rng.choice(["7", "null", "[1]"] if flavour == "wrong types" else ["NaN", "Infinity"])]
            return ['"', MADE_UP if flavour else IN_EVERY_TEXT, '"']


def _can_break(schema: Schema, flavour: str) -> bool:
    """A free text in a foreign language is a text all the same."""
    return flavour != "foreign words" or "enum" in schema or schema.get("type") != "string"


def _choice(words: list[str], flavour: str, rng: random.Random) -> Pieces:
    match flavour:
        case "wrong types":
            return [rng.choice(["1", "true", "null", '["yes"]', '{"supported": "yes"}'])]
        case "NaN":
            return [rng.choice(["NaN", "Infinity", "-Infinity"])]
        case "foreign words" | "words for numbers":
            return [f'"{rng.choice(["oui", "да", "はい", "three", "drei", "三"])}"']
        case _:
            if words[0] in WORDS:
                return ['"', _verdict(words[0], OTHER_PROBABILITIES if flavour else PROBABILITIES, rng), '"']
            half = len(words) // 2
            return [f'"{rng.choice(words[half:] if flavour else words[:half])}"']


def _verdict(yes: str, probabilities: tuple[float, ...], rng: random.Random) -> tuple[str, float]:
    p = rng.choice(probabilities)
    word, other = WORDS[yes]
    return (word, p) if p >= 0.5 else (other, round(1 - p, 9))


def _wrong_length(schema: Schema, more: bool, rng: random.Random) -> Pieces:
    """One thing more or less than asked for; of a list, none, or one that is an empty text."""
    properties: Schema = schema["properties"]
    if "1" not in properties:
        listed = '["made up", ""]' if more else "[]"
        return ["{" + ", ".join(f'"{name}": {listed}' for name in properties) + "}"]
    names = [str(number) for number in range(1, len(properties) + (2 if more else 0))]
    return _value({"properties": dict.fromkeys(names, properties["1"])}, "made up", rng)
