"""docs/integrations/pytest.md: its configuration, its test and its commands, as written, in one folder."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "integrations" / "pytest.md").read_text(encoding="utf-8")

pytest_plugins = ["pytester"]


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert {name for name, _ in found} == {"toml", "python", "bash", ""}
    return [text for name, text in found if name == language]


def test_the_example_runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,), configuration, (commands,), (shown,) = blocks("python"), blocks("toml")[0], blocks("bash"), blocks("")
    assert len(example.splitlines()) <= 15
    (pytester.path / "pyproject.toml").write_text(configuration, encoding="utf-8")
    (pytester.path / "test_rag.py").write_text(example, encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p rageval.integrations.pytest_plugin -p no:cacheprovider")
    printed = ""
    for command in commands.splitlines():
        result = pytester.run(*command.partition("#")[0].split(), timeout=120)
        assert result.ret == 0, result.stdout.str()
        printed += result.stdout.str()
    assert shown in printed
    assert "results/baselines/my_rag.json is set from my_rag" in printed
