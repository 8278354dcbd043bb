"""The files for CI: valid by the schemas of GitHub and GitLab, and their shell steps run as written.

What they call beyond rageval is real (bash, git, curl, a server for GitLab's notes), but for GitHub's `gh`, which is a
script with the same flags.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

import rageval
from rageval.scores.baselines import write_baseline
from rageval.scores.reading import read_run_folder

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
WORKFLOW = ROOT / "docs" / "ci" / "github-actions.yml"
GITLAB = ROOT / "docs" / "ci" / "gitlab-ci.yml"
TOKEN = "secret-for-the-test"
ARTIFACT = "https://github.example/me/project/actions/runs/1/artifacts/2"
JOB = "https://gitlab.example/me/project/-/jobs/3"

EXPERIMENT = """
benchmark: handbook
questions: {exclude_tags: [unanswerable]}
pipelines: [{naive: {retriever: bm25, chunk_tokens: 256}}]
metrics: [ndcg@10, recall@20]
"""
WIDE = "ndcg@10=0.1 recall@20=0.1"
NARROW = "ndcg@10=0.001"

GH = """
import argparse, json, os, pathlib, re
parser = argparse.ArgumentParser()
parser.add_argument("command", choices=["api"])
parser.add_argument("path")
parser.add_argument("--method", default="GET")
parser.add_argument("--field")
parser.add_argument("--silent", action="store_true")
asked = parser.parse_args()
assert os.environ["GH_TOKEN"] == "secret-for-the-test"
store = pathlib.Path(os.environ["COMMENTS"])
comments = json.loads(store.read_text(encoding="utf-8"))
if asked.method == "GET":
    assert asked.path == "repos/me/project/issues/7/comments?per_page=100"
    print(json.dumps(comments))
else:
    name, file = asked.field.split("=@")
    assert name == "body"
    body = pathlib.Path(file).read_text(encoding="utf-8")
    if asked.method == "POST":
        assert asked.path == "repos/me/project/issues/7/comments"
        comments.append({"id": 100 + len(comments), "body": body})
    else:
        assert asked.method == "PATCH"
        (number,) = re.fullmatch(r"repos/me/project/issues/comments/(\\d+)", asked.path).groups()
        (comment,) = [one for one in comments if one["id"] == int(number)]
        comment["body"] = body
    store.write_text(json.dumps(comments), encoding="utf-8")
"""
OTHERS = [{"id": 1, "body": "Looks good."}, {"id": 2, "body": "What does <!-- rageval main --> mean?"}]


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Checkout:
    """A clone in which CI checks out a change: `experiment.yaml`, and the baselines `main` and `perfect`."""

    path: Path
    base_sha: str

    def run(self, script: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """In bash with the flags that GitHub and GitLab give it, without proxies and keys of this machine."""
        kept = {k: v for k, v in os.environ.items() if not k.upper().endswith(("_PROXY", "_KEY", "_TOKEN"))}
        path = os.pathsep.join([str(self.path.parent / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.path,
            env={**kept, "PATH": path, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def replace_report(self, script: str) -> None:
        """Have `rageval report` do this instead; all other commands stay."""
        real = shutil.which("rageval", path=str(Path(sys.executable).parent))
        command = self.path.parent / "bin" / "rageval"
        command.write_text(f'#!/bin/sh\nif [ "$1" = report ]; then\n{script}\nfi\nexec {real} "$@"\n', encoding="utf-8")
        command.chmod(0o755)

    def set_baseline_anew(self) -> None:
        """As a change does that pins another run under the name `main`."""
        shutil.copy(self.path / "results/baselines/perfect.json", self.path / "results/baselines/main.json")


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository: BM25 over short passages is the baseline `main`, the labels themselves are `perfect`."""
    folder = tmp_path_factory.mktemp("origin")
    (folder / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")
    (folder / ".gitignore").write_text("results/runs/\nresults/cache/\nrageval-gate/\n", encoding="utf-8")
    main, perfect = rageval.evaluate(
        "handbook",
        [{"naive": {"retriever": "bm25", "chunk_tokens": 128}}, "oracle"],
        ["ndcg@10", "recall@20"],
        questions=rageval.QuestionFilter(exclude_tags=("unanswerable",)),
        out=folder / "results",
    ).runs
    write_baseline(read_run_folder(main), folder / "results" / "baselines", "main")
    write_baseline(read_run_folder(perfect), folder / "results" / "baselines", "perfect")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "--quiet", "-m", "Baselines")
    return folder


@pytest.fixture
def checkout(origin: Path, tmp_path: Path) -> Checkout:
    git(tmp_path, "clone", "--quiet", origin.as_uri(), "work")
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(f"#!{sys.executable}\n{GH}", encoding="utf-8")
    gh.chmod(0o755)
    return Checkout(tmp_path / "work", git(origin, "rev-parse", "HEAD").strip())


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@dataclass
class GitHub:
    """Runs the steps of the action as a runner does, with a pull request number 7.

    What is uploaded is copied to the folder `artifact`, unless `uploads` says that it fails.
    """

    checkout: Checkout
    inputs: Mapping[str, str]
    uploads: bool = True
    outputs: dict[str, str] = field(default_factory=dict[str, str])

    def run(self, begin: str = "Install") -> int:
        """The exit status of the job, from that step on: that of the first step that fails."""
        temp = self.checkout.path.parent
        files = {name: temp / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        fixed = {"GITHUB_REPOSITORY": "me/project", "RUNNER_TEMP": str(temp), "COMMENTS": str(temp / "comments.json")}
        if not (temp / "comments.json").exists():
            (temp / "comments.json").write_text(json.dumps(OTHERS), encoding="utf-8")
        steps = load(ACTION)["runs"]["steps"]
        for step in steps[[step["name"] for step in steps].index(begin) :]:
            files["GITHUB_OUTPUT"].write_text("", encoding="utf-8")
            if step.get("uses", "").startswith("actions/upload-artifact@"):
                self.upload(step)
            if "run" not in step or not self.holds(step.get("if", "")):
                continue
            environment = {name: self.fill(text) for name, text in step["env"].items()}
            done = self.checkout.run(step["run"], {**fixed, **{k: str(v) for k, v in files.items()}, **environment})
            if done.returncode:
                return done.returncode
            for line in files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines():
                name, _, value = line.partition("=")
                self.outputs[f"steps.{step['id']}.outputs.{name}"] = value
        return 0

    def upload(self, step: Mapping[str, Any]) -> None:
        given = {name: self.fill(str(value)) for name, value in step["with"].items()}
        assert re.fullmatch(r"[\w.-]+", given["name"])
        assert step["continue-on-error"] is True
        if self.uploads:
            shutil.copytree(given["path"], self.artifact, dirs_exist_ok=given["overwrite"] == "True")
        self.outputs[f"steps.{step['id']}.outputs.artifact-url"] = ARTIFACT if self.uploads else ""

    @property
    def artifact(self) -> Path:
        return self.checkout.path.parent / "artifact"

    @property
    def comments(self) -> list[dict[str, Any]]:
        return json.loads((self.checkout.path.parent / "comments.json").read_text(encoding="utf-8"))

    def holds(self, condition: str) -> bool:
        """Conditions as the action has them; of any other nothing is known here."""
        given = {**self.defaults, **self.inputs}
        return {
            "": True,
            "inputs.install != ''": given["install"] != "",
            "inputs.token != '' && github.event.pull_request": given["token"] != "",
        }[condition]

    def fill(self, text: str) -> str:
        values = {
            **{f"inputs.{name}": value for name, value in {**self.defaults, **self.inputs}.items()},
            "github.event.pull_request.base.sha": self.checkout.base_sha,
            "github.event.pull_request.number": "7",
            **self.outputs,
        }
        return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1]], text)

    @property
    def defaults(self) -> dict[str, str]:
        return {name: given.get("default", "") for name, given in load(ACTION)["inputs"].items()}


def github(checkout: Checkout, **inputs: str) -> GitHub:
    return GitHub(checkout, {"experiment": "experiment.yaml", "install": "", "token": TOKEN, **inputs})


def test_github_comments_once_and_then_edits(checkout: Checkout) -> None:
    job = github(checkout, margins=WIDE)
    assert job.run() == 0
    *others, first = job.comments
    assert others == OTHERS
    assert first["body"].startswith("<!-- rageval main -->\n## Gate: pass\n")
    assert "new baseline" not in first["body"]
    assert (checkout.path.parent / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8") == first["body"]
    assert job.outputs["steps.gate.outputs.verdict"] == "pass"
    report = Path(job.outputs["steps.gate.outputs.report"])
    assert "<testsuites" in (report / "gate.xml").read_text(encoding="utf-8")
    assert first["body"].endswith(f"\n[HTML report]({ARTIFACT}): unpack it and open `report.html`.\n")
    assert (job.artifact / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")

    again = github(checkout, margins=NARROW, **{"cluster-by": "document"})
    assert again.run() == 3
    assert again.outputs["steps.gate.outputs.verdict"] == "inconclusive"
    *others, second = again.comments
    assert (others, second["id"]) == (OTHERS, first["id"])
    assert second["body"].startswith("<!-- rageval main -->\n## Gate: inconclusive\n")
    assert "Questions that share a document are not independent" in second["body"]
    assert replace(again, inputs={**again.inputs, "inconclusive": "pass"}).run("Verdict") == 0

    (checkout.path.parent / "bin" / "gh").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")  # as for forks
    assert again.run("Comment") == 3


def test_github_shows_what_a_new_baseline_hides(checkout: Checkout) -> None:
    """The gate that decides is against the committed baseline; where the change pins another, both are shown."""
    checkout.set_baseline_anew()
    job = github(checkout, margins=WIDE)
    assert job.run() == 1
    decided, anew, before = job.comments[-1]["body"].partition("**This change sets a new baseline.**")
    assert "## Gate: fail" in decided
    assert "### Lost most on `ndcg@10` (3 of the " in decided
    assert decided.count("<details><summary>What both found</summary>") == 6  # of two metrics
    assert anew
    assert "## Gate: pass" in before


@pytest.mark.parametrize(
    ("inputs", "status", "told"),
    [
        ({"margins": WIDE, "baseline": "nowhere"}, 4, "error: nowhere: found neither a run folder nor a baseline"),
        ({"margins": WIDE, "experiment": "nowhere.yaml"}, 2, "error: nowhere.yaml: "),
    ],
)
def test_github_tells_what_is_wrong(inputs: dict[str, str], status: int, told: str, checkout: Checkout) -> None:
    job = github(checkout, **inputs)
    assert job.run() == status
    assert job.outputs["steps.gate.outputs.verdict"] == "error"
    assert f"## Gate: not decided\n\n```\n{told}" in job.comments[-1]["body"]


@pytest.mark.parametrize(
    ("uploads", "told"),
    [(True, f"[Files of the gate]({ARTIFACT})"), (False, "The report could not be uploaded.")],
)
def test_github_tells_that_there_is_no_report_and_decides_the_same(
    uploads: bool, told: str, checkout: Checkout
) -> None:
    checkout.replace_report("echo Loading >&2; echo 'error: no `disk`' >&2; exit 4")
    job = replace(github(checkout, margins=WIDE), uploads=uploads)
    assert job.run() == 0
    assert job.outputs["steps.gate.outputs.verdict"] == "pass"
    body = job.comments[-1]["body"]
    assert body.endswith(f"\nThe HTML report could not be made: `error: no 'disk'`\n\n{told}\n")


def test_github_keeps_the_comment_short_enough(checkout: Checkout) -> None:
    """Two gates and the rest are within the 65,536 characters that GitHub takes."""
    limits = re.findall(r"--markdown-limit (\d+)", ACTION.read_text(encoding="utf-8"))
    assert sum(map(int, limits)) + 5000 < 65_536
    assert len(limits) == 2
    checkout.set_baseline_anew()
    job = github(checkout, margins=WIDE)
    job.run()
    assert len(job.comments[-1]["body"]) < 65_536


def test_github_keeps_replies_of_failed_jobs_too() -> None:
    steps = load(ACTION)["runs"]["steps"]
    restored, kept = (step for step in steps if step.get("uses", "").startswith("actions/cache/"))
    assert steps.index(restored) < [step.get("id") for step in steps].index("gate") < steps.index(kept)
    assert kept["if"] == "always()"
    assert kept["with"] == {name: restored["with"][name] for name in ("path", "key")}
    assert restored["with"]["path"] == "results/cache"
    assert restored["with"]["key"].startswith(restored["with"]["restore-keys"])


class Notes(ThreadingHTTPServer):
    """The notes of merge request 7 of project 5, as GitLab's API has them."""

    def __init__(self) -> None:
        self.notes = [dict(one) for one in OTHERS]
        super().__init__(("127.0.0.1", 0), NotesHandler)


class NotesHandler(BaseHTTPRequestHandler):
    server: Notes

    def do_GET(self) -> None:
        assert parse_qs(urlsplit(self.path).query)["per_page"] == ["100"]
        self.reply(self.server.notes)

    def do_POST(self) -> None:
        self.server.notes.append({"id": 100 + len(self.server.notes), "body": self.sent()})
        self.reply({})

    def do_PUT(self) -> None:
        (note,) = [one for one in self.server.notes if self.path.endswith(f"/notes/{one['id']}")]
        note["body"] = self.sent()
        self.reply({})

    def sent(self) -> str:
        (body,) = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["body"]
        return body

    def reply(self, content: object) -> None:
        right = self.headers["PRIVATE-TOKEN"] == TOKEN and self.path.startswith("/projects/5/merge_requests/7/notes")
        self.send_response(200 if right else 401)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def notes() -> Iterator[Notes]:
    with Notes() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def gitlab(checkout: Checkout, notes: Notes | None, **variables: str) -> subprocess.CompletedProcess[str]:
    """The job's script as a runner makes it of the list, with a merge request where there are notes."""
    job = load(GITLAB)["rageval"]
    environment = {name: str(value) for name, value in job["variables"].items()}
    environment |= {"CI_MERGE_REQUEST_DIFF_BASE_SHA": checkout.base_sha, "CI_JOB_URL": JOB}
    if notes is not None:
        environment["CI_API_V4_URL"] = f"http://127.0.0.1:{notes.server_port}"
        environment |= {"CI_PROJECT_ID": "5", "CI_MERGE_REQUEST_IID": "7", "RAGEVAL_GITLAB_TOKEN": TOKEN}
    return checkout.run("\n".join(job["script"]), {**environment, **variables})


@pytest.mark.skipif(shutil.which("curl") is None, reason="the job writes its note by curl")
def test_gitlab_writes_one_note_and_then_edits(checkout: Checkout, notes: Notes) -> None:
    done = gitlab(checkout, notes, RAGEVAL_MARGINS=WIDE)
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    *others, first = notes.notes
    assert others == OTHERS
    assert str(first["body"]).startswith("<!-- rageval main -->\n## Gate: pass\n")
    assert str(first["body"]).endswith(f"\n[HTML report]({JOB}/artifacts/file/rageval-gate/report.html)\n")
    assert load(GITLAB)["rageval"]["artifacts"]["paths"] == ["rageval-gate"]
    assert (checkout.path / "rageval-gate" / "report.html").is_file()

    checkout.set_baseline_anew()
    checkout.replace_report("echo 'error: no disk' >&2; exit 4")
    assert gitlab(checkout, notes, RAGEVAL_MARGINS=WIDE).returncode == 1
    *others, second = notes.notes
    assert (others, second["id"]) == (OTHERS, first["id"])
    assert str(second["body"]).startswith("<!-- rageval main -->\n## Gate: fail\n")
    assert "## Gate: pass" in str(second["body"]).partition("**This change sets a new baseline.**")[2]
    assert str(second["body"]).endswith("\nThe HTML report could not be made: `error: no disk`\n")

    refused = gitlab(checkout, notes, RAGEVAL_EXPERIMENT="nowhere.yaml", RAGEVAL_GITLAB_TOKEN="wrong")
    assert refused.returncode == 2
    assert "The note could not be written" in refused.stdout
    report = (checkout.path / "rageval-gate" / "comment.md").read_text(encoding="utf-8")
    assert "## Gate: not decided\n\n```\nerror: nowhere.yaml: " in report


def test_gitlab_lets_an_inconclusive_gate_pass_with_a_warning(checkout: Checkout) -> None:
    """And without a merge request there is no note."""
    job = load(GITLAB)["rageval"]
    status = gitlab(checkout, None, RAGEVAL_MARGINS=NARROW).returncode
    assert [status] == job["allow_failure"]["exit_codes"]
    written = {path.name for path in (checkout.path / "rageval-gate").iterdir()}
    assert {Path(job["artifacts"]["reports"]["junit"]).name, "gate.md"} <= written
    assert job["cache"] == {"key": "rageval", "paths": ["results/cache"], "when": "always"}


@pytest.mark.parametrize(
    ("schema", "file"), [("github-actions", ACTION), ("github-workflows", WORKFLOW), ("gitlab-ci", GITLAB)]
)
def test_valid_by_its_schema(schema: str, file: Path) -> None:
    """The schemas are those that check-jsonschema comes with; nothing is downloaded."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_gives_the_action_what_it_takes() -> None:
    action = load(ACTION)
    (step,) = [step for step in load(WORKFLOW)["jobs"]["gate"]["steps"] if step["uses"] == "./rageval"]
    required = {name for name, given in action["inputs"].items() if given.get("required")}
    assert required <= step["with"].keys() <= action["inputs"].keys()


def test_no_script_holds_an_expression() -> None:
    """What a pull request says comes in as environment variables: an expression in a script would be run."""
    for step in load(ACTION)["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
