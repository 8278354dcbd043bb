"""rageval: evaluate retrieval-augmented generation, with an honest interval on every number.

`evaluate` runs pipelines over a benchmark and scores them; `load_benchmark`, `benchmark_from_records` and
`benchmark_from_hugging_face` make benchmarks, and `synthesise` writes one about documents; `RunFolder` reads what a run
left; `compare` and `gate` set two runs against each other, and `diagnose` says why questions of a run fail; the rest
are the nouns that they speak of. Names are imported when first used, so that `import rageval` is quick and pulls in
nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rageval.benchmark import QuestionFilter
    from rageval.benchmark import from_hugging_face as benchmark_from_hugging_face
    from rageval.benchmark import from_records as benchmark_from_records
    from rageval.benchmark import load as load_benchmark
    from rageval.decide.comparison import CompareResult, compare
    from rageval.decide.diagnose import DiagnoseResult, diagnose
    from rageval.decide.gate import GateResult, gate
    from rageval.errors import (
        BenchmarkError,
        BudgetError,
        DeclarationError,
        ExecutionError,
        ModelError,
        NotComparableError,
        RagevalError,
    )
    from rageval.front import Result, evaluate, synthesise
    from rageval.io.run_folder import RunFolder
    from rageval.judges.base import Judged
    from rageval.judges.custom import CustomJudge
    from rageval.metrics.custom import CustomMetric
    from rageval.types import (
        Abstained,
        Benchmark,
        Document,
        Estimate,
        Graded,
        Hit,
        Passage,
        Question,
        RelevanceLabel,
        Response,
        Unscored,
    )

__version__ = "0.1.0"

__all__ = [
    "Abstained",
    "Benchmark",
    "BenchmarkError",
    "BudgetError",
    "CompareResult",
    "CustomJudge",
    "CustomMetric",
    "DeclarationError",
    "DiagnoseResult",
    "Document",
    "Estimate",
    "ExecutionError",
    "GateResult",
    "Graded",
    "Hit",
    "Judged",
    "ModelError",
    "NotComparableError",
    "Passage",
    "Question",
    "QuestionFilter",
    "RagevalError",
    "RelevanceLabel",
    "Response",
    "Result",
    "RunFolder",
    "Unscored",
    "benchmark_from_hugging_face",
    "benchmark_from_records",
    "compare",
    "diagnose",
    "evaluate",
    "gate",
    "load_benchmark",
    "synthesise",
]

_HOMES = {
    "rageval.benchmark": {
        "QuestionFilter": "QuestionFilter", "benchmark_from_hugging_face": "from_hugging_face",
        "benchmark_from_records": "from_records", "load_benchmark": "load",
    },
    "rageval.decide.comparison": ("CompareResult", "compare"),
    "rageval.decide.diagnose": ("DiagnoseResult", "diagnose"),
    "rageval.errors": (
        "BenchmarkError", "BudgetError", "DeclarationError", "ExecutionError", "ModelError", "NotComparableError",
        "RagevalError",
    ),
    "rageval.front": ("Result", "evaluate", "synthesise"),
    "rageval.decide.gate": ("GateResult", "gate"),
    "rageval.judges.base": ("Judged",),
    "rageval.judges.custom": ("CustomJudge",),
    "rageval.metrics.custom": ("CustomMetric",),
    "rageval.io.run_folder": ("RunFolder",),
    "rageval.types": (
        "Abstained", "Benchmark", "Document", "Estimate", "Graded", "Hit", "Passage", "Question", "RelevanceLabel",
        "Response", "Unscored",
    ),
}  # fmt: skip
_PLACES = {
    name: (module, names[name] if isinstance(names, dict) else name)
    for module, names in _HOMES.items()
    for name in names
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'rageval' has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
