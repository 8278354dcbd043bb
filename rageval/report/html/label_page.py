"""The labelling page of the local server, and the labelling sheet: one file that somebody fills in without a server."""

from __future__ import annotations

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.people.labelling import Labelling
from rageval.report.html.page import Page, page_text
from rageval.scores.samples import Sample, sample_from_json
from rageval.types import Json

_ITEM = ("label_passages.js", "label_item.js", "label_screen.js")
LABEL_PAGE = Page(
    "rageval",
    ("view.js", *_ITEM, "label_server.js", "label_results.js", "label.js"),
    ("label.css",),
    ("view.yaml", "label.yaml"),
    connects=True,
)
DOCUMENTS_PAGE = Page(
    "rageval",
    ("view.js", *_ITEM, "label_server.js", "label_documents.js"),
    ("label.css",),
    ("view.yaml", "label.yaml"),
    connects=True,
)
SHEET_PAGE = Page("rageval", (*_ITEM, "label_sheet.js"), ("label.css",), ("label.yaml",))


def labelling_sheet(run: RunFolder, metric: str, *, sample: str = "", language: str = "") -> str:
    """The page in which a colleague labels a drawn sample: a file that needs no network and asks for none.

    It has the questions, references, answers and passages in the sample's order, and the claims that the judge listed,
    but nothing that the judge said of them. What is filled in is saved as a `.jsonl` file for `rageval label`. `sample`
    is the sample's digest; by default it is the latest one of the metric. `language` is that of the interface at first.

    Raises DeclarationError where none was drawn, or its answers have changed since.
    """
    drawn = _sample(run, metric, sample)
    labelling = Labelling(run, drawn)
    items: list[Json] = [labelling.item_of(question).to_json() for question in drawn.to_label]
    data: dict[str, Json] = {"run": drawn.run, "sample": drawn.digest, "metric": drawn.metric, "items": items}
    return "".join(page_text(SHEET_PAGE, data, language=language))


def _sample(run: RunFolder, metric: str, digest: str) -> Sample:
    for sample in map(sample_from_json, run.samples()):
        if sample.metric == metric and digest in ("", sample.digest):
            return sample
    which = f"sample {digest} of {metric}" if digest else f"sample of {metric}"
    raise DeclarationError(
        f"{run.path}: found no {which}, expected one: draw it with  rageval sample {run.path} --metric {metric} -n 50"
    )
