"""What was spent, in manifest and leaderboard: by stage and by judge, nothing twice and nothing left out; and what a
run costs alone, which depends on no other run and on nothing that the cache has.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion
from tests.flow.small_world import (
    DOCUMENTS,
    QUESTIONS,
    asked_schema,
    read_jsonl,
    reply_to,
    respond,
    start_rageval,
    write_benchmark,
    write_experiment,
)

# The first two split the short documents alike, so that they ask for the same.
PIPELINES: list[Any] = [
    {"naive": {"k": 2}},
    {"naive": {"k": 2, "chunk_tokens": 300}},
    "self_rag",
    "rag_fusion",
    {"multi_vector": {"k": 2, "views": ["sentences", "summaries"]}},
]
METRICS = ["faithfulness", "answer_relevance"]
ALONE = ("calls", "prompt_tokens", "completion_tokens")


def respond_counting(received: Received) -> Canned:
    """As `respond`, with a token for each character."""
    if received.path == "/v1/embeddings":
        return respond(received)
    payload = received.payload
    prompt = payload["messages"][-1]["content"]
    reply = reply_to(prompt, schema=asked_schema(payload), wants_logprobs=payload.get("logprobs", False))
    usage = {"prompt_tokens": len(prompt), "completion_tokens": len(reply.text)}
    return completion(reply.text, tokens=reply.tokens, usage=usage)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond_counting) as server:
        yield server


def experiment_in(folder: Path, server: FakeServer, pipelines: Sequence[Any], **changes: Any) -> Path:
    """An experiment whose benchmark has one question under two ids, so that a run asks for the same more than once."""
    if not (folder / "small").exists():
        questions = write_benchmark(folder / "small") / "questions.jsonl"
        again = json.dumps({"id": "en-again", "text": QUESTIONS["en-2"], "tags": ["unanswerable"]}) + "\n"
        questions.write_text(questions.read_text("utf-8") + again, "utf-8")
    return write_experiment(folder, server.base_url, **{"pipelines": [*pipelines], "metrics": METRICS, **changes})


def run(folder: Path, server: FakeServer, pipelines: Sequence[Any], command_line: CommandLine) -> dict[str, Any]:
    """Run these in `folder`, with what its cache has; the leaderboard's rows by the label of the pipeline."""
    ended = command_line("run", experiment_in(folder, server, pipelines), "--out", folder / "out", "--json")
    assert ended.code == 0, ended.err
    return rows_by_label(ended.out)


def rows_by_label(board: str) -> dict[str, Any]:
    return {row["pipeline"]: row for row in json.loads(board)["runs"]}


def each_alone(folder: Path, server: FakeServer, command_line: CommandLine) -> dict[str, Any]:
    """Each of the pipelines by itself, from an empty cache."""
    rows: dict[str, Any] = {}
    for number, pipeline in enumerate(PIPELINES):
        rows |= run(folder / f"alone-{number}", server, [pipeline], command_line)
    return rows


def folders_in(out: Path) -> list[Path]:
    return sorted((out / "runs").iterdir())


def cost_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the row shows as the cost, whoever paid for it."""
    usage = {name: {key: used[key] for key in ALONE} for name, used in row["usage"].items()}
    return {"calls": row["calls"], "tokens": row["tokens"], "usage": usage}


def paid(row: Mapping[str, Any]) -> tuple[int, int]:
    return row["paid_calls"], row["paid_tokens"]


def test_stages_and_judges_add_up_to_what_the_endpoint_saw(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    rows = run(tmp_path, server, PIPELINES, command_line)
    seen = Counter(received.path for received in server.received)
    asked: Counter[str] = Counter()
    for folder in folders_in(tmp_path / "out"):
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        stages = manifest["usage_by_stage"]
        assert {
            key: sum(usage[key] for usage in stages.values()) for key in manifest["usage"]["answering"]
        } == manifest["usage"]["answering"], folder.name
        asked.update({stage: usage["calls"] for stage, usage in stages.items()})
    of_self_rag = {"need_retrieval", "grade_passages", "check_support"}
    assert set(asked) == {"rewrite_queries", "check_answerable", "answer", *of_self_rag}
    assert sum(row["paid_calls"] for row in rows.values()) == seen["/v1/chat/completions"] > 0
    assert {name for row in rows.values() for name in row["usage"] if name.startswith("judge ")} == {
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
    payer, other = (one["usage"]["index MultiVector"] for one in (first, second))
    assert (payer["calls"], payer["paid_calls"], payer["cached_calls"]) == (made, made, 0)
    assert (other["calls"], other["paid_calls"], other["cached_calls"]) == (made, 0, made)
    assert [other[key] for key in ALONE] == [payer[key] for key in ALONE]
    assert [(one["calls"], one["paid_calls"]) for one in (first, second)] == [(made, made), (made, 0)]
    assert [cost_columns(one) for one in again] == [cost_columns(first), cost_columns(second)]
    assert [paid(one) for one in again] == [paid(first), paid(second)]
    for one in (first, second):
        manifest = json.loads((Path(one["path"]) / "manifest.json").read_text("utf-8"))
        assert manifest["usage"]["indexing"] == manifest["usage_by_index"]["MultiVector"]
        assert cost_columns({**one, "usage": manifest["usage"]})["usage"]["indexing"] == {k: payer[k] for k in ALONE}
        assert manifest["usage"]["answering"]["calls"] == 0
    table = command_line("leaderboard", first["path"], "--format", "md")
    assert f"| index MultiVector | {made} |" in table.out


def test_a_run_costs_what_it_pays_alone_in_whatever_order_and_company(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    """All together in two orders, and one after another over one cache."""
    alone = each_alone(tmp_path, server, command_line)
    for row in alone.values():
        assert paid(row) == (row["calls"], row["tokens"])
    expected = {label: cost_columns(row) for label, row in alone.items()}
    together = run(tmp_path / "together", server, PIPELINES, command_line)
    turned = run(tmp_path / "turned", server, PIPELINES[::-1], command_line)
    apart: dict[str, Any] = {}
    for pipeline in PIPELINES:
        apart |= run(tmp_path / "apart", server, [pipeline], command_line)
    for rows in (together, turned, apart):
        assert {label: cost_columns(row) for label, row in rows.items()} == expected
        assert sum(row["paid_calls"] for row in rows.values()) < sum(row["calls"] for row in rows.values())
    naive, again, *_ = alone
    assert paid(apart[naive]) == paid(alone[naive])
    assert paid(apart[again])[0] < alone[again]["calls"]  # what was paid does depend on the order


def test_a_run_repeated_from_a_full_cache_costs_the_same_alone_and_pays_nothing(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    """The whole of it, and where half of its answers are left, as after a kill."""
    first = run(tmp_path, server, PIPELINES, command_line)
    calls = server.calls
    for folder in folders_in(tmp_path / "out"):
        for log in (folder / "responses.jsonl", *(folder / "judgments").glob("*.jsonl")):
            lines = log.read_text("utf-8").splitlines(keepends=True)
            log.write_text("".join(lines[: len(lines) // 2]), "utf-8")
    resumed = run(tmp_path, server, PIPELINES, command_line)
    shutil.rmtree(tmp_path / "out" / "runs")
    again = run(tmp_path, server, PIPELINES, command_line)
    assert server.calls == calls
    assert {paid(row) for row in again.values()} == {(0, 0)}
    for rows in (resumed, again):
        assert {k: cost_columns(row) for k, row in rows.items()} == {k: cost_columns(row) for k, row in first.items()}


def test_two_processes_at_once(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    """Over one cache, with a pipeline each that asks for the same: both pay for what they ask for at one moment."""
    alone = each_alone(tmp_path, server, command_line)
    server.received.clear()
    out = tmp_path / "out"
    files = [experiment_in(tmp_path / f"of-{n}", server, [pipeline]) for n, pipeline in enumerate(PIPELINES[:2])]
    processes = [start_rageval("run", file, "--out", out) for file in files]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    rows = rows_by_label(command_line("leaderboard", *folders_in(out), "--format", "json").out)
    assert len(rows) == 2
    assert {label: cost_columns(row) for label, row in rows.items()} == {k: cost_columns(alone[k]) for k in rows}
    chats = sum(received.path == "/v1/chat/completions" for received in server.received)
    assert sum(row["paid_calls"] for row in rows.values()) == chats


def test_judging_again_costs_the_same_alone_from_a_full_cache(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    other = experiment_in(tmp_path / "other", server, ["naive"], model={"model": "other"})
    shown: list[tuple[dict[str, Any], tuple[int, int]]] = []
    for _ in range(2):
        run(tmp_path, server, ["naive"], command_line)
        (folder,) = folders_in(tmp_path / "out")
        arguments = ("--name", "other", "--experiment", other, "--out", tmp_path / "out")
        assert command_line("judge", folder, *arguments).code == 0
        (row,) = rows_by_label(command_line("leaderboard", folder, "--format", "json").out).values()
        assert row["usage"]["judge claim_support:other"]["calls"] > 0
        shown.append((cost_columns(row), paid(row)))
        shutil.rmtree(tmp_path / "out" / "runs")
    (first, paid_first), (again, paid_again) = shown
    assert first == again
    assert paid_first == (first["calls"], first["tokens"])
    assert paid_again == (0, 0)


def test_the_manifest_counts_what_the_lines_name(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    """Each request that any answer or judgment names counts once, and some are named more than once."""
    run(tmp_path, server, ["naive"], command_line)
    (folder,) = folders_in(tmp_path / "out")
    logs = (folder / "responses.jsonl", *(folder / "judgments").glob("*.jsonl"))
    usages = [line["usage"] for log in logs for line in read_jsonl(log)]
    named = {request: cost for usage in usages for request, cost in usage.get("requests", {}).items()}
    assert sum(usage["calls"] for usage in usages) > len(named) > 0
    counted = json.loads((folder / "manifest.json").read_text("utf-8"))["usage"].values()
    for position, key in enumerate(ALONE):
        assert sum(usage[key] for usage in counted) == sum(cost[position] for cost in named.values())
