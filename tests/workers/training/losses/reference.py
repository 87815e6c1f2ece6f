"""sentence-transformers' losses on given logits: a cross-encoder that looks its answers up, computing nothing."""

from __future__ import annotations

import torch
from sentence_transformers import CrossEncoder
from torch import Tensor, nn


class Looked(CrossEncoder):
    """Answers the pair (query, document) with the logit under that key."""

    def __init__(self, answers: dict[tuple[str, str], Tensor], labels: int = 1) -> None:
        nn.Module.__init__(self)
        self.answers, self.width = answers, labels

    @property
    def num_labels(self) -> int:
        return self.width

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def preprocess(self, pairs, prompt=None, task=None):
        return {"pairs": pairs}

    def forward(self, inputs):
        return {"scores": torch.stack([self.answers[tuple(pair)] for pair in inputs["pairs"]]).view(-1, self.width)}


def lists(sizes: tuple[int, ...]) -> tuple[list[str], list[list[str]]]:
    """Names of queries and of each query's documents."""
    queries = [f"q{number}" for number in range(len(sizes))]
    return queries, [[f"{query} d{place}" for place in range(size)] for query, size in zip(queries, sizes, strict=True)]


def looked(logits: Tensor, sizes: tuple[int, ...]) -> Looked:
    """A cross-encoder that gives row after row of `logits` to the documents of `lists(sizes)`."""
    queries, documents = lists(sizes)
    keys = [(query, document) for query, own in zip(queries, documents, strict=True) for document in own]
    return Looked(dict(zip(keys, logits, strict=True)), 1 if logits.ndim == 1 else logits.shape[1])
