"""What a model is told to be better at: losses as pure functions of logits, labels and the sizes of the lists.

Rule: every loss has the signature `loss(logits, labels, sizes) -> scalar`; those of sentence-transformers'
cross-encoders are the reference, and tests hold ours to them.
"""

from workers.training.losses.table import LOSSES, Loss, find

__all__ = ["LOSSES", "Loss", "find"]
