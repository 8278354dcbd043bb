"""Whether a Cypher query of the model's may run: what is not known to be harmless is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LABEL = "Entity"
RELATION = "Fact"
PROPERTIES = ("name", "relation", "document")

MOST_ROWS = 50
MOST_HOPS = 4
_MOST_RELATIONS = 6
_MOST_PATTERNS = 3
_MOST_CHARACTERS = 1_000

_TOKEN = re.compile(
    r"""(?P<string>'[^'\\\n]*'|"[^"\\\n]*")"""
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?(?!\w))"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<mark><=|>=|<>|\.\.|[()\[\]{}:,.<>=+\-*|])"
    r"|(?P<space>[ \t\r\n]+)"
)
_CLAUSES = frozenset({"match", "optional", "where", "with", "return", "order", "by", "skip", "limit", "distinct", "as"})
_OPERATORS = frozenset(
    "and or not xor in contains starts ends is null asc desc true false case when then else end".split()
)
_FUNCTIONS = frozenset("count collect lower upper tolower toupper size min max avg sum coalesce length".split())
_NO_NAMES = frozenset(
    "all alter analyze any as asc attach begin call checkpoint comment commit copy create database delete desc detach "
    "drop exists explain export extension force foreach from graph import index install insert into load macro merge "
    "on optional profile project remove rename rollback set shortest table to trail transaction uninstall union unwind "
    "update use using walk yield acyclic".split()
)


class RefusedQueryError(ValueError):
    """A query that may not run, and why."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        """The word in lower case, "" for what is none."""
        return self.text.lower() if self.kind == "word" else ""


def checked_query(text: str) -> str:
    """The query without white space and a semicolon at its ends, where it only reads, and within bounds.

    It is one statement that begins with MATCH and ends with RETURN … LIMIT n, n from 1 to 50. It names the label
    `Entity`, the relation `Fact`, their properties, a few functions, and variables in lower case that are no words of
    Cypher; other words, comments, quoted names, parameters, backslashes, and letters of other scripts outside strings
    are refused. A path has at most 4 hops, the whole query at most 6, in at most 3 patterns. Raises RefusedQueryError
    for anything else.
    """
    query = text.strip().removesuffix(";").rstrip()
    if len(query) > _MOST_CHARACTERS:
        raise RefusedQueryError(f"found {len(query)} characters, expected at most {_MOST_CHARACTERS}")
    tokens = _tokens(query)
    if not tokens or tokens[0].word not in ("match", "optional"):
        raise RefusedQueryError("expected a query that begins with MATCH")
    _check_words(tokens)
    _check_paths(tokens)
    _check_end(tokens)
    return query


def _tokens(query: str) -> list[_Token]:
    found: list[_Token] = []
    place = 0
    while place < len(query):
        match = _TOKEN.match(query, place)
        if match is None:
            raise RefusedQueryError(f"found {query[place : place + 10]!r}, expected one plain statement")
        if match.lastgroup != "space":
            found.append(_Token(str(match.lastgroup), match.group()))
        place = match.end()
    return found


def _check_words(tokens: Sequence[_Token]) -> None:
    variables = {token.text for token in _variables(tokens)}
    for before, token, after in _neighbours(tokens):
        if not token.word:
            continue
        if before == ":":
            known = token.text in (LABEL, RELATION)
        elif before == "." or (after == ":" and token.text in PROPERTIES):
            known = token.text in PROPERTIES
        elif after == "(" and token.word not in _CLAUSES | _OPERATORS:
            known = token.word in _FUNCTIONS
        else:
            known = token.text in variables or token.word in _CLAUSES | _OPERATORS
        if not known:
            raise RefusedQueryError(
                f"found {token.text}, expected the words of a query that reads {LABEL} and {RELATION}"
            )


def _variables(tokens: Sequence[_Token]) -> list[_Token]:
    """The words that a pattern or AS names. Raises RefusedQueryError for one that could be a word of Cypher."""
    found: list[_Token] = []
    for before, token, after in _neighbours(tokens):
        named = before.lower() == "as" or (before in ("(", "[") and after in (")", "]", ":", "{", "*"))
        if token.word and named:
            if token.text != token.word or token.word in _NO_NAMES | _CLAUSES | _OPERATORS | _FUNCTIONS:
                raise RefusedQueryError(f"found the variable {token.text}, expected a name in lower case")
            found.append(token)
    return found


def _neighbours(tokens: Sequence[_Token]) -> list[tuple[str, _Token, str]]:
    """Each token with the texts of those before and behind it."""
    texts = ["", *(token.text for token in tokens), ""]
    return [(texts[place], token, texts[place + 2]) for place, token in enumerate(tokens)]


def _check_paths(tokens: Sequence[_Token]) -> None:
    """A star within brackets has bounds, and all paths together are short."""
    hops, depth = 0, 0
    for place, token in enumerate(tokens):
        if token.text == "[":
            depth += 1
        elif token.text == "]":
            depth -= 1
        elif token.text == "*" and depth:
            hops += _most_hops([one.text for one in tokens[place + 1 : place + 4]]) - 1
        elif token.text == "-" and tokens[place - 1].text in (")", "<"):
            hops += 1
    starts = sum(token.text == "(" and before.lower() in ("match", ",") for before, token, _ in _neighbours(tokens))
    if starts > _MOST_PATTERNS:
        raise RefusedQueryError(f"found {starts} patterns, expected at most {_MOST_PATTERNS} in the query")
    if hops > _MOST_RELATIONS:
        raise RefusedQueryError(f"found a path of {hops} hops, expected at most {_MOST_RELATIONS} in the query")


def _most_hops(behind: Sequence[str]) -> int:
    """The upper bound that stands behind a star: `*2` or `*1..3`."""
    bound = behind[2] if len(behind) == 3 and behind[1] == ".." else behind[0] if behind else ""
    if not bound.isdecimal() or not behind[0].isdecimal() or not 1 <= int(bound) <= MOST_HOPS:
        raise RefusedQueryError(f"found a path without bound, expected *1..{MOST_HOPS} at most")
    return int(bound)


def _check_end(tokens: Sequence[_Token]) -> None:
    words = [token.word for token in tokens]
    if words.count("return") != 1 or len(words) < 3 or words[-2] != "limit":
        raise RefusedQueryError("expected one RETURN at the end, with LIMIT")
    if not tokens[-1].text.isdecimal() or not 1 <= int(tokens[-1].text) <= MOST_ROWS:
        raise RefusedQueryError(f"found LIMIT {tokens[-1].text}, expected 1 to {MOST_ROWS}")
