"""docs/endpoints.md: its settings are accepted, and its table is that of the imitated services."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rageval.experiment.spec import OpenAIModel, read_spec
from rageval.models.openai_compatible import OpenAIChat
from tests.flow.services_table import PAGE, with_table

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_settings_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    path = tmp_path / "experiment.yaml"
    path.write_text(f"benchmark: handbook\nmetrics: [map]\npipelines: [naive]\n{block}", encoding="utf-8")
    chat = read_spec(path).models.chat
    assert isinstance(chat, OpenAIModel)
    monkeypatch.setenv("EXAMPLE_KEY", "sk-1")
    monkeypatch.setenv("TEAM_TOKEN", "tk-1")
    model = OpenAIChat(**{**chat.endpoint, "verify": None})
    assert model.identity == chat.identity
    assert "tk-1" not in chat.identity


def test_the_table_is_current() -> None:
    """`python -m tests.flow.services_table` writes it."""
    assert with_table(TEXT) == TEXT
