"""No test here reaches out: words are the tokens, and a connection to anywhere fails the test."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import llama_index.core
import pytest
from llama_index.core import Settings


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> NoReturn:
        raise AssertionError("a test of LlamaIndex opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(llama_index.core, "global_tokenizer", str.split)
    monkeypatch.setattr(Settings, "_llm", None)
    monkeypatch.setattr(Settings, "_embed_model", None)
