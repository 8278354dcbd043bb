"""Packages as pip would leave them: modules in a folder, and the entry points that they offer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def install(site: Path, modules: Mapping[str, str], entry_points: str, name: str = "my-parts") -> Path:
    """A package in the folder `site`, which is to be put on `sys.path`; `entry_points` is in the form of the file."""
    site.mkdir(parents=True, exist_ok=True)
    for module, source in modules.items():
        (site / f"{module}.py").write_text(source, encoding="utf-8")
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    return site
