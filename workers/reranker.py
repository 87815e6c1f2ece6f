"""`Reranker`: score and rank in Python, without queue or server.

Rule: `score` gives float32 logits and `rank` their sigmoid, as sentence-transformers' `rank` does, unless an activation
is asked for, which both then apply; `scale` says what a score of `score` is, `rank_scale` what one of `rank` is.
"""

from collections.abc import Iterable
from typing import TypedDict, overload

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from connector.errors import ConfigError
from workers import activations
from workers.given import PairInput, read_pairs, read_texts
from workers.load import open_scorer
from workers.scorer import Pair, Scorer

LONG = 1000  # pairs from which on a progress bar is shown; some ten seconds on one core

SCALES = {
    "identity": "logit (any real number; only order and differences mean something)",
    "sigmoid": "probability-like, 0 to 1, each text by itself",
    "softmax": "share of the label among all labels, 0 to 1",
}


class Ranked(TypedDict, total=False):
    """One entry of `rank`: `corpus_id` is the position in the documents given, `text` only where asked for."""

    corpus_id: int
    score: float
    text: str


class Reranker:
    """A cross-encoder that reads query and document together.

        Reranker("bundled:products-en").rank("rain jacket", ["umbrella", "hooded rain coat"], top_k=1)

    `source` is bundled:NAME, a folder in Hugging Face layout, or a Hub id (then `revision` pins it). `max_tokens`
    counts query and document together; by default what the model reads. `runtime` (openvino, onnx, torch),
    `precision` (fp32, bf16, fp16, int8, int4) and `device` (cpu, cuda) are chosen by a short measurement where "auto"
    (onnx only where it is named); `why` tells the reason. `label` picks one of several labels. `batch_tokens` is the
    padded tokens of a batch, 0: measured.

    One call at a time: an instance computes on every core by itself and is not for several threads at once.

    Scale: with `activation` None, logits from `score` and their sigmoid (0 to 1) from `rank`; `scale` and `rank_scale`
    say so. Raises ConfigError when the model cannot be loaded; its methods raise TypeError or ValueError that names the
    argument and the place of what is no text or no pair.
    """

    def __init__(
        self,
        source: str,
        *,
        max_tokens: int | None = None,
        runtime: str = "auto",
        precision: str = "auto",
        device: str = "auto",
        activation: str | None = None,
        label: str | None = None,
        batch_tokens: int = 0,
        revision: str = "",
        scorer: Scorer | None = None,
    ) -> None:
        self.activation = activation or "identity"
        self.ranked_by = activation or "sigmoid"
        if self.activation not in activations.NAMES:
            raise ConfigError(f"activation = {activation!r}: there is {', '.join(activations.NAMES)}")
        self.scorer = scorer or open_scorer(
            source,
            max_tokens=max_tokens,
            runtime=runtime,
            precision=precision,
            device=device,
            activation=self.activation,
            label=label or "",
            batch_tokens=batch_tokens,
            revision=revision,
        )

    @property
    def scale(self) -> str:
        """What a score of `score` means. Of `rank`: `rank_scale`."""
        return SCALES[self.activation]

    @property
    def rank_scale(self) -> str:
        """What a score of `rank` means: without `activation` not the same as `scale`."""
        return SCALES[self.ranked_by]

    @property
    def why(self) -> str:
        """How runtime and precision were chosen, in one line."""
        return self.scorer.info.why

    @overload
    def score(self, pairs: PairInput, *, progress: bool | None = None) -> np.float32 | NDArray[np.float32]: ...

    @overload
    def score(self, pairs: Iterable[PairInput], *, progress: bool | None = None) -> NDArray[np.float32]: ...

    def score(
        self, pairs: PairInput | Iterable[PairInput], *, progress: bool | None = None
    ) -> np.float32 | NDArray[np.float32]:
        """Scores of (query, document) pairs in their order, [n] or [n, labels] of several labels; NaN where a text
        could not be scored. Of one pair alone its score, a float32 ([labels] of several), as `CrossEncoder.predict` has
        it. Blocks; `progress` None shows a bar from 1,000 pairs on.
        """
        listed, alone = read_pairs(pairs)
        scores = activations.apply(self.activation, self._logits(listed, progress))
        return scores[0] if alone else scores

    @property
    def longest_query(self) -> int:
        """Characters of the longest query that the model was made for; 0: any. Longer ones are scored all the same:
        only you know what to do without a score.
        """
        return self.scorer.info.max_query_chars

    @overload
    def probabilities(self, pairs: PairInput, *, progress: bool | None = None) -> np.float64: ...

    @overload
    def probabilities(self, pairs: Iterable[PairInput], *, progress: bool | None = None) -> NDArray[np.float64]: ...

    def probabilities(
        self, pairs: PairInput | Iterable[PairInput], *, progress: bool | None = None
    ) -> np.float64 | NDArray[np.float64]:
        """How often people call documents with such a logit relevant, of pairs in their order (of one pair alone: its
        own), 0 to 1; NaN where a text could not be scored. Raises ConfigError where the model is not calibrated
        (`secondpass models calibrate`).
        """
        calibration = self.scorer.info.calibration
        if calibration is None:
            raise ConfigError("the model is not calibrated: `secondpass models calibrate` does it on graded documents")
        listed, alone = read_pairs(pairs)
        found = np.array(
            [calibration.probability(float(logit)) for logit in self._logits(listed, progress)], np.float64
        )
        return np.float64(found[0]) if alone else found

    def _logits(self, pairs: list[Pair], progress: bool | None = None) -> NDArray[np.float32]:
        width = len(self.scorer.info.labels)
        logits = np.full((len(pairs), width) if width > 1 else len(pairs), np.nan, np.float32)
        with Progress(transient=True, disable=not (len(pairs) >= LONG if progress is None else progress)) as bar:
            shown = bar.add_task("scoring", total=len(pairs))
            for places, found, _ in self.scorer.stream(pairs):
                logits[list(places)] = found
                bar.advance(shown, len(places))
        return logits

    def rank(
        self, query: str, documents: Iterable[str], top_k: int | None = None, return_documents: bool = False
    ) -> list[Ranked]:
        """Documents by falling score, the first `top_k` (None: all); equal scores keep their order, and a document
        that could not be scored (NaN) stands last. Scores are the logits' sigmoid unless `activation` was given:
        `rank_scale`.
        """
        if top_k is not None and top_k < 0:
            raise ValueError(f"top_k = {top_k}: how many of the best to return, 0 or more; None: all")
        texts = read_texts(query, documents)
        if len(self.scorer.info.labels) > 1:
            raise ConfigError(
                f"the model has labels {', '.join(self.scorer.info.labels)}: give label=, the one that ranks"
            )
        logits = self._logits([(query, text) for text in texts])
        order = np.argsort(-logits, kind="stable")[:top_k]  # probabilities near 1 are equal where logits are not
        scores = activations.apply(self.ranked_by, logits)
        ranked: list[Ranked] = [{"corpus_id": int(place), "score": float(scores[place])} for place in order]
        if return_documents:
            for entry in ranked:
                entry["text"] = texts[entry["corpus_id"]]
        return ranked
