"""RAGAS: its data sets as benchmarks with recorded runs, runs as its data sets, its metrics as judges (extra `ragas`).

    result = evaluate(dataset, [Faithfulness(), ContextRecall()], llm={"provider": "openai", ...})

A metric's model calls go through rageval's models, so its scores have rageval's cache, resume, budget and intervals.
Importing this module switches RAGAS's usage reports off, for the whole process.
"""

import os

from rageval.errors import MissingExtraError

os.environ["RAGAS_DO_NOT_TRACK"] = "true"

try:
    from ragas._analytics import do_not_track

    from rageval.integrations.ragas.evaluation import RagasResult, evaluate
    from rageval.integrations.ragas.judges import RagasEmbeddingJudge, RagasJudge, judge
    from rageval.integrations.ragas.samples import from_ragas, to_ragas
except ImportError as error:
    raise MissingExtraError(error.name or "ragas", "ragas", "rageval.integrations.ragas") from None

do_not_track.cache_clear()  # it remembers what it found if something of RAGAS ran before

__all__ = [
    "RagasEmbeddingJudge",
    "RagasJudge",
    "RagasResult",
    "evaluate",
    "from_ragas",
    "judge",
    "to_ragas",
]
