"""docs/models.md: its settings are accepted, its defaults are true, and its table is that of the imitated services."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from rageval.experiment.embedder_spec import EmbeddingEndpoint
from rageval.experiment.recipes import build_pipeline
from rageval.experiment.spec import read_spec
from rageval.models.rerank_reply import SHAPES
from rageval.pipeline.parts import parts_of
from rageval.retrieval import RerankEndpoint
from tests.conftest import CommandLine
from tests.flow.imitation import Imitation, profiles
from tests.flow.small_world import write_experiment
from tests.flow.vector_services import table

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
EMBED, RERANK = re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_settings_of_an_embedder_are_accepted_and_all_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(f"benchmark: handbook\nmetrics: [map]\npipelines: [naive]\n{EMBED}", encoding="utf-8")
    embed = read_spec(path).models.embed
    assert isinstance(embed, EmbeddingEndpoint)
    shown = set(yaml.safe_load(EMBED)["models"]["embed"])
    elsewhere = set(
        re.findall(r"`(\w+)`", " ".join(PAGE.split()).partition("are those of chat models")[0].rpartition("```")[2])
    )
    rates = {"requests_per_minute", "tokens_per_minute", "api_key_env"}
    assert shown | elsewhere | rates == set(EmbeddingEndpoint.model_fields)
    given: dict[str, Any] = {"provider": "openai", "base_url": "http://127.0.0.1/v1", "model": "m"}
    default = EmbeddingEndpoint(**given)
    assert (default.batch, default.batch_tokens, default.truncate) == (embed.batch, embed.batch_tokens, embed.truncate)


def test_the_settings_of_a_reranker_are_accepted(tmp_path: Path) -> None:
    ((name, settings),) = yaml.safe_load(RERANK)["pipelines"][0].items()
    (service,) = (
        part for part in parts_of(build_pipeline(name, settings, tmp_path).stage) if isinstance(part, RerankEndpoint)
    )
    assert service.batch == 100
    assert all(f"`{shape}`" in PAGE for shape in SHAPES)


def test_the_command_works(tmp_path: Path, command_line: CommandLine) -> None:
    (command,) = re.findall(r"^    (rageval .*)$", PAGE, flags=re.MULTILINE)
    _, *words = command.split()
    with Imitation(profiles()["openai"]) as server:
        experiment = write_experiment(tmp_path, server.base_url, pipelines=["naive"])
        given = [experiment if word == "experiment.yaml" else word for word in words]
        ended = command_line(*given, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert (tmp_path / "out" / "cache" / "endpoints.json").is_file()


def test_the_table_is_current() -> None:
    """`python -m tests.flow.vector_services` prints it."""
    assert table() in PAGE
