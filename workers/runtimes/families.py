"""The families of encoders that `graph.py` builds, and what each calls the parts of its attention."""

from dataclasses import dataclass

BERTS = ("bert",)
ROBERTAS = ("roberta", "xlm-roberta", "camembert")
MPNETS = ("mpnet",)
FAMILIES = BERTS + ROBERTAS + MPNETS


@dataclass(frozen=True, slots=True)
class Names:
    """Of a layer's linear layers and the norm after attention, below `encoder.layer.N.`, without `.weight`."""

    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    out: str = "attention.output.dense"
    norm: str = "attention.output.LayerNorm"
    wide: str = "intermediate.dense"
    narrow: str = "output.dense"


MPNET = Names("attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o", "attention.LayerNorm")


def names_of(kind: str) -> Names:
    """Of a `model_type` of config.json."""
    return MPNET if kind in MPNETS else Names()
