"""The models of one command: each is opened once, and whoever opened them closes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

from rageval.experiment.choose_models import choose_chat, choose_embedder, choose_ranker, located
from rageval.experiment.spec import ChatChoice, EmbedderChoice, EmbedderModel, ModelChoice
from rageval.models.base import ChatModel, Embedder
from rageval.models.budget import Budget, BudgetedChat, Price
from rageval.models.cache import CachedChat
from rageval.models.rerank_endpoint import RerankService
from rageval.models.vector_cache import CachedEmbedder
from rageval.models.wrapped import WrappedChat, WrappedEmbedder

T = TypeVar("T")


class OpenModels:
    """Models behind their caches in the folder `cache`, and the event loop that they are used in.

    Equal choices share one model, and so does an object given twice. All calls of chat and rerank models count against
    the `budget`, if there is one. If `offline`, only the caches answer. If `fresh`, replies cached earlier are ignored,
    while vectors are used. `on_embedding` gets (done, total) while texts are embedded. A context manager: `close`
    closes the caches and the models opened from a choice; objects passed in by the caller stay open.
    """

    def __init__(
        self,
        cache: Path,
        *,
        budget: Budget | None = None,
        offline: bool = False,
        fresh: bool = False,
        on_embedding: Callable[[int, int], None] | None = None,
    ) -> None:
        self._cache = cache
        self._budget = budget
        self._offline = offline
        self._asked: set[str] | None = set() if fresh else None
        self._on_embedding = on_embedding
        self._chats: dict[str | int, ChatModel] = {}
        self._embedders: dict[str | int, Embedder] = {}
        self._rankers: dict[str, ChatModel] = {}
        self._priced: list[tuple[ChatModel, Price]] = []
        self._runner: asyncio.Runner | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def chat(self, choice: ChatChoice, base: Path) -> ChatModel:
        """The chat model of a choice, or the object given; paths are relative to `base`. Loads and asks nothing yet.
        Raises DeclarationError for what cannot work.
        """
        choice = located(choice, base)
        key = _key(choice)
        if key not in self._chats:
            self._chats[key] = self._open_chat(choice)
            if isinstance(choice, ModelChoice) and choice.price is not None:
                self._priced.append((self._chats[key], choice.price.price))
        return self._chats[key]

    @property
    def prices(self) -> dict[str, Price]:
        """The prices given beside chat models, by the model's identity."""
        return {model.identity: price for model, price in self._priced}

    def embedder(self, choice: EmbedderChoice, base: Path) -> Embedder:
        """As `chat`, for an embedder."""
        choice = located(choice, base)
        key = _key(choice)
        if key not in self._embedders:
            self._embedders[key] = self._open_embedder(choice)
        return self._embedders[key]

    def ranker(self, service: RerankService) -> ChatModel:
        """As `chat`, for a rerank model at an endpoint."""
        key = service.identity
        if key not in self._rankers:
            self._rankers[key] = choose_ranker(
                service, self._cache, self._budget, offline=self._offline, only=self._asked
            )
        return self._rankers[key]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run what uses the models, to its end. Not to be called from within a running event loop."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(work)

    def close(self) -> None:
        """Close what was opened, in the event loop that it was used in."""
        opened = (self._chats, self._embedders, self._rankers)
        models = [model for some in opened for model in some.values()]
        for some in opened:
            some.clear()
        try:
            if models:
                self.run(_close(models))
        finally:
            if self._runner is not None:
                self._runner.close()
                self._runner = None

    def _open_chat(self, choice: ChatChoice) -> ChatModel:
        if isinstance(choice, ModelChoice):
            return choose_chat(choice, self._cache, self._budget, offline=self._offline, only=self._asked)
        model = WrappedChat(choice)
        budgeted = model if self._budget is None else BudgetedChat(model, self._budget, None)
        return CachedChat(budgeted, self._cache / "chat.sqlite", only=self._asked)

    def _open_embedder(self, choice: EmbedderChoice) -> Embedder:
        if isinstance(choice, EmbedderModel):
            return choose_embedder(choice, self._cache, self._on_embedding, offline=self._offline)
        return CachedEmbedder(WrappedEmbedder(choice), self._cache / "vectors", on_progress=self._on_embedding)


def run_with(models: OpenModels | None, work: Coroutine[Any, Any, T]) -> T:
    """Run `work` in the event loop of these models, or in a new one if the caller manages the models."""
    return asyncio.run(work) if models is None else models.run(work)


async def _close(models: list[ChatModel | Embedder]) -> None:
    for model in models:
        await model.close()


def _key(choice: ChatChoice | EmbedderChoice) -> str | int:
    return repr(choice) if isinstance(choice, ModelChoice | EmbedderModel) else id(choice)
