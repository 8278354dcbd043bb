"""Chat models and embedders of the user's own, from a file or an installed package."""

from __future__ import annotations

from rageval.errors import DeclarationError
from rageval.experiment.spec import PluginModel, is_chat_model, is_embedder
from rageval.identity import describe, fingerprint
from rageval.io.plugins import Kind, build_found, find_plugin
from rageval.io.strict import shown
from rageval.models.base import ChatModel, Embedder
from rageval.models.wrapped import WrappedChat, WrappedEmbedder
from rageval.source import source_digest


class OwnChat(WrappedChat):
    """The user's own chat model. Its identity is its own one followed by a digest of its code and settings, so cached
    replies of other code are not reused.
    """

    def __init__(self, model: ChatModel, digest: str) -> None:
        super().__init__(model)
        self._digest = digest

    @property
    def identity(self) -> str:
        return f"{super().identity} ({self._digest})"

    async def close(self) -> None:
        await self._model.close()


class OwnEmbedder(WrappedEmbedder):
    """As `OwnChat`, for an embedder."""

    def __init__(self, embedder: Embedder, digest: str) -> None:
        super().__init__(embedder)
        self._digest = digest

    @property
    def identity(self) -> str:
        return f"{super().identity} ({self._digest})"

    async def close(self) -> None:
        await self._embedder.close()


def build_chat(choice: PluginModel) -> ChatModel:
    """The chat model that is named. Raises DeclarationError where it cannot be built or is none."""
    model, digest = _build("chat", choice)
    if not is_chat_model(model):
        raise DeclarationError(
            f"models: {choice.provider}: found {shown(model)}, expected a chat model, with `identity`, `concurrency`, "
            "`complete` and `close`"
        )
    return OwnChat(model, digest)


def build_embedder(choice: PluginModel) -> Embedder:
    """The embedder that is named. Raises DeclarationError where it cannot be built or is none."""
    embedder, digest = _build("embedders", choice)
    if not is_embedder(embedder):
        raise DeclarationError(
            f"models: {choice.provider}: found {shown(embedder)}, expected an embedder, with `identity`, "
            "`embed` and `close`"
        )
    return OwnEmbedder(embedder, digest)


def _build(kind: Kind, choice: PluginModel) -> tuple[object, str]:
    """What is named, and a digest of its code and settings."""
    plugin = find_plugin(kind, choice.provider, {}, choice.base, "models")
    built = build_found(plugin, choice.settings, choice.base, "models")
    code = describe(plugin.target) if plugin.file is None else source_digest(plugin.file)
    return built, fingerprint({"code": code, "settings": describe(choice.settings)})[:8]
