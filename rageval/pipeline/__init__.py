"""Pipelines: stages composed with `>>`, the state that flows through them, and what they draw on."""

from rageval.pipeline.pipeline import Pipeline
from rageval.pipeline.resources import IndexStore, Resources, Shared
from rageval.pipeline.sizes import NO_CONTEXT, Bound, Calls, ContextSize, PromptSizes
from rageval.pipeline.stage import Chain, Need, Stage, complete_all
from rageval.pipeline.state import Query, State

__all__ = [
    "NO_CONTEXT",
    "Bound",
    "Calls",
    "Chain",
    "ContextSize",
    "IndexStore",
    "Need",
    "Pipeline",
    "PromptSizes",
    "Query",
    "Resources",
    "Shared",
    "Stage",
    "State",
    "complete_all",
]
