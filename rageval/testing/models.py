"""Does a chat model, does an embedder keep its protocol?"""

from __future__ import annotations

import asyncio
import inspect

import numpy as np

from rageval.errors import ExecutionError
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder, Message
from rageval.testing.expect import expect, expect_number, expect_stable, expect_text, expect_type
from rageval.types import Usage

_ODD_TEXTS = ("", "\ud800 is half a surrogate pair", "东湖" * 3000)
_UNIT = 1e-3
_SAME = 1e-2


def check_chat_model(model: ChatModel) -> None:
    """Raises AssertionError where the model does not keep the protocol `ChatModel`. Asks it about six times; closes it.

    Checked are: an identity and a concurrency that do not change; replies of the right form, with usage and, where
    log-probabilities were given, tokens that spell out the text; several calls at once; and that a text which the model
    cannot take ends in a reply or an `ExecutionError`.
    """
    _check_identity(model)
    concurrency = expect_type(model.concurrency, int, "concurrency")
    expect(concurrency >= 1, f"concurrency: found {concurrency}, expected at least 1")
    expect(inspect.iscoroutinefunction(model.complete), "complete: found a plain `def`, expected `async def complete`")
    asyncio.run(_ask(model))


async def _ask(model: ChatModel) -> None:
    plain, scored = _request("How deep is the lake?"), _request("Is the lake deep? Answer yes or no.", 5)
    for request in (plain, scored):
        _check_reply(await model.complete(request), request)
    for reply in await asyncio.gather(model.complete(plain), model.complete(scored)):
        expect_type(reply, ChatReply, "complete, asked twice at once")
    for text in _ODD_TEXTS:
        try:
            expect_type(await model.complete(_request(text)), ChatReply, "complete")
        except ExecutionError:
            continue
        except Exception as error:
            raise AssertionError(
                f"complete: a prompt of {text[:20]!r}… raised {type(error).__name__} ({error}), expected a reply or "
                "ExecutionError, which fails that question alone"
            ) from error
    await _close(model)


def _request(text: str, top_logprobs: int = 0) -> ChatRequest:
    return ChatRequest((Message("user", text),), "conformance/en@1", max_tokens=16, top_logprobs=top_logprobs)


def _check_reply(reply: object, request: ChatRequest) -> None:
    reply = expect_type(reply, ChatReply, "complete")
    text = expect_type(reply.text, str, "the reply's text")
    expect_text(reply.finish_reason, "the reply's finish_reason")
    usage = expect_type(reply.usage, Usage, "the reply's usage")
    for name in ("calls", "cached_calls", "prompt_tokens", "cached_tokens", "completion_tokens"):
        expect_number(getattr(usage, name), f"the reply's usage.{name}", 0, float("inf"))
    expect(
        usage.calls >= 1,
        "the reply's usage: found no call, expected Usage(calls=1, ...): calls that are not counted cost nothing",
    )
    if not reply.tokens:
        return
    spelled = "".join(token.text for token in reply.tokens)
    expect(spelled == text, f"the reply's tokens: found that they spell {spelled!r}, expected the text, {text!r}")
    for token in reply.tokens:
        for pair in token.alternatives:
            expect(len(pair) == 2, f"alternatives of {token.text!r}: found {pair!r}, expected (token, log-probability)")
            expect_type(pair[0], str, f"alternatives of {token.text!r}")
            expect_number(pair[1], f"alternatives of {token.text!r}: log-probability", float("-inf"), _UNIT)
        expect(
            len(token.alternatives) <= max(1, request.top_logprobs),
            f"alternatives of {token.text!r}: found {len(token.alternatives)}, expected at most {request.top_logprobs}",
        )


def check_embedder(embedder: Embedder) -> None:
    """Raises AssertionError where the embedder does not keep the protocol `Embedder`. Calls it four times; closes it.

    Checked are: an identity that does not change; one finite float32 row of unit length for each text, in order,
    whatever stands beside it; as many columns for passages as for queries; texts in Chinese, and an empty one.
    """
    _check_identity(embedder)
    expect(inspect.iscoroutinefunction(embedder.embed), "embed: found a plain `def`, expected `async def embed`")
    asyncio.run(_embed(embedder))


async def _embed(embedder: Embedder) -> None:
    texts = ["How deep is the lake?", "东湖有多深？", "", "The river is long."]
    vectors = {kind: _checked(await embedder.embed(texts, kind), len(texts), kind) for kind in ("query", "passage")}
    columns = {kind: array.shape[1] for kind, array in vectors.items()}
    expect(
        columns["query"] == columns["passage"],
        f"embed: found {columns['query']} columns for queries and {columns['passage']} for passages, expected as many",
    )
    alone = _checked(await embedder.embed(texts[-1:], "query"), 1, "query")
    expect(
        bool(np.allclose(alone[0], vectors["query"][-1], atol=_SAME)),
        "embed: found another vector for a text alone than beside others, expected row i to be that of text i",
    )
    turned = _checked(await embedder.embed(texts[::-1], "query"), len(texts), "query")
    expect(
        bool(np.allclose(turned[::-1], vectors["query"], atol=_SAME)),
        "embed: found other vectors for the texts in reverse order, expected row i to be that of text i",
    )
    await _close(embedder)


def _checked(vectors: object, n: int, kind: str) -> np.ndarray:
    array = expect_type(vectors, np.ndarray, f"embed of {n} texts as {kind}")
    expect(
        array.ndim == 2 and array.shape[0] == n,
        f"embed: found an array of shape {array.shape}, expected ({n}, columns): one row per text",
    )
    expect(array.dtype == np.float32, f"embed: found {array.dtype}, expected float32")
    expect(bool(np.isfinite(array).all()), "embed: found values that are not finite")
    lengths = np.linalg.norm(array, axis=1)
    expect(
        bool(np.all(np.abs(lengths - 1.0) <= _UNIT)),
        f"embed: found rows of length {lengths.min():.4g} to {lengths.max():.4g}, expected unit length: divide each "
        "row by its norm",
    )
    return array


def _check_identity(model: ChatModel | Embedder) -> None:
    expect_text(model.identity, "identity")
    expect_stable(lambda: model.identity, "identity")
    expect(
        f"{id(model):x}" not in model.identity.lower(),
        f"identity: found {model.identity!r}, which holds the object's address: name model and endpoint, which are the "
        "same in every process",
    )


async def _close(model: ChatModel | Embedder) -> None:
    expect(inspect.iscoroutinefunction(model.close), "close: found a plain `def`, expected `async def close`")
    await model.close()
