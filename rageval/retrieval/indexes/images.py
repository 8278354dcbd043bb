"""Texts and images in one space: a passage is found by its text or by an image that it names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rageval.models.base import Vectors
from rageval.pipeline import Resources
from rageval.pipeline.images import Illustrated, ImageReader, images_in
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.indexes.by_vector import SearchByVector, VectorIndex, embedded_text
from rageval.retrieval.indexes.multi_vector import MultiVectorIndex
from rageval.retrieval.passages import Passages

_IMAGES_AT_ONCE = 32  # of which the bytes are in memory


@dataclass(frozen=True)
class ImageEmbeddings(VectorIndex):
    """The embeddings of the passages, tables and all, and of the images that they name, by an embedder that has texts
    and images in one space (`images: true` beside an endpoint); a passage scores its best vector's cosine.

    Models of that kind often put all texts nearer to a question than any image, which no score here corrects.
    """

    chunker: AnyChunker = SentenceChunker()

    def image_readers(self) -> frozenset[ImageReader]:
        return frozenset({"embed"})

    async def build(self, resources: Resources) -> SearchByVector[MultiVectorIndex]:
        passages, embedder = await resources.get(Passages(self.chunker)), resources.embedder
        illustrated = await resources.get(Illustrated())
        found = [(owner, one) for owner, passage in enumerate(passages) for one in images_in(passage, illustrated)]
        vectors = [await embedder.embed([embedded_text(passage) for passage in passages], "passage")]
        for start in range(0, len(found), _IMAGES_AT_ONCE):
            some = [one.image.data_uri() for _, one in found[start : start + _IMAGES_AT_ONCE]]
            vectors.append(await embedder.embed(some, "passage"))
        owners = np.array([*range(len(passages)), *(owner for owner, _ in found)], dtype=np.intp)
        joined: Vectors = np.concatenate(vectors)
        return SearchByVector(MultiVectorIndex(passages, joined, owners), embedder)
