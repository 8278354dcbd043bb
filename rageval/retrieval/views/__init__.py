"""Views: small texts by which a passage is found, while the passage itself is handed over."""

from rageval.retrieval.views.base import View
from rageval.retrieval.views.images import ImageDescriptions, ImageWords
from rageval.retrieval.views.key_phrases import KeyPhrases
from rageval.retrieval.views.plain import Sentences, Titles
from rageval.retrieval.views.tables import TableRows, Tables
from rageval.retrieval.views.written import TableSummaries, Written

__all__ = [
    "ImageDescriptions",
    "ImageWords",
    "KeyPhrases",
    "Sentences",
    "TableRows",
    "TableSummaries",
    "Tables",
    "Titles",
    "View",
    "Written",
]
