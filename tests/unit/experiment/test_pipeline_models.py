"""Models of a pipeline's own: how they are named, what is refused, and what pipelines with other models share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.experiment.choose_pipelines import choose_pipelines
from rageval.experiment.grid import grid_entries
from rageval.experiment.pipeline_models import check_pipeline_models
from rageval.experiment.spec import Models
from rageval.models.base import ChatRequest, Message
from rageval.models.scripted import ScriptedChat
from rageval.models.wrapped import WarmChat
from rageval.pipeline import Resources
from rageval.retrieval import BM25, Dense
from rageval.types import Document

ENDPOINT = {"provider": "openai", "base_url": "http://127.0.0.1:1/v1", "model": "small", "api_key_env": None}
NAMED = Models.model_validate({"named": {"small": ENDPOINT, "large": {**ENDPOINT, "model": "large"}}})


def cells(**factors: list[Any]) -> list[str]:
    pipelines = choose_pipelines(grid_entries({"pipeline": ["naive"], **factors}, []), Path())
    check_pipeline_models(pipelines, NAMED)
    return [one.label for one in pipelines]


def test_levels_are_names_or_entries() -> None:
    found = cells(**{"k": [3], "models.chat": ["small", "local", {**ENDPOINT, "model": "third"}]})
    assert found == [
        "naive(k=3, models.chat=small)",
        "naive(k=3, models.chat=local)",
        "naive(k=3, models.chat=third)",
    ]
    assert cells(**{"models.temperature": [0, 0.7], "models.repeat": [0, 1]})[-1] == (
        "naive(models.temperature=0.7, models.repeat=1)"
    )


def test_a_single_pipeline_has_them_too() -> None:
    stages = {"stages": ["retrieve", "answer"], "models": {"chat": "large", "embed": ENDPOINT}}
    (one,) = choose_pipelines([{"mine": stages}], Path())
    check_pipeline_models([one], NAMED)
    assert one.label == "mine(models.chat=large, models.embed=small)"
    both = choose_pipelines([{"naive": {"models": {"chat": name}}} for name in ("small", "large")], Path())
    assert len({pipeline.label for pipeline in both}) == 2


@pytest.mark.parametrize(
    ("factors", "told"),
    [
        ({"models.chat": ["middle"]}, "pipelines.naive.models.chat: found 'middle', expected a model, or a name of"),
        ({"models.judge": ["small"]}, "pipelines.naive.models: judge: found an unknown key, expected one of chat"),
        ({"models.temperature": [3]}, "pipelines.naive.models: temperature: found 3"),
        ({"models.repeat": [-1]}, "pipelines.naive.models: repeat: found -1"),
        ({"models.chat": [{"provider": "openai"}]}, "pipelines.naive.models: chat.base_url: found nothing"),
        ({"models.embed": [ENDPOINT, {**ENDPOINT, "batch": 7}]}, "sweep.models.embed: found two models called 'small'"),
    ],
)
def test_what_is_refused(factors: dict[str, list[Any]], told: str) -> None:
    with pytest.raises(DeclarationError) as error:
        cells(**factors)
    assert str(error.value).startswith(told)


@dataclass
class _Embedder:
    identity: str
    texts: int = 0

    async def embed(self, texts: Any, kind: str) -> Any:
        self.texts += len(texts)
        return np.ones((len(texts), 2), dtype=np.float32)

    async def close(self) -> None:
        return None


def test_what_needs_none_of_the_models_that_differ_is_built_once() -> None:
    first, second = _Embedder("first"), _Embedder("second")
    chats = [ScriptedChat(lambda request: "yes"), ScriptedChat(lambda request: "no")]
    resources = Resources((Document("d", "A text."),), chat=chats[0], embedder=first)
    assert resources.with_models(chats[0], first) is resources

    async def build() -> list[list[object]]:
        ways = [resources, resources.with_models(chats[1], first), resources.with_models(chats[0], second)]
        return [[await way.get(BM25()), await way.get(Dense())] for way in ways]

    (lexical, dense), (same, again), (third, other) = asyncio.run(build())
    assert lexical is same is third
    assert dense is again
    assert other is not dense
    assert (first.texts, second.texts) == (1, 1)


def test_a_temperature_is_that_of_texts_alone() -> None:
    model = ScriptedChat(lambda request: "yes")
    messages = (Message("user", "?"),)
    requests = [
        ChatRequest(messages, "p", 8),
        ChatRequest(messages, "p", 1, top_logprobs=20),
        ChatRequest(messages, "p", 8, schema={}),
        ChatRequest(messages, "p", 8, temperature=0.3),
    ]

    async def ask() -> None:
        for request in requests:
            await WarmChat(model, 0.7).complete(request)

    asyncio.run(ask())
    assert [request.temperature for request in model.requests] == [0.7, 0.0, 0.0, 0.7]
