"""What was spent, in manifest and leaderboard: by stage and by judge, nothing twice and nothing left out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import DOCUMENTS, respond, run_folders, write_experiment


def test_stages_and_judges_add_up_to_what_the_endpoint_saw(tmp_path: Path, command_line: CommandLine) -> None:
    with FakeServer(respond) as server:
        experiment = write_experiment(
            tmp_path,
            server.base_url,
            pipelines=["naive", "rag_fusion", "self_rag"],
            metrics=["faithfulness", "answer_relevance"],
        )
        ended = command_line("run", experiment, "--out", tmp_path / "out", "--json")
        assert ended.code == 0, ended.err
        seen = Counter(received.path for received in server.received)
    folders = run_folders(tmp_path / "out")
    asked: Counter[str] = Counter()
    for name, folder in folders.items():
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        stages = manifest["usage_by_stage"]
        assert {
            key: sum(usage[key] for usage in stages.values()) for key in manifest["usage"]["answering"]
        } == manifest["usage"]["answering"], name
        asked.update({stage: usage["calls"] + usage["cached_calls"] for stage, usage in stages.items()})
    of_self_rag = {"need_retrieval", "grade_passages", "check_support"}
    assert set(asked) == {"rewrite_queries", "check_answerable", "answer", *of_self_rag}
    board = command_line("leaderboard", *folders.values(), "--format", "json")
    runs = json.loads(board.out)["runs"]
    assert sum(run["calls"] for run in runs) == seen["/v1/chat/completions"] > 0
    assert {name for run in runs for name in run["usage"] if name.startswith("judge ")} == {
        "judge claim_support",
        "judge answer_relevance",
    }


@pytest.mark.parametrize("order", [1, -1])
def test_what_indexing_costs_has_a_row_of_its_own(tmp_path: Path, command_line: CommandLine, order: int) -> None:
    """Two pipelines share an index with a summary of each passage: one pays, and both say what it takes."""
    views = ["sentences", "summaries"]
    both = [{"multi_vector": {"k": k, "views": views}} for k in (1, 2)][::order]

    def run() -> list[dict[str, Any]]:
        ended = command_line("run", experiment, "--out", tmp_path / "out", "--json")
        assert ended.code == 0, ended.err
        return json.loads(ended.out)["runs"]

    with FakeServer(respond) as server:
        experiment = write_experiment(tmp_path, server.base_url, pipelines=both, metrics=["ndcg@10"])
        first, second = run()
        made = Counter(received.path for received in server.received)["/v1/chat/completions"]
        # Some answers are lost, and the index is built again for them: the cache has its summaries.
        folder = Path(first["path"])
        lines = (folder / "responses.jsonl").read_bytes().splitlines(keepends=True)
        (folder / "responses.jsonl").write_bytes(b"".join(lines[:2]))
        again = run()
        assert Counter(received.path for received in server.received)["/v1/chat/completions"] == made
    assert made == len(DOCUMENTS)
    assert set(first["usage"]) == set(second["usage"]) == {"index MultiVector"}
    paid, shared = (one["usage"]["index MultiVector"] for one in (first, second))
    assert (paid["calls"], paid["cached_calls"]) == (made, 0)
    assert (shared["calls"], shared["cached_calls"]) == (0, made)
    assert shared["saved_tokens"] == paid["prompt_tokens"] + paid["completion_tokens"] > 0
    assert (first["calls"], second["calls"]) == (made, 0)
    assert [one["usage"] for one in again] == [first["usage"], second["usage"]]
    for one in (first, second):
        manifest = json.loads((Path(one["path"]) / "manifest.json").read_text("utf-8"))
        assert manifest["usage"]["indexing"] == manifest["usage_by_index"]["MultiVector"]
        assert manifest["usage"]["indexing"] == one["usage"]["index MultiVector"]
        assert manifest["usage"]["answering"]["calls"] == 0
    table = command_line("leaderboard", first["path"], "--format", "md")
    assert f"| index MultiVector | {made} | 0 |" in table.out
