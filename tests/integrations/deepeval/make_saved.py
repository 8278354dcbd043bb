"""Made saved.json, saved.jsonl and saved.csv beside it, once, with DeepEval 4.3.1: `python make_saved.py`."""

from pathlib import Path

from deepeval.dataset import EvaluationDataset, Golden
from deepeval.test_case import LLMTestCase, RetrievedContextData

dataset = EvaluationDataset(
    goldens=[Golden(input="Into which lake does the river Brone flow?", expected_output="Lake Corva")]
)
dataset.add_test_case(
    LLMTestCase(
        input="How high is Mount Arlen?",
        actual_output='It is "2310 metres" high,\nsays the atlas.',
        expected_output="2310 metres",
        context=["Mount Arlen is 2310 metres high. Two sisters reached its summit in 1871.", "Delmar lies below it."],
        retrieval_context=[
            "The river Brone is 95 kilometres long.",
            RetrievedContextData(source="atlas.md", context="Mount Arlen is 2310 metres high."),
        ],
    )
)
dataset.add_test_case(
    LLMTestCase(
        input="青石山高多少?",
        actual_output="一千八百米。",
        expected_output="一千八百米",
        context=["青石山高一千八百米。"],
        retrieval_context=["青石山高一千八百米。山顶的寺庙建于一六〇二年。"],
    )
)
dataset.add_test_case(LLMTestCase(input="Who painted the ceiling?", actual_output="I don't know."))

for kind in ("json", "jsonl", "csv"):
    dataset.save_as(kind, directory=str(Path(__file__).parent), file_name="saved", include_test_cases=True)
