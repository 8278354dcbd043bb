"""A chosen share of noise in the prompt, or false passages: RGB's probes of the generator.

The labels choose the passages, so nothing is retrieved: `noise` from 0 to 0.8 measures robustness against irrelevant
passages, `noise: 1` whether the model declines, `counterfactual` whether it believes what is false. Chen et al. 2023
(RGB), arXiv 2309.01431.
"""

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import BM25, AnyChunker, MixPassages
from rageval.retrieval.settings import choose_chunker


def build(
    noise: float = 0.0,
    k: int = 5,
    counterfactual: bool = False,
    seed: int = 0,
    chunk_tokens: int = 384,
    chunker: AnyChunker | None = None,
) -> Stage:
    """`k` passages, round(noise * k) of them irrelevant; false ones for the relevant; `seed` of their order."""
    return MixPassages(k, noise, counterfactual, seed, BM25(choose_chunker(chunker, chunk_tokens, 0))) >> Answer()
