"""A model under training and its logits: loading, tokens of pairs, padding, scoring.

Rule: the longer of the two texts is cut; the tokenizer itself neither cuts nor pads, and padding is masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, cast

from connector.errors import ConfigError
from workers import int4
from workers.devices import checked

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

PRECISIONS = ("auto", "fp32", "bf16")
MAX_TOKENS = 256

STEP = 16
"""Batches are as many tokens wide as their longest row, up to a multiple of this. With a width for each length the
allocator finds no place of the same size again: memory grew from 4.8 to 6.4 GB in 90 s (110 M weights, batches of 32)
and to 12 GB in 25 minutes, slower all the time; with this it stays, at the same pace."""

Encoded = dict[str, list[int]]  # input_ids and, where the model has them, token_type_ids


def device_name(wanted: str = "auto") -> str:
    """Return `cuda` where there is one, else `cpu`, unless a device is named. Raises ConfigError for one that is not
    there.
    """
    checked(wanted)
    import torch

    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return "cuda" if cards else "cpu"
    if wanted.startswith("cuda") and int(wanted.partition(":")[2] or 0) >= cards:
        raise ConfigError(f"device {wanted!r}: torch sees {cards} CUDA devices; use auto or cpu")
    return wanted


def load(
    source: str | Path, seed: int, device: str = "cpu", labels: Sequence[str] = ()
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Load an encoder or cross-encoder and its tokenizer, without baked-in truncation.

    With one logit, or one for each of `labels`; a head of another width is replaced by a new one, which follows from
    the seed. Raises ConfigError for a folder of packed weights.
    """
    if (Path(source) / int4.FILE).exists():
        raise ConfigError(f"{source}: packed to four bits, which cannot be trained; name the folder it was made from")
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    # One pass over ever new examples needs no dropout, which costs a tenth of the time on a CPU; and where a gradient
    # is computed in parts, another draw would make it another one.
    said = AutoConfig.from_pretrained(str(source)).to_dict()
    off = {name: 0.0 for name, value in said.items() if "dropout" in name and isinstance(value, float)}
    torch.manual_seed(seed)
    names = {"id2label": dict(enumerate(labels)), "label2id": {name: n for n, name in enumerate(labels)}}
    model = AutoModelForSequenceClassification.from_pretrained(
        str(source),
        dtype=torch.float32,
        ignore_mismatched_sizes=True,
        **(names if labels else {"num_labels": 1}),
        **off,
    )
    # Measured on an AMD EPYC, bf16, 16 x 104 tokens: eager 18.4 pairs/s, sdpa 13.3 (its CPU backward is slow).
    model.set_attn_implementation("eager" if device == "cpu" else "sdpa")
    tokenizer = cast("PreTrainedTokenizerFast", AutoTokenizer.from_pretrained(str(source)))
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    return model.to(torch.device(device), torch.float32), tokenizer  # transformers 4 leaves fp8 as it is stored


def encode(
    tokenizer: PreTrainedTokenizerFast, queries: Sequence[str], documents: Sequence[str], max_tokens: int
) -> list[Encoded]:
    """Return the tokens of each pair with the model's own special tokens; the longer text gives way, as in serving."""
    if not queries:
        return []
    found = tokenizer(
        list(queries), list(documents), truncation="longest_first", max_length=max_tokens, return_attention_mask=False
    )
    names = list(found)
    return [dict(zip(names, row, strict=True)) for row in zip(*found.values(), strict=True)]


def longest(rows: Sequence[Encoded]) -> int:
    """Return the tokens of the longest row."""
    return max((len(row["input_ids"]) for row in rows), default=0)


def pad_rows(rows: Sequence[Encoded], pad: int, device: str, most: int) -> dict[str, torch.Tensor]:
    """Return the model's inputs, one row a pair, padded to the next multiple of `STEP` tokens; padding is masked.
    `most` is the longest row's length among all that come, beyond which a model may have no positions.
    """
    import torch

    lengths = [len(row["input_ids"]) for row in rows]
    width = min(most, -(-max(lengths) // STEP) * STEP)
    fill = {"input_ids": pad}
    inputs = {
        name: torch.tensor([row[name] + [fill.get(name, 0)] * (width - len(row[name])) for row in rows])
        for name in rows[0]
    }
    inputs["attention_mask"] = (torch.arange(width) < torch.tensor(lengths)[:, None]).long()
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def precise(precision: str, device: str) -> AbstractContextManager[object]:
    """Return the context to compute in: bf16 where asked for, or where `auto` finds hardware for it.

    Raises ConfigError for an unknown precision.
    """
    import torch

    if precision not in PRECISIONS:
        raise ConfigError(f"precision {precision!r}: one of {', '.join(PRECISIONS)}")
    half = precision == "bf16" or (precision == "auto" and (device != "cpu" or has_bf16()))
    return torch.autocast(device.partition(":")[0], torch.bfloat16) if half else nullcontext()


def logits_of(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    pairs: Sequence[tuple[str, str]],
    max_tokens: int = MAX_TOKENS,
    batch: int = 16,
) -> list[list[float]]:
    """Return the logits of each (query, document) pair, one a label; batches of similar length, bf16 as in training."""
    import torch

    encoded = encode(tokenizer, [query for query, _ in pairs], [text for _, text in pairs], max_tokens)
    order = sorted(range(len(pairs)), key=lambda i: len(encoded[i]["input_ids"]))
    found: list[list[float]] = [[]] * len(pairs)
    most = longest(encoded)
    device, pad = str(model.device.type), tokenizer.pad_token_id or 0
    training = model.training
    model.train(False)
    with torch.inference_mode(), precise("auto", device):
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            rows = model(**pad_rows([encoded[i] for i in part], pad, device, most)).logits.float().tolist()
            for i, row in zip(part, rows, strict=True):
                found[i] = row
    model.train(training)
    return found


def scores(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    pairs: Sequence[tuple[str, str]],
    max_tokens: int = MAX_TOKENS,
) -> list[float]:
    """Return the one logit of each (query, document) pair."""
    return [row[0] for row in logits_of(model, tokenizer, pairs, max_tokens)]


def has_bf16() -> bool:
    """Return whether this CPU multiplies bf16 itself: without, torch bf16 runs at a fifth of fp32."""
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text() if cpuinfo.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags
