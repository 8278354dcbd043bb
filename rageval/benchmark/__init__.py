"""Benchmarks: load, validate, hash, select, count."""

from rageval.benchmark.figures import BenchmarkStatistics, statistics
from rageval.benchmark.hugging_face import load_hugging_face as from_hugging_face
from rageval.benchmark.images import with_images
from rageval.benchmark.in_memory import from_records
from rageval.benchmark.loading import load, shipped_benchmarks
from rageval.benchmark.selection import QuestionFilter, Selection, select_questions

__all__ = [
    "BenchmarkStatistics",
    "QuestionFilter",
    "Selection",
    "from_hugging_face",
    "from_records",
    "load",
    "select_questions",
    "shipped_benchmarks",
    "statistics",
    "with_images",
]
