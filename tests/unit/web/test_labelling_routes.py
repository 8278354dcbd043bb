"""What the labelling page's script may ask the server, and what it is told when it asks for something else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rageval.people.labelling_results import attach_labelling
from rageval.web.runs import Runs
from rageval.web.security import WRITE_HEADER
from tests.flow.judged_run import JudgedRun
from tests.flow.page_labels import start, work, yes_or_no
from tests.flow.view_server import Reply, ViewServer


@pytest.fixture
def run(tmp_path: Path) -> JudgedRun:
    return JudgedRun(tmp_path / "lakes", 40)


@pytest.fixture
def server(tmp_path: Path, run: JudgedRun) -> Iterator[ViewServer]:
    with ViewServer(tmp_path) as server:
        yield server


def base(run: JudgedRun) -> str:
    return f"/api/label/{Runs(run.folder.path.parent).scan()[0].id}"


def post(server: ViewServer, path: str, body: object, **headers: str | None) -> Reply:
    sent = {
        "Origin": server.origin,
        "Content-Type": "application/json",
        WRITE_HEADER: server.access.writing,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return server.ask(path, sent, post=json.dumps(body))


def told(reply: Reply) -> Any:
    return json.loads(reply.text)


def test_from_a_sample_to_a_label(server: ViewServer, run: JudgedRun) -> None:
    page = server.ask(base(run).replace("/api", ""))
    assert page.status == 200
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    assert told(server.ask(base(run))) == {"metrics": [{"name": run.name, "questions": 40}], "samples": []}
    drawn = told(post(server, f"{base(run)}/draw", {"metric": run.name, "n": 5, "seed": 0}))
    sample = f"{base(run)}/{drawn['digest']}"
    assert told(server.ask(f"{sample}?annotator=Ann"))["position"] == 0
    item = told(server.ask(f"{sample}/item/0?annotator=Ann"))
    assert item["judge"] is None
    given = {"annotator": "Ann", "question_id": item["question_id"], "label": 1}
    assert told(post(server, f"{sample}/decide", given))["judge"]["score"] == run.judged[item["question_id"]]
    assert told(post(server, f"{sample}/attach", {}))["estimate"]["n_labelled"] == 1
    assert told(server.ask(f"{sample}/summary"))["annotators"][0]["done"] == 1
    assert told(server.ask(f"{sample}/disagreements?annotator=Ann")) == {"disagreements": []}


def test_nothing_is_written_without_the_header(server: ViewServer, run: JudgedRun) -> None:
    labelling = start(run, 5)
    path = f"{base(run)}/{labelling.sample.digest}/decide"
    given = {"annotator": "Ann", "question_id": labelling.sample.to_label[0], "label": 1}
    for headers in ({WRITE_HEADER: None}, {WRITE_HEADER: "x"}, {"Origin": "http://example.org"}, {"Cookie": None}):
        assert post(server, path, given, **headers).status == 403
    assert post(server, path, given, Content_Type="text/plain").status == 415
    assert not (run.folder.path / "labelling").exists()


def test_what_is_wrong_is_said(server: ViewServer, run: JudgedRun) -> None:
    labelling = start(run, 5)
    sample = f"{base(run)}/{labelling.sample.digest}"
    first, second, *_ = labelling.sample.to_label
    cases = [
        (server.ask(f"{sample}?annotator="), "annotator: found ''"),
        (server.ask(f"{sample}/item/3?annotator=Ann"), "number: found 3, expected 0 to 0"),
        (server.ask(f"{base(run)}/nothing?annotator=Ann"), "found no sample 'nothing'"),
        (server.ask(f"{sample}/disagreement/0?annotator=Ann"), "on which annotators disagree"),
        (server.ask("/api/label/0123456789abcdef"), "there is no such run"),
        (post(server, f"{sample}/decide", ["Ann"]), "found no JSON object"),
        (post(server, f"{sample}/decide", {"annotator": "Ann", "question_id": second, "label": 1}), "number: found 1"),
        (post(server, f"{sample}/decide", {"annotator": "A\n", "question_id": first, "label": 7}), "label: found 7"),
        (post(server, f"{sample}/settle", {"annotator": "Ann", "question_id": first, "label": 1}), "disagree"),
        (post(server, f"{base(run)}/draw", {"metric": run.name, "n": "5"}), "draw: found no metric"),
        (post(server, f"{base(run)}/draw", {"metric": run.name, "n": 99}), "found a sample of 99"),
        (post(server, f"{base(run)}/draw", {"metric": "ndcg@10", "n": 5}), "not judged"),
    ]
    for reply, words in cases:
        assert reply.status == 400
        assert words in told(reply)["error"]
    assert server.ask("/label/0123456789abcdef").status == 404


def test_labels_of_another_sample_are_told(server: ViewServer, run: JudgedRun) -> None:
    first = start(run, 5)
    work(first, "ann", yes_or_no(run.gold))
    attach_labelling(first)
    second = start(run, 8)
    work(second, "ben", yes_or_no(run.gold), 1)
    path = f"{base(run)}/{second.sample.digest}/attach"
    assert "found 5 labels" in told(post(server, path, {}))["foreign"]
    assert told(post(server, path, {"replace": True}))["estimate"]["n_labelled"] == 1


def test_answers_that_change_while_one_labels(server: ViewServer, run: JudgedRun, tmp_path: Path) -> None:
    labelling = start(run, 5)
    sample = f"{base(run)}/{labelling.sample.digest}"
    assert server.ask(f"{sample}/item/0?annotator=Ann").status == 200
    other = JudgedRun(tmp_path.parent / f"{tmp_path.name}-other", 40, answer_from=0)
    changed = labelling.sample.to_label[3]
    run.folder.add_outcome(changed, other.folder.outcomes()[changed])
    reply = server.ask(f"{sample}/item/0?annotator=Ann")
    assert (reply.status, "drawn before 1 of its answers changed" in told(reply)["error"]) == (400, True)
