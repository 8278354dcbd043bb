"""What was spent, in manifest and leaderboard: by stage and by judge, nothing twice and nothing left out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import respond, run_folders, write_experiment


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
