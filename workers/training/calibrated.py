"""Probabilities of a trained model: fitted to the grades of the dev queries, which it has not learnt from.

Rule: a training run never fails by it; where the grades cannot carry a calibration, the run says why and goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from connector.errors import ConfigError
from workers.probability.graded import calibrate, from_collection
from workers.probability.record import Record
from workers.training.data import Collection
from workers.training.encoder import scores

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def on_dev(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    collection: Collection,
    max_tokens: int,
    say: Callable[[str], None],
) -> Record | None:
    """Return the calibration on the graded documents of the dev queries; None where there are none, or too few."""
    graded = from_collection("the dev queries", collection, ["dev"])
    if not graded.pairs:
        return None
    try:
        return calibrate(graded, scores(model, tokenizer, graded.pairs, max_tokens))
    except ConfigError as error:
        say(f"no probabilities: {error}")
        return None
