"""What an experiment file says of an endpoint is what its model is made of."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.experiment.choose_models import choose_chat, located
from rageval.experiment.spec import OpenAIModel, parse_spec

REST = {"benchmark": "handbook", "metrics": ["map"], "pipelines": ["naive"]}
ENDPOINT = {"provider": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
SETTINGS = {
    "api_version": "2024-10-21",
    "extra_body": {"thinking": {"type": "disabled"}},
    "extra_headers": {"X-Beta": "on", "X-Token": {"env": "RAGEVAL_TEST_TOKEN"}},
    "reasoning": {"effort": "low", "max_tokens": 100},
}


def test_offline_models_have_the_same_identity_without_any_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = OpenAIModel.model_validate({**ENDPOINT, **SETTINGS})
    offline = choose_chat(choice, tmp_path, offline=True)
    monkeypatch.setenv("RAGEVAL_TEST_TOKEN", "tk-hush")
    live = choose_chat(choice, tmp_path)
    assert offline.identity == live.identity
    assert all(part in live.identity for part in ("2024-10-21", "disabled", "on", "low"))
    assert "tk-hush" not in live.identity
    for model in (offline, live):
        asyncio.run(model.close())


def test_certificates_are_relative_to_the_file(tmp_path: Path) -> None:
    choice = OpenAIModel.model_validate({**ENDPOINT, "verify": "ca.pem"})
    assert located(choice, tmp_path).verify == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"reasoning": {"efort": "low"}}, "models.chat.reasoning.efort"),
        ({"reasoning": {"max_tokens": 0}}, "models.chat.reasoning.max_tokens"),
        ({"auth": "basic"}, "models.chat.auth"),
        ({"extra_headers": {"X-A": 3}}, "models.chat.extra_headers.X-A"),
        ({"extra_body": ["x"]}, "models.chat.extra_body"),
    ],
)
def test_a_bad_setting_is_named(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_spec({**REST, "models": {"chat": {**ENDPOINT, **settings}}})
    assert problem in str(caught.value).replace("openai.", "")
    assert "\n" not in str(caught.value)
