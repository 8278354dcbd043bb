"""Imitations of services that embed and rank texts, each a row of `vector_services.yaml`. The keys of a row:

- `service`, `source`: whom it imitates, and where that is known from (the keys of docs/endpoints.md). `path` stands
  before the routes.
- `embeddings`: `most` texts a call, or the answer `too_many`; `most_tokens` a text, or `too_long`; `most_in_all` tokens
  a call, or `too_many_tokens`; `cuts_at` so many tokens without a word; `refuses`: as in the profiles of chat services;
  `format` and `index` of the vectors, `usage`, and the `scale` of their length.
- `rerank`: its `route` and `path`, the name of its `texts` (or the answer `missing`), `most` and `refuses` as above;
  where the `list` of results stands and what its `score` is called; the `scale` of scores, the `document` of a result,
  `usage`.

In a body, `$n` and `$tokens` are what the call had. `python -m tests.flow.vector_services` prints the table in
docs/models.md.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.flow.fake_server import Canned, Received
from tests.flow.imitation import Imitation, _canned, refusal

Row = Mapping[str, Any]
ROWS: Mapping[str, Row] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
_WORD = re.compile(r"\w+|[^\w\s]")


class VectorService(Imitation):
    def __init__(self, row: Row) -> None:
        super().__init__({"auth": "none", **row})

    @property
    def rerank_url(self) -> str:
        return self.base_url.removesuffix(self.profile["path"]) + self.profile["rerank"].get(
            "path", self.profile["path"]
        )

    def _answer(self, received: Received) -> Canned:
        if "embeddings" in self.profile and received.path == f"{self.profile['path']}/embeddings":
            return embed_answer(self.profile["embeddings"], received.payload)
        rerank = self.profile.get("rerank")
        if rerank and received.path == rerank.get("path", self.profile["path"]) + rerank.get("route", "/rerank"):
            return rerank_answer(rerank, received.payload)
        return Canned("", 404)


def numbers(text: str) -> list[float]:
    """The vector of a text."""
    return [float(len(text)), float(sum(map(ord, text)) % 97), 1.0]


def relevance(text: str) -> float:
    """The relevance of a text, whatever the query: higher for more of its number."""
    return int(text.partition(" ")[0]) / 1000


def tokens(text: str) -> list[re.Match[str]]:
    """Words and marks: this service's own way to count."""
    return list(_WORD.finditer(text))


def embed_answer(row: Row, payload: Mapping[str, Any]) -> Canned:
    texts = payload["input"]
    sizes = [len(tokens(text)) for text in texts]
    refused = refusal(row, payload)
    if refused is not None:
        return refused
    if len(texts) > row.get("most", math.inf):
        return _canned(row["too_many"], payload, n=len(texts))
    if max(sizes) > row.get("most_tokens", math.inf):
        return _canned(row["too_long"], payload, tokens=max(sizes))
    if sum(sizes) > row.get("most_in_all", math.inf):
        return _canned(row["too_many_tokens"], payload, tokens=sum(sizes))
    limit = row.get("cuts_at", math.inf)
    read = [
        text if size <= limit else text[: tokens(text)[limit - 1].end()]
        for text, size in zip(texts, sizes, strict=True)
    ]
    data: list[dict[str, Any]] = []
    for position, text in enumerate(read):
        vector: Any = [number * row.get("scale", 1.0) for number in numbers(text)]
        if row.get("format") == "base64":
            vector = base64.b64encode(struct.pack("<3f", *vector)).decode()
        data.append({"object": "embedding", "index": position, "embedding": vector})
    match row.get("index"):
        case "absent":
            data = [{"embedding": one["embedding"]} for one in data]
        case "zero":
            data = [{**one, "index": 0} for one in data]
        case "reversed":
            data = data[::-1]
    counted = sum(min(size, limit) for size in sizes)
    usage = {} if row.get("usage") == "absent" else {"usage": {"prompt_tokens": counted, "total_tokens": counted}}
    return Canned({"object": "list", "model": "other", "data": data, **usage})


def rerank_answer(row: Row, payload: Mapping[str, Any]) -> Canned:
    refused = refusal(row, payload)
    if refused is not None:
        return refused
    name = row.get("texts", "documents")
    if name not in payload:
        return _canned(row["missing"], payload)
    texts = payload[name]
    if len(texts) > row.get("most", math.inf):
        return _canned(row["too_many"], payload, n=len(texts))
    scores = [relevance(text) for text in texts]
    if row.get("scale") == "logits":
        scores = [20 * score - 11 for score in scores]
    document = {"document": row["document"]} if "document" in row else {}
    results = [{"index": n, row.get("score", "relevance_score"): score, **document} for n, score in enumerate(scores)]
    results.sort(key=lambda one: -one[row.get("score", "relevance_score")])
    where = row.get("list", "results")
    return Canned(results if where == "bare" else {where: results, **row.get("usage", {})})


def table() -> str:
    """What is imitated, as a Markdown table."""
    lines = ["| service | embeddings | rerank |", "|---|---|---|"]
    for row in ROWS.values():
        embeddings, rerank = row.get("embeddings"), row.get("rerank")
        lines.append(f"| {row['service']} | {of_embeddings(embeddings)} | {of_rerank(rerank)} |")
    return "\n".join(lines) + "\n"


def of_embeddings(row: Row | None) -> str:
    if row is None:
        return "–"
    said = [f"at most {row['most']} texts" if "most" in row else ""]
    said += ["refuses long texts" if "too_long" in row else "", "cuts them without a word" if "cuts_at" in row else ""]
    said += ["bounds the tokens of a call" if "most_in_all" in row else ""]
    said += [f"no {refused['field']}" for refused in row.get("refuses", ())]
    said += ["base64" if "format" in row else "", f"index {row['index']}" if "index" in row else ""]
    said += ["no usage" if "usage" in row else "", "length not 1" if "scale" in row else ""]
    return ", ".join(filter(None, said)) or "as OpenAI"


def of_rerank(row: Row | None) -> str:
    if row is None:
        return "–"
    said = [f"`{row['route']}`" if "route" in row else "", "`texts`" if "texts" in row else ""]
    said += [f"no {refused['field']}" for refused in row.get("refuses", ())]
    said += [{"bare": "a bare list", "data": "`data`"}.get(row.get("list", ""), "")]
    said += ["`score`" if "score" in row else "", "logits" if "scale" in row else ""]
    said += [f"at most {row['most']} texts" if "most" in row else ""]
    return ", ".join(filter(None, said)) or "as Cohere"


if __name__ == "__main__":
    print(table(), end="")
