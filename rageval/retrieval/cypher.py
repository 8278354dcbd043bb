"""Answers of a knowledge graph to a query that the chat model writes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, cast

import numpy as np

from rageval.errors import DeclarationError
from rageval.extras import need_package
from rageval.models.base import ChatRequest
from rageval.pipeline import NO_CONTEXT, Calls, ContextSize, Need, PromptSizes, Resources, Shared, State
from rageval.pipeline.sizes import prompt_size, reply_size, text_size, total
from rageval.prompts import Prompt, as_prompt, load_prompt, shown_question
from rageval.prompts.own import OwnPrompt, check_texts
from rageval.retrieval.graph import GraphStage, Linker
from rageval.retrieval.graph.check_cypher import MOST_ROWS, RefusedQueryError
from rageval.retrieval.graph.database import PACKAGE, Database, QueryFailedError
from rageval.text import count_tokens, cut_at_sentence
from rageval.text.languages import LANGUAGES
from rageval.types import Hit, Passage

_PROMPT = "write_cypher"
_ROWS_ID = "rows of the knowledge graph"
_NAMES = 10
_TOKENS_A_NAME = 16
_TOKENS_OF_ERROR = 60
_FENCE = re.compile(r"```(?:cypher)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Cypher(GraphStage):
    """Let the chat model write a query of the knowledge graph, and add its rows to the context, as text.

    The query is checked before it runs (`checked_query`: it reads, within bounds), runs in a database that is open for
    reading alone, and ends after `seconds`. What went wrong is told to the model once; a second mistake adds nothing.
    The model is shown the entities and relations nearest to the question. The rows are one entry behind the passages,
    which says that it quotes nothing; it is of no document of the corpus, and its end is cut off after `tokens`
    estimated tokens. The step `cypher` has the query, and the error. `prompt` replaces `write_cypher`, with the texts
    `instruction` and `again`. Needs the extra `graph`. Source: text-to-Cypher as in LangChain's GraphCypherQAChain.
    """

    tokens: int = 256
    seconds: float = 5.0
    max_tokens: int = 128
    prompt: Annotated[Prompt, OwnPrompt(_PROMPT)] | None = None
    prompts: ClassVar[tuple[str, ...]] = (_PROMPT,)

    def __post_init__(self) -> None:
        for name, value in (("tokens", self.tokens), ("max_tokens", self.max_tokens)):
            if value < 1:
                raise DeclarationError(f"{name}: found {value}, expected at least 1")
        if not 0.0 < self.seconds < 3600.0:
            raise DeclarationError(f"seconds: found {self.seconds}, expected more than 0 and less than an hour")
        for text in ("instruction", "again"):
            check_texts(self.prompt, text)
        super().__post_init__()

    def needs(self, generate: bool) -> frozenset[Need]:
        return super().needs(generate) | frozenset[Need]({"chat"})

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return Calls(1, 2)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        shown = sizes.question + 2 * _NAMES * (_TOKENS_A_NAME + 1) + count_tokens(str(MOST_ROWS))
        prompt = self.prompt or _PROMPT
        again = prompt_size(
            prompt, sizes.language, shown, reply_size(self.max_tokens), _TOKENS_OF_ERROR, variant="again"
        )
        return total(prompt_size(prompt, sizes.language, shown), again)

    def indexes(self) -> tuple[Shared[object], ...]:
        need_package(PACKAGE, "graph", "queries of a knowledge graph in Cypher")
        return (self.linking, Database(self.linking.knowledge))

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        entry = max(text_size(_PROMPT, language, "heading", self.tokens) or 0 for language in LANGUAGES)
        each = entry if before.passages == 0 else before.tokens_each
        tokens_each = None if each is None else max(each, entry)
        return replace(before, passages=before.passages + 1, tokens_each=tokens_each)

    async def run(self, state: State, resources: Resources) -> State:
        linker = await resources.get(self.linking)
        database = await resources.get(Database(self.linking.knowledge))
        fields: dict[str, object] = {"question": shown_question(state.standalone), "most": MOST_ROWS}
        fields |= await _nearest(linker, state)
        variant = "instruction"
        for _ in range(2):
            state, query = await self._write(state, fields, variant, resources)
            try:
                rows = await database.rows(query, self.seconds)
            except (RefusedQueryError, QueryFailedError) as error:
                told = cut_at_sentence(str(error), _TOKENS_OF_ERROR)
                state = state.with_step("cypher", query=query, error=str(error))
                fields |= {"query": query, "error": told}
                variant = "again"
                continue
            state = state.with_step("cypher", query=query, rows=len(rows))
            return self._with_rows(state, rows)
        return state

    async def _write(
        self, state: State, fields: Mapping[str, object], variant: str, resources: Resources
    ) -> tuple[State, str]:
        language, prompt = state.question.language, as_prompt(self.prompt or _PROMPT)
        messages = prompt.messages(language, fields, variant=variant)
        reply = await resources.chat.complete(ChatRequest(messages, prompt.id(language), max_tokens=self.max_tokens))
        fenced = _FENCE.search(reply.text)
        return state.with_step(_PROMPT, reply.usage), (fenced[1] if fenced else reply.text).strip()

    def _with_rows(self, state: State, rows: Sequence[Sequence[Any]]) -> State:
        texts = dict.fromkeys(" – ".join(map(_shown, row)) for row in rows)
        joined = ""
        for text in texts:
            longer = f"{joined}; {text}" if joined else text
            if count_tokens(longer) > self.tokens:
                break
            joined = longer
        if not joined:
            return state
        text = load_prompt(_PROMPT).texts[state.question.language]["heading"].format(rows=joined)
        response = state.response
        return state.with_response(
            hits=(*response.hits, Hit(Passage(_ROWS_ID, 0, 0, text), 0.0)),
            context=(*response.context, len(response.hits)),
        )


def _shown(value: object) -> str:
    """A value of a row as text: of a node its name, of a relation what it says."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return str(fields.get("name") or fields.get("relation") or "")
    if isinstance(value, list):
        return ", ".join(map(_shown, cast("list[object]", value)))
    return "" if value is None else " ".join(str(value).split())


async def _nearest(linker: Linker, state: State) -> dict[str, str]:
    """The names of entities and relations nearest to the question, as a prompt lists them."""
    graph, seeds = linker.graph, await linker.seeds(state.queries[0])
    weights = seeds.weights
    entities = [graph.names[number] for number in map(int, np.argsort(-weights, kind="stable")) if weights[number]]
    facts = [graph.facts[position] for position in seeds.order(graph)]
    relations = [fact.triple.relation for fact in facts if weights[fact.subject] or weights[fact.object]]
    return {"entities": _listed(entities), "relations": _listed(relations)}


def _listed(names: Sequence[str]) -> str:
    short = [name for name in dict.fromkeys(names) if count_tokens(name) <= _TOKENS_A_NAME]
    return ", ".join(short[:_NAMES]) or "–"
