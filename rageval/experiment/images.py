"""Whether the pipelines that use images can: the benchmark's images, and the models that are to read them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from rageval.benchmark.images import unusable_images
from rageval.errors import BenchmarkError, DeclarationError
from rageval.experiment.embedder_spec import EmbeddingEndpoint
from rageval.experiment.pipeline_models import pipeline_choices
from rageval.experiment.spec import ChatChoice, EmbedderChoice, LocalModel, Models, PluginModel
from rageval.pipeline import Pipeline
from rageval.pipeline.images import ImageReader, image_readers
from rageval.pipeline.parts import parts_of
from rageval.types import Benchmark

_log = logging.getLogger("rageval")


def check_images(pipelines: Sequence[Pipeline], benchmark: Benchmark, models: Models, *, generate: bool) -> None:
    """Raises BenchmarkError for images that cannot be used, and DeclarationError for a model that cannot read any,
    where a pipeline uses images. Warns where no document names one.
    """
    using = {pipeline.label: readers for pipeline in pipelines if (readers := _readers(pipeline))}
    if not using:
        return
    if problems := unusable_images(benchmark.documents):
        raise BenchmarkError(problems)
    if not any(document.images for document in benchmark.documents):
        _log.warning("%s uses images, and no document of %s names one", ", ".join(using), benchmark.name)
    for pipeline in pipelines:
        readers = using.get(pipeline.label, frozenset[ImageReader]())
        chat, embed = pipeline_choices(pipeline, models)
        if "chat" in readers & pipeline.stage.needs(generate) and not _reads_images(chat or models.chat):
            raise DeclarationError(
                f"models.chat: found a model that cannot read images, which {pipeline.label} sends: expected one that "
                "can, at an endpoint (provider: openai)"
            )
        if "embed" in readers and not _embeds_images(embed or models.embed):
            raise DeclarationError(
                f"models.embed: found an embedder of texts alone, and {pipeline.label} embeds images: expected an "
                "endpoint that embeds both, with images: true"
            )


def _readers(pipeline: Pipeline) -> frozenset[ImageReader]:
    return frozenset[ImageReader]().union(*map(image_readers, parts_of(pipeline.stage)))


def _reads_images(choice: ChatChoice) -> bool:
    """Whether the chat model may read images: false where it is known that it cannot."""
    return not isinstance(choice, LocalModel) and getattr(choice, "reads_images", True)


def _embeds_images(choice: EmbedderChoice) -> bool:
    """Whether the embedder embeds images; of one in a file of the user's own that is not known before it is asked."""
    if isinstance(choice, EmbeddingEndpoint):
        return choice.images
    return isinstance(choice, PluginModel) or getattr(choice, "embeds_images", False)
