"""What the models of a pipeline cost, for the manifest of its run: tables of costs are made from it later."""

from __future__ import annotations

from rageval.experiment.plan import Experiment, rerank_services
from rageval.models.budget import Price
from rageval.models.rerank_endpoint import RerankService
from rageval.pipeline import Pipeline
from rageval.pipeline.parts import parts_of
from rageval.pipeline.recorded import Replay
from rageval.retrieval.rerank import Rerank
from rageval.types import Json

_RERANK_STEP = "rerank"


def answering_prices(experiment: Experiment, pipeline: Pipeline) -> dict[str, Json]:
    """`models`: the price of each model that may be asked, by identity, null where none was given. `steps`: the models
    that the steps of that name may ask, where that is known; all other steps may ask those under "". `embedder`: the
    model whose calls are not counted, null where there is none. `outside` says that the pipeline asks models by itself,
    which rageval does not see, and `recorded` that its answers were recorded elsewhere, so that no time was measured.
    """
    stage, asked = pipeline.stage, experiment.models_of(pipeline)
    parts = [*parts_of(stage)]
    services = {service.identity: service.price for service in rerank_services([pipeline])}
    rerankers = [part.reranker for part in parts if isinstance(part, Rerank)]
    in_stages = {reranker.identity for reranker in rerankers if isinstance(reranker, RerankService)}
    given = {} if experiment.models is None else experiment.models.prices
    prices: dict[str, Price | None] = {**services}
    others = [name for name in services if name not in in_stages]
    if "chat" in stage.needs(experiment.generate) and asked.chat is not None:
        prices[asked.chat.identity] = given.get(asked.chat.identity)
        others.append(asked.chat.identity)
    in_chat = any("chat" in reranker.needs() for reranker in rerankers)
    of_rerank = [*services, *(others if in_chat else ())]
    embedder = asked.embedder
    return {
        "models": {name: None if price is None else price.to_json() for name, price in prices.items()},
        "steps": {"": [*dict.fromkeys(others)], **({_RERANK_STEP: [*dict.fromkeys(of_rerank)]} if services else {})},
        "embedder": embedder.identity if embedder is not None and "embed" in stage.needs(experiment.generate) else None,
        "outside": stage.asks_outside(),
        "recorded": any(isinstance(part, Replay) for part in parts),
    }
