"""What pytest calls: options, the marker, workers of pytest-xdist, the summary."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import pytest

from rageval.integrations.pytest_plugin.experiment_file import names_models
from rageval.integrations.pytest_plugin.sessions import (
    BOUND,
    PROPERTY,
    RESULTS,
    SESSION,
    remove_old_sessions,
    worker_input,
)

_PLUGIN = "rageval.integrations.pytest_plugin"
_NAMES = ("rageval", _PLUGIN)  # by the entry point, and by `-p`
JUDGED = "rageval_judged"
_WHEN_JUDGED = "--rageval-judged, or with models in the file that rageval_experiment names"
_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow"}


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Options and settings; from now on the plugin cannot be loaded a second time under its other name."""
    own = pluginmanager.get_name(sys.modules[_PLUGIN])
    for name in _NAMES:
        if name != own:
            pluginmanager.set_blocked(name)
    group = parser.getgroup("rageval", "evaluation of retrieval-augmented generation")
    group.addoption(
        "--rageval-baseline",
        metavar="NAME_OR_FILE",
        help="the baseline of comparisons that name none (default: the one named like the pipeline)",
    )
    group.addoption(
        "--rageval-update-baseline", action="store_true", help="set baselines from the runs instead of comparing"
    )
    group.addoption("--rageval-judged", action="store_true", help=f"run the tests marked {JUDGED}")
    parser.addini("rageval_benchmark", "the benchmark of rag_benchmark: a name or folder, beir:PATH, trec:PATH")
    parser.addini(
        "rageval_experiment",
        "an experiment file: its benchmark, questions, metrics, models, budget, calibrations and seed are those of "
        "rag_run, its pipelines are not used",
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker, and what this session calls its runs."""
    config.addinivalue_line("markers", f"{JUDGED}: asks a judge model; skipped unless {_WHEN_JUDGED}")
    started = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.urandom(3).hex()}"
    config.stash[SESSION] = worker_input(config).get(PROPERTY, started)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist which session it is part of."""
    node.workerinput[PROPERTY] = node.config.stash[SESSION]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is judged where nobody said by which model."""
    judged = [item for item in items if item.get_closest_marker(JUDGED)]
    if judged and not config.getoption("rageval_judged") and not names_models(config):
        for item in judged:
            item.add_marker(pytest.mark.skip(reason=f"judged by a model: runs with {_WHEN_JUDGED}"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the runs of old sessions, in the process that started the workers."""
    if not worker_input(session.config):
        remove_old_sessions(session.config.rootpath / RESULTS / "runs", session.config.stash[SESSION])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Every comparison that was made, by the tests that made them."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    noted = dict.fromkeys(
        (report.nodeid, value)
        for report in reports
        if isinstance(report, pytest.TestReport)
        for name, value in report.user_properties
        if name == PROPERTY
    )
    if noted:
        terminalreporter.section("rageval")
    for nodeid, value in sorted(noted, key=lambda pair: pair[0]):
        note = json.loads(str(value))
        terminalreporter.write_line(f"{nodeid}: {note['title']}")
        for verdict, sentence in note["lines"]:
            terminalreporter.write_line(f"  {sentence}", **{_COLOURS[verdict]: True})


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Refuse a second `rag_benchmark`, which `rag_run` would not notice: pytest makes that once."""
    if fixturedef.argname == "rag_benchmark" and request.config.stash.get(BOUND, False):
        pytest.fail(
            "rag_benchmark: found another fixture of this name after rag_run was made, expected one for all tests: "
            "give others as rag_run(…, benchmark=…)",
            pytrace=False,
        )
