"""Open the models that an experiment names, each behind its cache."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from rageval.errors import DeclarationError
from rageval.experiment.embedder_spec import EmbeddingEndpoint
from rageval.experiment.own_models import build_chat, build_embedder
from rageval.experiment.spec import (
    BudgetPart,
    ChatChoice,
    EmbedderChoice,
    EmbedderModel,
    LocalModel,
    ModelChoice,
    OpenAIModel,
    PluginModel,
    read_spec,
)
from rageval.models.access import endpoint_identity
from rageval.models.base import ChatModel, Embedder
from rageval.models.budget import Budget, BudgetedChat, Price
from rageval.models.cache import CachedChat
from rageval.models.known_models import FILE, KnownModel
from rageval.models.offline import OfflineModel
from rageval.models.rerank_endpoint import RerankCalls, RerankService, SplitRerank
from rageval.models.vector_cache import CachedEmbedder

_log = logging.getLogger("rageval")

Choice = TypeVar("Choice", bound=ChatChoice | EmbedderChoice)
_CALLS_A_COMMIT = 4  # embedding calls whose vectors are kept together


def choose_chat(
    choice: ModelChoice,
    cache: Path,
    budget: Budget | None = None,
    *,
    offline: bool = False,
    only: set[str] | None = None,
) -> ChatModel:
    """A cached chat model whose calls count against the budget, if there is one. Loads and asks nothing yet, but raises
    errors for what cannot work. If `offline`, only the cache answers, and neither a key nor weights are needed. `only`
    is as in `Replies`.
    """
    if offline:
        return CachedChat(OfflineModel(_chat_identity(choice)), cache / "chat.sqlite")
    on_closing = None
    if isinstance(choice, PluginModel):
        model: ChatModel = build_chat(choice)
        price = None if choice.price is None else choice.price.price
    elif isinstance(choice, LocalModel):
        from rageval.models.local import LocalChat

        model = LocalChat(
            path=choice.path, hub=choice.hub, context_tokens=choice.context_tokens, threads=choice.threads
        )
        price = Price(0.0, 0.0) if choice.price is None else choice.price.price
    else:
        from rageval.models.openai_compatible import OpenAIChat

        model = endpoint = OpenAIChat(**choice.endpoint)
        endpoint.recall(KnownModel(endpoint.identity, "chat", cache / FILE).tell_facts())
        if choice.transport == "batch":
            from rageval.models.batch import BatchChat

            model = BatchChat(endpoint, cache, only=only)
            on_closing = model.let_go
        price = None if choice.price is None else choice.price.price
    if budget is not None:
        model = BudgetedChat(model, budget, price)
    return CachedChat(model, cache / "chat.sqlite", on_closing, only)


def _chat_identity(choice: ModelChoice) -> str:
    if isinstance(choice, PluginModel):
        return build_chat(choice).identity
    if isinstance(choice, LocalModel):
        from rageval.models.local import local_identity

        return local_identity(choice.path, choice.hub)
    return choice.identity


def located(choice: Choice, base: Path) -> Choice:
    """The choice with its paths resolved, so that they no longer depend on where it was named."""
    if isinstance(choice, PluginModel) and choice.base == Path():
        return choice.model_copy(update={"base": base.resolve()})
    if isinstance(choice, LocalModel) and choice.path is not None:
        return choice.model_copy(update={"path": base / choice.path})
    if isinstance(choice, OpenAIModel | EmbeddingEndpoint) and choice.verify is not None:
        return choice.model_copy(update={"verify": base / choice.verify})
    return choice


def choose_budget(parts: Sequence[BudgetPart | None]) -> Budget | None:
    """The budget that experiments give, None where none does. Raises DeclarationError where they differ."""
    given = [part for part in dict.fromkeys(parts) if part is not None]
    if len(given) > 1:
        raise DeclarationError(f"budget: found {len(given)} that differ, expected one for all judges of a panel")
    return Budget(given[0].most) if given else None


def warn_of_equal_answers(choice: ModelChoice | ChatModel) -> None:
    """Warn where repeats may get the same answers, since prompts for answers are sent at temperature 0 unless the
    model's own settings have another one.
    """
    if isinstance(choice, LocalModel):
        _log.warning("repeats: the local model answers at temperature 0, so the answers to a question may be the same")
    elif isinstance(choice, OpenAIModel) and "temperature" not in choice.extra_body:
        _log.warning(
            "repeats: found no temperature in models.chat.extra_body, so answers are asked for at temperature 0, and "
            "those to a question may be the same: set the one that users get, such as {temperature: 0.7}"
        )


def choose_one_judge(experiment: Path | None, cache: Path) -> ChatModel:
    """The model that judges in an experiment file, or else the local one. Raises DeclarationError for a panel."""
    if experiment is None:
        return choose_chat(LocalModel(), cache)
    spec = read_spec(experiment)
    models = spec.models
    if models.detector is not None:
        raise DeclarationError(f"{experiment}: models.judge: found a detector, expected a chat model")
    if len(models.raters) * models.judge_samples > 1:
        raise DeclarationError(f"{experiment}: models.judge: found a panel, expected one model, asked once")
    choice = located(models.raters[0], experiment.resolve().parent)
    assert isinstance(choice, ModelChoice)  # a file holds no objects
    return choose_chat(choice, cache, choose_budget([spec.budget]))


def choose_embedder(
    choice: EmbedderModel,
    cache: Path,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    offline: bool = False,
) -> Embedder:
    """A cached embedder. It calls `on_progress` with (texts done, texts to do) while it embeds. `offline` as in
    `choose_chat`.
    """
    if isinstance(choice, PluginModel):
        _refuse_price(choice)
        own = build_embedder(choice)
        embedder: Embedder = OfflineModel(own.identity) if offline else own
    elif isinstance(choice, LocalModel):
        _refuse_price(choice)
        if choice.path is not None or choice.hub is not None:
            raise DeclarationError("models.embed: found a path or hub id, expected plain `local` or provider: openai")
        from rageval.models.local import LocalEmbedder, local_embedder_identity

        embedder = OfflineModel(local_embedder_identity()) if offline else LocalEmbedder()
    else:
        return _embedding_endpoint(choice, cache, on_progress, offline=offline)
    return CachedEmbedder(embedder, cache / "vectors", on_progress=on_progress)


def _refuse_price(choice: LocalModel | PluginModel) -> None:
    if choice.price is not None:
        raise DeclarationError("models.embed: found a price, expected none: embeddings are not priced")


def _embedding_endpoint(
    choice: EmbeddingEndpoint, cache: Path, on_progress: Callable[[int, int], None] | None, *, offline: bool
) -> Embedder:
    from rageval.models.openai_embedder import OpenAIEmbedder

    if offline:
        return CachedEmbedder(OfflineModel(choice.identity), cache / "vectors", on_progress=on_progress)
    known = KnownModel(endpoint_identity(choice.base_url, choice.model), "embed", cache / FILE)
    known.tell_facts()
    embedder = OpenAIEmbedder(**choice.settings, known=known)
    batch = choice.batch * _CALLS_A_COMMIT
    return CachedEmbedder(embedder, cache / "vectors", batch, on_progress, watch=embedder.watch)


def choose_ranker(
    service: RerankService,
    cache: Path,
    budget: Budget | None = None,
    *,
    offline: bool = False,
    only: set[str] | None = None,
) -> ChatModel:
    """A cached rerank model; see `choose_chat`."""
    if offline:
        return CachedChat(OfflineModel(service.identity), cache / "chat.sqlite")
    known = KnownModel(service.identity, "rerank", cache / FILE)
    known.tell_facts()
    calls: ChatModel = RerankCalls(service, known)
    if budget is not None:
        calls = BudgetedChat(calls, budget, service.price)
    return CachedChat(SplitRerank(calls, service, known), cache / "chat.sqlite", only=only)
