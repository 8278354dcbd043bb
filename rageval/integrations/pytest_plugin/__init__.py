"""A plugin for pytest: run a pipeline over a benchmark, and fail the test where it got worse than its baseline.

Fixtures: `rag_benchmark`, `rag_run`, `assert_no_regression`. Marker: `rageval_judged`. Every session asks every
pipeline anew, for nobody can see whether the code behind it has changed; within a session each is asked once, by all
workers of pytest-xdist together. What rageval's own models replied is kept in the cache from session to session.

pytest loads this package wherever rageval is installed: it imports nothing of rageval before a fixture is asked for.
"""

from rageval.integrations.pytest_plugin.experiment_file import Settings
from rageval.integrations.pytest_plugin.gating import AssertNoRegression, assert_no_regression, gate_fixture
from rageval.integrations.pytest_plugin.hooks import (
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_configure_node,
    pytest_fixture_setup,
    pytest_sessionfinish,
    pytest_terminal_summary,
)
from rageval.integrations.pytest_plugin.running import RagRun, RunPipeline, rag_benchmark, rag_run
from rageval.integrations.pytest_plugin.sessions import KEPT_SESSIONS, RESULTS

__all__ = [
    "KEPT_SESSIONS",
    "RESULTS",
    "AssertNoRegression",
    "RagRun",
    "RunPipeline",
    "Settings",
    "assert_no_regression",
    "gate_fixture",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_fixture_setup",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "rag_benchmark",
    "rag_run",
]
