"""No page that no test runs: a page with commands or code names its test here, a page of figures its script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, blocks

TESTS = {
    "active_labels.md": "docs/test_active_labels_page.py",
    "answers.md": "docs/test_answers_page.py",
    "ares.md": "docs/test_ares_page.py",
    "architecture.md": "docs/test_architecture_page.py",
    "compare_benchmarks.md": "docs/test_compare_benchmarks_page.py",
    "corpus.md": "docs/test_corpus_page.py",
    "costs.md": "docs/test_costs_page.py",
    "data.md": "docs/test_data_page.py",
    "diagnose.md": "docs/test_diagnose_page.py",
    "endpoints.md": "docs/test_endpoints_page.py",
    "evidence.md": "docs/test_evidence_page.py",
    "extending.md": "docs/test_extending_page.py",
    "gate.md": "docs/test_gate_page.py",
    "judges.md": "docs/test_judges_page.py",
    "labels.md": "docs/test_labels_page.py",
    "light_judge.md": "docs/test_light_judge_page.py",
    "models.md": "docs/test_models_page.py",
    "planning.md": "docs/test_planning_page.py",
    "relevance_labels.md": "docs/test_relevance_labels_page.py",
    "repeats.md": "docs/test_repeats_page.py",
    "report.md": "docs/test_report_page.py",
    "retrieval.md": "docs/test_retrieval_page.py",
    "review.md": "docs/test_review_page.py",
    "running.md": "docs/test_running_page.py",
    "sequential.md": "docs/test_sequential_page.py",
    "statistics.md": "docs/test_statistics_page.py",
    "stress.md": "docs/test_stress_page.py",
    "stories.md": "docs/test_stories_page.py",
    "synthesis.md": "docs/test_synthesis_page.py",
    "techniques.md": "docs/test_techniques_page.py",
    "tour.md": "docs/test_tour_page.py",
    "traffic.md": "docs/test_traffic_page.py",
    "trend.md": "docs/test_trend_page.py",
    "view.md": "docs/test_view_page.py",
    "integrations/ci.md": "docs/test_howto_pages.py",
    "integrations/datasets.md": "integrations/test_datasets.py",
    "integrations/deepeval.md": "integrations/test_tool_pages.py",
    "integrations/langchain.md": "integrations/langchain/test_page.py",
    "integrations/llama_index.md": "integrations/llama_index/test_end_to_end.py",
    "integrations/mlflow.md": "integrations/test_tool_pages.py",
    "integrations/opentelemetry.md": "integrations/test_tool_pages.py",
    "integrations/pandas.md": "integrations/test_pandas.py",
    "integrations/pytest.md": "integrations/test_pytest_page.py",
    "integrations/ragas.md": "docs/test_ragas_page.py",
    "integrations/trec.md": "integrations/test_tool_pages.py",
}
"""The test under tests/ that runs a page, or compares what it shows. Whole folders: `FOLDERS`."""
FOLDERS = {"howto": "docs/test_howto_pages.py", "zh/howto": "docs/test_howto_pages.py", "zh": "docs/test_tour_page.py"}
FIGURES = re.compile(r"_measured\.md$|^statistics_\w+\.md$|^(?:ragas_parity|rgb_abilities|measurements)\.md$")

PAGES = sorted(DOCS.rglob("*.md"))
_SCRIPT = re.compile(r"\b((?:benchmarks|tests)[/.][\w/.]+)")
_COMMAND = re.compile(r"^ {4}(?:rageval|pip|python) ", flags=re.MULTILINE)


def place(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_a_page_with_code_has_a_test(page: Path) -> None:
    """The test's file names the page, or its folder."""
    if not blocks(page) and not _COMMAND.search(page.read_text(encoding="utf-8")):
        return
    folder = place(page.parent)
    test = ROOT / "tests" / (TESTS.get(place(page)) or FOLDERS[folder])
    assert page.name in (text := test.read_text(encoding="utf-8")) or f'"{folder.split("/")[-1]}"' in text


@pytest.mark.parametrize("page", [page for page in PAGES if FIGURES.search(page.name)], ids=place)
def test_a_page_of_figures_names_the_script_that_makes_them(page: Path) -> None:
    scripts = [script.rstrip(".") for script in _SCRIPT.findall(page.read_text(encoding="utf-8"))]
    files = [script if script.endswith(".py") else f"{script.replace('.', '/')}.py" for script in scripts]
    assert any((ROOT / file).is_file() for file in files), scripts


def test_no_test_is_named_for_a_page_that_is_gone() -> None:
    assert [name for name in TESTS if not (DOCS / name).is_file()] == []
    assert all((ROOT / "tests" / test).is_file() for test in [*TESTS.values(), *FOLDERS.values()])
