"""`rageval check --live`: what endpoints can do is found out by few calls, told, kept, and used by later runs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, Received, fault
from tests.flow.imitation import Imitation, profiles
from tests.flow.small_world import respond, write_experiment
from tests.flow.vector_services import ROWS, VectorService
from tests.unit.models.test_rerank_endpoint import tei

SIMPLE: dict[str, Any] = {"pipelines": ["naive"], "metrics": ["answer_relevance", "context_relevance"]}


class Service(Imitation):
    """A profile with a list of models, an embedder and a reranker that take 32 texts a call (TEI's refusals)."""

    listed: object = {"data": [{"id": "fake"}, {"id": "other"}]}

    def __init__(self, profile: str, **more: Any) -> None:
        super().__init__(
            profiles()[profile], embed=lambda _, received: _embed(received), rerank=lambda _, r: tei(r), **more
        )

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        super()._add_routes(router)
        router.add_get("/{path:.*}", self._list)

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response(self.listed)

    @property
    def routes(self) -> Counter[str]:
        return Counter(received.path.rpartition("/")[2] for received in self.received)


def _embed(received: Received) -> Canned:
    texts = received.payload["input"]
    if len(texts) > 32:
        return Canned({"message": f"batch size {len(texts)} > maximum allowed batch size 32", "code": 422}, 422)
    return respond(Received("/v1/embeddings", "", received.payload))


def check(command_line: CommandLine, experiment: Path, out: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and what is told of the models by their first role."""
    ended = command_line("check", experiment, "--live", "--json", "--out", out)
    return ended.code, {model["roles"][0]: model for model in json.loads(ended.out)["models"]}


@pytest.mark.parametrize(
    ("profile", "logprobs", "form", "place"),
    [
        ("openai", 2, "json_schema", None),
        ("openai_reasoning", 0, "json_schema", "nothing that is shown"),
        ("deepseek", None, "json_object", "reasoning_content"),
        ("vllm_without_parser", None, "json_schema", "the content"),
        ("siliconflow", 0, "json_schema", "reasoning_content"),
        ("mistral", 0, "json_schema", "parts of the content"),
    ],
)
def test_what_a_chat_model_can_do(
    profile: str, logprobs: int | None, form: str, place: str | None, tmp_path: Path, command_line: CommandLine
) -> None:
    with Service(profile) as server:
        experiment = write_experiment(tmp_path, server.base_url, **SIMPLE)
        code, models = check(command_line, experiment, tmp_path / "out")
    chat = models["chat"]
    assert (code, chat["error"], chat["roles"]) == (0, None, ["chat", "judge"])
    assert (chat["can"]["json"], chat["can"]["reasoning"], chat["can"]["readable"]) == (form, place, True)
    assert (chat["can"]["models"], chat["can"]["listed"]) == (2, True)
    if logprobs is not None:
        assert min(chat["can"]["logprobs"], 2) == logprobs
        assert ("verdicts are words, not probabilities" in chat["does"]) == (logprobs == 0)


def test_later_runs_do_not_pay_for_the_refusals_again(
    tmp_path: Path, command_line: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    with Service("openai_reasoning") as server:
        experiment = write_experiment(tmp_path, server.base_url, **SIMPLE)
        assert command_line("run", experiment, "--out", tmp_path / "alone").code == 0
        alone = server.routes
        assert check(command_line, experiment, out)[0] == 0
        before = server.routes
        assert command_line("run", experiment, "--out", out).code == 0
        after = server.routes - before
    # Temperature, length and log-probabilities are refused once each where nothing is known.
    assert after["completions"] < alone["completions"]
    assert caplog.text.count("uses what was found on 20") == 2  # chat and embedder
    known = json.loads((out / "cache" / "endpoints.json").read_text())
    assert {key.partition(" ")[0] for key in known} == {"chat", "embed"}
    assert all(entry["found"].startswith("20") for entry in known.values())


def test_embedder_and_reranker(tmp_path: Path, command_line: CommandLine) -> None:
    with Service("openai") as server:
        rerank = {"rerank": {"reranker": {"endpoint": {"base_url": server.base_url, "model": "ranker"}}}}
        experiment = write_experiment(tmp_path, server.base_url, **{**SIMPLE, "pipelines": [rerank]})
        code, models = check(command_line, experiment, tmp_path / "out")
        assert code == 0
        assert (models["embed"]["can"]["dimensions"], models["embed"]["can"]["batch"]) == (32, 32)
        assert "sends 32 texts a call at most" in models["embed"]["does"]
        assert models["rerank"]["can"]["batch"] == 32
        assert models["rerank"]["can"]["shape"] == {"path": "/rerank", "texts": "texts", "most": None}
        assert models["rerank"]["calls"] == 4  # 100 texts, 32 a call
        before = server.routes
        ended = command_line("run", experiment, "--out", tmp_path / "out")
        assert ended.code == 0
        asked = [r.payload for r in server.received[sum(before.values()) :]]
        assert max(len(one["input"]) for one in asked if "input" in one) <= 32
        assert all("texts" in one for one in asked if "query" in one)
        told = command_line("check", experiment, "--live", "--out", tmp_path / "out").out
    assert f"rerank: ranker @ {server.base_url}" in told
    assert "  sends 32 passages a call at most\n" in told
    assert "  takes a text of 1,024 tokens; it may cut longer ones without saying so: set max_tokens\n" in told


def test_a_service_without_a_list_of_models_is_told(tmp_path: Path, command_line: CommandLine) -> None:
    with Imitation(profiles()["ollama"]) as server:
        experiment = write_experiment(tmp_path, server.base_url, **SIMPLE)
        code, models = check(command_line, experiment, tmp_path / "out")
    assert code == 0
    assert models["chat"]["does"][0] == "has no list of models"


def test_a_model_that_refuses_is_told_beside_the_others(tmp_path: Path, command_line: CommandLine) -> None:
    with Service("openai") as server, Service("openai") as broken:
        broken.queue(*[fault(401, "no such key")] * 2)
        experiment = write_experiment(tmp_path, server.base_url, **SIMPLE)
        endpoint = {"provider": "openai", "base_url": broken.base_url, "model": "fake"}
        models = {"chat": {**endpoint, "base_url": server.base_url}, "judge": endpoint, "embed": endpoint}
        experiment = write_experiment(tmp_path, server.base_url, **SIMPLE, models=models)
        code, found = check(command_line, experiment, tmp_path / "out")
    assert code == 5
    assert found["chat"]["error"] is None
    assert "check the key" in found["judge"]["error"]
    assert "check the key" in found["embed"]["error"]


def test_the_budget_holds_for_live_calls_too(tmp_path: Path, command_line: CommandLine) -> None:
    with Service("openai") as server:
        experiment = write_experiment(tmp_path, server.base_url, **SIMPLE, budget={"max_tokens": 5})
        ended = command_line("check", experiment, "--live", "--out", tmp_path / "out")
        assert (ended.code, server.calls) == (6, 0)


def test_without_live_nothing_is_asked_or_written(tmp_path: Path, command_line: CommandLine) -> None:
    with Service("openai") as server:
        experiment = write_experiment(tmp_path, server.base_url, **SIMPLE)
        ended = command_line("check", experiment, "--json", "--out", tmp_path / "out")
        assert (ended.code, server.calls) == (0, 0)
    assert "models" not in json.loads(ended.out)
    assert not (tmp_path / "out").exists()


def test_renewing_forgets_what_was_known(tmp_path: Path, command_line: CommandLine) -> None:
    out = tmp_path / "out"
    with Service("openai_reasoning") as server:
        experiment = write_experiment(tmp_path, server.base_url, **SIMPLE)
        check(command_line, experiment, out)
        server.profile = profiles()["openai"]
        _, models = check(command_line, experiment, out)
    assert models["chat"]["can"]["left_out"] == []
    assert models["chat"]["can"]["logprobs"] > 1


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("siliconflow", "texts of more than 400 tokens are cut at a sentence"),
        ("ollama", "the endpoint cuts texts at 512 tokens without saying so: set max_tokens to 512"),
    ],
)
def test_how_long_texts_may_be(service: str, said: str, tmp_path: Path, command_line: CommandLine) -> None:
    embeddings = {**ROWS[service]["embeddings"]}
    if "cuts_at" in embeddings:
        embeddings["cuts_at"] = 512
    with Service("openai") as chat, VectorService({**ROWS[service], "embeddings": embeddings}) as server:
        models = {
            "chat": {"provider": "openai", "base_url": chat.base_url, "model": "fake"},
            "embed": {"provider": "openai", "base_url": server.base_url, "model": "fake", "batch": 8},
        }
        experiment = write_experiment(tmp_path, chat.base_url, **SIMPLE, models=models)
        code, found = check(command_line, experiment, tmp_path / "out")
        assert code == 0
        assert found["embed"]["does"][-1] == said
        assert found["embed"]["tokens"] > 0
        if service == "ollama":
            ended = command_line("run", experiment, "--out", tmp_path / "out")
            assert "which it cuts without saying so" not in ended.err  # no passage is that long


def test_a_model_of_the_users_own_is_not_called(tmp_path: Path, command_line: CommandLine) -> None:
    (tmp_path / "own.py").write_text(
        "from rageval.models.scripted import ScriptedChat\n"
        "def chat():\n    return ScriptedChat(lambda request: 1 / 0)\n",
        encoding="utf-8",
    )
    models = {"chat": {"provider": "own.py"}}
    settings: dict[str, Any] = {"pipelines": ["closed_book"], "metrics": ["answer_relevance"]}
    code, found = check(
        command_line, write_experiment(tmp_path, "http://127.0.0.1:9/v1", **settings, models=models), tmp_path / "out"
    )
    assert code == 0
    assert found["chat"]["does"] == ["is not an endpoint: not called"]
    assert (found["chat"]["calls"], found["chat"]["roles"]) == (0, ["chat", "judge"])


def test_a_check_that_fails_leaves_what_was_known(tmp_path: Path, command_line: CommandLine) -> None:
    file = tmp_path / "out" / "cache" / "endpoints.json"
    with Service("openai") as server:
        experiment = write_experiment(tmp_path, server.base_url, **SIMPLE)
        assert check(command_line, experiment, tmp_path / "out")[0] == 0
        before = file.read_text()
        server.queue(*[fault(401, "no such key")] * 2)
        assert check(command_line, experiment, tmp_path / "out")[0] == 5
    assert file.read_text() == before


def test_models_of_single_pipelines_are_checked_too(tmp_path: Path, command_line: CommandLine) -> None:
    with Service("vllm") as server:
        entry = {"provider": "openai", "base_url": server.base_url}
        named = {"small": {**entry, "model": "small"}, "large": {**entry, "model": "large"}}
        models = {"named": named, "judge": named["small"], "embed": {**entry, "model": "vectors"}}
        sweep = {
            "pipeline": ["naive"],
            "models.chat": ["small", "large"],
            "models.embed": [{**entry, "model": "other"}],
        }
        setting = {"pipelines": None, "metrics": ["answer_relevance"], "models": models, "sweep": sweep}
        experiment = write_experiment(tmp_path, server.base_url, **setting)
        ended = command_line("check", experiment, "--live", "--json", "--out", tmp_path / "out")
    found = {(model["model"].partition(" @")[0], *model["roles"]) for model in json.loads(ended.out)["models"]}
    assert found == {("small", "chat", "judge"), ("large", "chat"), ("other", "embed")}
