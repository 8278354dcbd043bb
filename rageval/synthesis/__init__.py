"""Questions written by models about a corpus, each with its evidence, and filters that keep only good ones."""

from rageval.synthesis.kinds import KINDS, Kind, check_mix, parse_mix
from rageval.synthesis.request import (
    ATTEMPTS,
    ModelsFile,
    Request,
    check_models,
    read_benchmark,
    read_models,
    read_styles,
)
from rageval.synthesis.result import Synthesis, Yield
from rageval.synthesis.synthesise import Forecast, forecast, synthesise

__all__ = [
    "ATTEMPTS",
    "KINDS",
    "Forecast",
    "Kind",
    "ModelsFile",
    "Request",
    "Synthesis",
    "Yield",
    "check_mix",
    "check_models",
    "forecast",
    "parse_mix",
    "read_benchmark",
    "read_models",
    "read_styles",
    "synthesise",
]
