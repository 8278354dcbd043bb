"""Benchmarks: load, validate, hash, select, count."""

from rageval.benchmark.from_records import from_records
from rageval.benchmark.language import detect_language
from rageval.benchmark.load import load, shipped_benchmarks
from rageval.benchmark.select import QuestionFilter, Selection, select_questions
from rageval.benchmark.statistics import BenchmarkStatistics, statistics

__all__ = [
    "BenchmarkStatistics",
    "QuestionFilter",
    "Selection",
    "detect_language",
    "from_records",
    "load",
    "select_questions",
    "shipped_benchmarks",
    "statistics",
]
