"""docs/integrations/ragas.md: its examples run against the real package and a server on loopback."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import pytest

from tests.flow.fake_server import Canned, FakeServer, Received, completion
from tests.flow.small_world import respond

PAGE = Path(__file__).parents[2] / "docs" / "integrations" / "ragas.md"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def reply(received: Received) -> Canned:
    """Every statement is supported, the Chinese reference is not; rageval's own prompts get what they get elsewhere."""
    prompt = received.payload["messages"][-1]["content"]
    if "JSON Schema:\n" not in prompt:
        return respond(received)
    title = received.payload["response_format"]["json_schema"]["schema"]["title"]
    attributed = {"statement": "s", "reason": "", "attributed": int("四十米" not in prompt)}
    forms = {
        "StatementGeneratorOutput": {"statements": ["s"]},
        "NLIStatementOutput": {"statements": [{"statement": "s", "reason": "", "verdict": 1}]},
        "ContextRecallOutput": {"classifications": [attributed]},
    }
    return completion(json.dumps(forms[title]))


def test_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    evaluated, judged = blocks()
    assert all(len(block.splitlines()) <= 15 for block in (evaluated, judged))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "secret-for-the-test")
    with FakeServer(reply) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # RAGAS and what it imports warn of what they will take away
        for block in (evaluated.replace("https://api.openai.com/v1", server.base_url), judged):
            found: dict[str, object] = {}
            exec(compile(block, str(PAGE), "exec"), found)  # a page of our own
    out = capsys.readouterr().out
    assert "| recorded |" in out
    assert "custom.faithfulness" in out
    assert re.search(r"How deep is the lake\?\s+\S+\s+1\.0\s", out)
    assert re.search(r"湖有多深？\s+\S+\s+0\.0\s", out)
    named = [getattr(metric, "name", metric) for metric in found["metrics"]]  # type: ignore[attr-defined]
    assert named == ["ndcg@10", "custom.answer_relevancy", "custom.rubrics"]
