"""What people are asked about an answer: the same question that the metric asks."""

from __future__ import annotations

from rageval.metrics.judged import judged_metric
from rageval.metrics.names import Metric
from rageval.text.languages import Language, prompt_language


def instruction(metric: Metric, language: Language, question: str) -> str:
    """What people are asked about a judged metric; `question` is what its judge asks, for a judge of the user's own."""
    return judged_metric(metric).instruction[prompt_language(language)].replace("{question}", question)
