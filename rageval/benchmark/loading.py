"""From what an experiment calls a benchmark to the benchmark."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from rageval.benchmark.beir import load_beir
from rageval.benchmark.hugging_face import load_hugging_face, split_reference
from rageval.benchmark.ir_datasets import load_ir_datasets
from rageval.benchmark.mtrag import load_mtrag
from rageval.benchmark.native import load_native
from rageval.benchmark.own_loader import load_own, names_loader
from rageval.benchmark.rgb import load_rgb
from rageval.benchmark.rotation import ROTATED, rotate_options
from rageval.benchmark.settings import with_settings
from rageval.benchmark.trec import load_trec, load_trec_folder
from rageval.errors import BenchmarkError, DeclarationError
from rageval.io.plugins import split_entry
from rageval.io.shipped import find_shipped
from rageval.types import Benchmark

_KINDS = ("beir", "hf", "ir_datasets", "trec", "rgb", "rgb-rejection", "mtrag")
_TREC_FILES = ("documents", "topics", "qrels")


def load(
    reference: str | Mapping[str, Mapping[str, Any] | None],
    *,
    split: str | None = None,
    base: Path | None = None,
    strict: bool = False,
    exclude_self: bool | None = None,
    grade_threshold: int | None = None,
) -> Benchmark:
    """Load and validate a benchmark.

    `reference` is one of
    - a folder in rageval's own format, by its path or by its name under `benchmarks/`;
    - `beir:PATH`, a BEIR folder, of which `split` (default: `test`) is taken;
    - `trec:PATH`, a folder with `documents.jsonl`, `topics.tsv` and `qrels.txt` or `qrels.tsv`;
    - `trec:documents=PATH,topics=PATH,qrels=PATH`;
    - `rgb:PATH`, a file of RGB such as `zh_refine.json`, or one of the same form; `rgb-rejection:PATH` is the same
      with the negative passages alone, so that no question can be answered;
    - `mtrag:PATH`, a file of MT-RAG or MTRAG-UN such as `reference.jsonl`: conversations;
    - `ir_datasets:NAME`, such as `ir_datasets:beir/scifact/test`, a dataset of the package ir_datasets (extra
      `ir-datasets`);
    - `hf:NAME`, `hf:NAME:CONFIG` or `hf:NAME:CONFIG:SPLIT`, a Hugging Face dataset on the hub or at a path (extra
      `datasets`), of which `split` is taken where the reference names none: see `load_hugging_face`;
    - `rotated:REFERENCE`, any of the others with its multiple choice questions in all cyclic orders of their options
      (`rotate_options`);
    - `FILE.py` or `FILE.py:FUNCTION`, a loader of your own, or `NAME` or `NAME:REST`, one that an installed package
      offers; `{FILE.py: {limit: 3}}` gives it settings.

    Paths are absolute or relative to `base` (default: the current directory). A folder at a path goes before one of the
    same name under `benchmarks/`.

    Data in formats of others is often irregular. What does no harm is counted in the benchmark's `tolerated`; `strict`
    refuses it. rageval's own formats and what Python makes are always strict. `exclude_self` takes a document out of
    the ranking of the question with its id (ArguAna, Quora); documents with grades of `grade_threshold` or more are
    relevant (`trec_eval -l`). None leaves what a loader of your own said, which is usually false and 1. Raises
    `DeclarationError` where the reference itself is wrong, and its subclass `BenchmarkError`, with all problems at
    once, where the files are.
    """
    loaded = _load(reference, split, base or Path(), strict=strict)
    return with_settings(loaded, exclude_self=exclude_self, grade_threshold=grade_threshold)


def _load(
    reference: str | Mapping[str, Mapping[str, Any] | None], split: str | None, here: Path, *, strict: bool
) -> Benchmark:
    if isinstance(reference, Mapping):
        name, settings = split_entry(cast("Mapping[object, object]", reference), "benchmark")
        if not names_loader(name):
            raise DeclarationError(f"benchmark: found settings of {name!r}, expected those of a loader of your own")
        return load_own(name, settings, here, split)
    kind, colon, rest = reference.partition(":")
    if reference.startswith(ROTATED):
        return rotate_options(_load(rest, split, here, strict=strict))
    if colon and kind == "beir":
        return load_beir(_existing_folder(here / rest), split, strict=strict)
    if colon and kind == "ir_datasets":
        _refuse_split(split)
        return load_ir_datasets(rest, strict=strict)
    if colon and kind == "hf":
        name, config, named_split = split_reference(rest)
        if split is not None and named_split is not None:
            raise DeclarationError(f"split: found {split!r} beside {reference}, expected one of them")
        return load_hugging_face(name, config=config, split=named_split or split, base=here, strict=strict)
    own = kind not in _KINDS and names_loader(reference) and not _is_native(reference, here)
    if own:
        return load_own(reference, None, here, split)
    _refuse_split(split)
    if colon and kind == "trec":
        if rest.partition("=")[0] in _TREC_FILES:
            return load_trec(**_trec_paths(rest, here), strict=strict)
        return load_trec_folder(_existing_folder(here / rest), strict=strict)
    if colon and kind in ("rgb", "rgb-rejection"):
        return load_rgb(here / rest, rejection=kind == "rgb-rejection")
    if colon and kind == "mtrag":
        return load_mtrag(here / rest)
    return load_native(_native_folder(reference, here))


def load_unlabelled(reference: str) -> Benchmark:
    """A benchmark in rageval's own format without its labels, which need not fit. Raises BenchmarkError for others."""
    return load_native(_native_folder(reference, Path()), with_labels=False)


def shipped_benchmarks() -> dict[str, Path]:
    """The benchmarks that can be called by name, with their folders, sorted by name."""
    found: dict[str, Path] = {}
    for root in find_shipped("benchmarks"):
        for card in root.glob("*/card.yaml"):
            found.setdefault(card.parent.name, card.parent)
    return dict(sorted(found.items()))


def _refuse_split(split: str | None) -> None:
    if split is not None:
        raise DeclarationError(f"split: found {split!r}, expected none: only beir: and hf: benchmarks have splits")


def _existing_folder(path: Path) -> Path:
    if not path.is_dir():
        raise BenchmarkError([f"{path}: found no such folder, expected the folder of a benchmark"])
    return path


def _is_native(reference: str, here: Path) -> bool:
    return (here / reference).is_dir() or reference in shipped_benchmarks()


def _native_folder(reference: str, here: Path) -> Path:
    if (here / reference).is_dir():
        return here / reference
    shipped = shipped_benchmarks()
    if reference in shipped:
        return shipped[reference]
    near = difflib.get_close_matches(reference, shipped, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    names = f" or one of: {', '.join(shipped)}" if shipped else ""
    prefixes = "beir:PATH, trec:PATH, rgb:PATH, mtrag:PATH, hf:NAME, ir_datasets:NAME, rotated: before any"
    expected = f"a folder, {prefixes}, a loader FILE.py{names}{hint}"
    raise BenchmarkError([f"{here / reference}: found no such folder, expected {expected}"])


def _trec_paths(text: str, here: Path) -> dict[str, Path]:
    parts: dict[str, str] = {}
    for part in text.split(","):
        name, _, path = part.partition("=")
        parts[name] = path
    if set(parts) | {"qrels"} != set(_TREC_FILES) or not all(parts.values()):
        raise DeclarationError(f"benchmark: found trec:{text}, expected trec:documents=PATH,topics=PATH,qrels=PATH")
    return {name: here / path for name, path in parts.items()}
