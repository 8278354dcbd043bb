"""Where recipes and benchmarks are looked up by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from rageval.io import shipped


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "root" / "rageval"
    package.mkdir(parents=True)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setattr(shipped, "PACKAGE", package)
    return package


def test_only_folders_that_exist(package: Path) -> None:
    assert shipped.find_shipped("pipelines") == ()


def test_order_current_directory_checkout_wheel(package: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "cwd" / "pipelines", package.parent / "pipelines", package / "shipped" / "pipelines"]
    for folder in folders:
        folder.mkdir(parents=True)
    (package.parent / "pyproject.toml").touch()
    assert shipped.find_shipped("pipelines") == tuple(folder.resolve() for folder in folders)
    assert shipped.find_shipped("benchmarks") == ()


def test_site_packages_are_no_checkout(package: Path) -> None:
    (package.parent / "benchmarks").mkdir()
    assert shipped.find_shipped("benchmarks") == ()


def test_the_checkout_as_current_directory_counts_once(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package.parent / "pyproject.toml").touch()
    (package.parent / "benchmarks").mkdir()
    monkeypatch.chdir(package.parent)
    assert shipped.find_shipped("benchmarks") == ((package.parent / "benchmarks").resolve(),)
