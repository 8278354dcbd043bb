"""What an experiment file says of an embedding endpoint."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from rageval.experiment.endpoint_spec import EndpointPart
from rageval.io.strict import Strict, WholeNumber
from rageval.models.access import Access, endpoint_identity
from rageval.models.openai_embedder import InputType, embedder_settings

_Positive = Annotated[WholeNumber, Field(ge=1)]


class InputTypePart(Strict):
    """What the request says of queries and passages, in the `field` of that name."""

    query: str
    passage: str
    field: str = "input_type"


class EmbeddingEndpoint(EndpointPart):
    """An embedder at an OpenAI-compatible endpoint: see `OpenAIEmbedder`."""

    concurrency: _Positive = 8
    batch: _Positive = 64
    batch_tokens: _Positive = 200_000
    max_tokens: _Positive | None = None
    truncate: Literal["sentence", "refuse"] = "sentence"
    dimensions: _Positive | None = None
    encoding_format: Literal["float", "base64"] | None = None
    query_prefix: str = ""
    passage_prefix: str = ""
    input_type: InputTypePart | None = None
    images: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """What `OpenAIEmbedder` is made of, by the names of its arguments."""
        return {**self.model_dump(exclude={"provider"}), "input_type": self._role}

    @property
    def identity(self) -> str:
        """That of the embedder, without a key. Raises DeclarationError for a bad address."""
        access = Access(api_version=self.api_version, extra_headers=self.settings["extra_headers"])
        changes = embedder_settings(
            self.dimensions,
            self.max_tokens,
            self.query_prefix,
            self.passage_prefix,
            self._role,
            self.extra_body,
            self.images,
        )
        return endpoint_identity(self.base_url, self.model, {**access.settings, **changes})

    @property
    def _role(self) -> InputType | None:
        part = self.input_type
        return None if part is None else InputType(part.query, part.passage, part.field)
