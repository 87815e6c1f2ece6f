"""The model card: what a model learned from, how it was made, how good it is, and where it must not be used.

Rule: a card is text made from values; the same values give the same card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

USE = """```python
from sentence_transformers import CrossEncoder

scores = CrossEncoder("{folder}").predict([("red kettle", "Enamel kettle, 2 l. Acme. red. For gas and induction.")])
```

The input is `[CLS] query [SEP] document [SEP]`, the document a product's texts joined by ". ", most telling first; the
score is the sigmoid of one logit, 0 to 1. Pairs are cut at {max_tokens} tokens; documents were cut at {max_chars}
characters in training."""

USE_LABELS = """```python
from sentence_transformers import CrossEncoder

model = CrossEncoder("{folder}")
model.predict([("a text", "another one")], apply_softmax=True)  # shares of the labels in model.config.id2label
```

The input is `[CLS] query [SEP] document [SEP]`. Pairs are cut at {max_tokens} tokens."""


@dataclass(frozen=True, slots=True)
class Card:
    """The parts of a card; each of `figures` and `limits` is a Markdown line or block."""

    name: str
    summary: str
    folder: str
    data: str
    command: str
    figures: Sequence[str]
    limits: Sequence[str]
    licence: str = ""
    max_tokens: int = 128
    max_chars: int = 450
    several: bool = False  # labels


def render(card: Card) -> str:
    """Return the card as Markdown."""
    use = (USE_LABELS if card.several else USE).format(
        folder=card.folder, max_tokens=card.max_tokens, max_chars=card.max_chars
    )
    parts = [f"# {card.name}", card.summary, "## Use", use, "## Data", card.data, "## Command"]
    parts += [f"```\n{card.command}\n```", "## Figures", "\n".join(card.figures)]
    parts += ["## Limits", "\n".join(f"- {limit}" for limit in card.limits)]
    if card.licence:
        parts += ["## Licence", card.licence]
    return "\n\n".join(parts) + "\n"
