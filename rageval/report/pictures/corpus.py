"""A corpus in one picture: its documents in two dimensions, those with faults in colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rageval.corpus.faults import KINDS, CorpusCheck, Kind
from rageval.errors import DeclarationError
from rageval.models.base import Vectors
from rageval.report.lines import shorten
from rageval.report.pictures import canvas
from rageval.report.pictures.canvas import Figure, Say

_COLOURS: dict[Kind, str] = {
    "outlier": "#b3392f",
    "exact-duplicate": "#4464ad",
    "near-duplicate": "#3b9ab2",
    "stale": "#b07a1e",
    "personal": "#8e44ad",
    "encoding": "#2e7d4f",
    "html": "#7a9a01",
    "boilerplate": "#c2639a",
    "language": "#5d4037",
    "unfindable": "#111111",
    "long": "#00695c",
}
"""In this order: a document with several faults has the colour of the first."""

_MOST_NAMED = 8
_WIDTH, _HEIGHT = 6.5, 4.6


def draw_corpus(check: CorpusCheck, path: Path) -> None:
    """Write the picture to `path` (`rageval.report.pictures.canvas.draw`, which says what it raises). Raises
    DeclarationError where the documents were not embedded, or are fewer than three.
    """
    if check.vectors is None or len(check.documents) < len("xyz"):
        raise DeclarationError("--plot: found no embeddings of three documents at least, expected them (--embed)")
    places, shares = plane(check.vectors)
    canvas.draw(path, lambda say: _paint(check, places, shares, say))


def plane(vectors: Vectors) -> tuple[Vectors, tuple[float, float]]:
    """The first two principal components of the vectors, and what share of the variance each has."""
    centred = vectors - vectors.mean(axis=0)
    left, sizes, right = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(right[:2][np.arange(2), np.abs(right[:2]).argmax(axis=1)])  # a sign is free: the same every time
    total = float((sizes**2).sum()) or 1.0
    first, second = (float(size**2) / total for size in sizes[:2])
    return (left[:, :2] * sizes[:2] * signs).astype(np.float32), (first, second)


def _paint(check: CorpusCheck, places: Vectors, shares: tuple[float, float], say: Say) -> Figure:
    kinds = _kinds(check)
    caption = (
        "Each document by the first two principal components of its embedding "
        f"({shares[0]:.0%} and {shares[1]:.0%} of the variance); in colour: documents with a fault"
    )
    figure = canvas.new_figure(_WIDTH, _HEIGHT + canvas.caption_height("", caption, _WIDTH))
    (axis,) = canvas.make_panels(figure, 1)
    groups: list[tuple[Kind | None, str]] = [(None, canvas.PALE), *_COLOURS.items()]
    for kind, colour in groups:
        chosen = [place for place, one in enumerate(check.documents) if kinds.get(one.id) == kind]
        if chosen:
            label = say(f"{kind or 'no fault'} ({len(chosen)})")
            edge = canvas.GREY if kind is None else colour
            axis.scatter(*places[chosen].T, s=22, color=colour, edgecolors=edge, linewidths=0.5, label=label)
    named = [place for place, one in enumerate(check.documents) if kinds.get(one.id) == "outlier"][:_MOST_NAMED]
    for place in named:
        axis.annotate(
            say(shorten(check.documents[place].id, 30)), places[place], xytext=(4, 3), textcoords="offset points",
            fontsize=canvas.TINY,
        )  # fmt: skip
    axis.set_xticks([])
    axis.set_yticks([])
    axis.legend(fontsize=canvas.TINY, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    canvas.write_caption(figure, "", caption, say)
    return figure


def _kinds(check: CorpusCheck) -> dict[str, Kind]:
    """By id, the kind whose colour a document has."""
    found: dict[str, Kind] = {}
    for kind in sorted(KINDS, key=[*_COLOURS, "unreadable"].index):
        for fault in check.of_kind(kind):
            shared = fault.others if kind == "boilerplate" else ()
            for name in (fault.doc_id, *shared):
                found.setdefault(name, kind)
    return found
