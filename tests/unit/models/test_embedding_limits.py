"""The words are those of the services' own refusals (OpenAI, DashScope, Zhipu, Gemini, TEI, Infinity, llama.cpp …)."""

from __future__ import annotations

import pytest

from rageval.models.embedding_limits import is_batch_too_large, named_batch, named_tokens


@pytest.mark.parametrize(
    ("told", "batch"),
    [
        ("Value error, batch size is invalid, it should not be larger than 10.: input.contents", 10),
        ("input数组最大不得超过64条", 64),
        ("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch", 100),
        ("batch size 200 > maximum allowed batch size 32", 32),
        ("input: List should have at most 50 items after validation, not 200", 50),
        ("Invalid 'input': array too long. Expected an array with maximum length 128, but got 200.", 128),
        ("Requested 400000 tokens, max 300000 tokens per request", None),
        ("413 Request Entity Too Large", None),
        ("Failed to buffer the request body: length limit exceeded", None),
    ],
)
def test_a_batch_that_is_too_large(told: str, batch: int | None) -> None:
    assert is_batch_too_large(told)
    assert named_batch(told, 200) == batch
    assert named_batch(told, 500) == batch


@pytest.mark.parametrize(
    ("told", "tokens"),
    [
        ("Invalid 'input[37]': maximum input length is 8192 tokens.", 8192),
        ("Range of input length should be [1, 2048]", 2048),
        ("input must have less than 512 tokens", 512),
        ("Input validation error: `inputs` must have less than 512 tokens. Given: 600", 512),
        ("This model's maximum context length is 512 tokens. However, you requested 600 tokens", 512),
        ("The input (600 tokens) is longer than the model's context length (400 tokens).", 400),
        ("input (700 tokens) is too large to process. increase the physical batch size (current batch size: 512)", 512),
        ("request (700 tokens) exceeds the available context size (512 tokens), try increasing it", 512),
        ("embeddings max tokens per batch size is 384", 384),
        ("The input is too long.", None),
    ],
)
def test_a_text_that_is_too_long(told: str, tokens: int | None) -> None:
    assert not is_batch_too_large(told)
    assert named_tokens(told) == tokens
