import json

import pytest
import torch
from safetensors import safe_open
from sentence_transformers import CrossEncoder

from workers.training.card import Card, render
from workers.training.export import CARD, PURPOSE, export, query_limit, sha256
from workers.training.trainer import load, scores

PAIRS = [("red kettle", "Acme red kettle"), ("garden hose", "A rain jacket for every day " * 40)]


def test_an_exported_folder_is_a_plain_cross_encoder_in_half_precision(tiny, tmp_path):
    model, tokenizer = load(tiny, seed=3)
    export(model, tokenizer, tmp_path / "shop", "shop", max_tokens=64, card="# shop\n")
    folder = tmp_path / "shop"
    with safe_open(folder / "model.safetensors", "pt") as stored:
        assert {str(stored.get_slice(name).get_dtype()) for name in stored.keys()} == {"F16"}  # noqa: SIM118
    limits = json.loads((folder / "tokenizer.json").read_text())
    assert limits["truncation"] is None
    assert limits["padding"] is None
    encoder = CrossEncoder(str(folder), device="cpu")
    assert next(encoder.model.parameters()).dtype == torch.float32
    logits = torch.tensor(scores(model, tokenizer, PAIRS, max_tokens=64))
    assert encoder.predict(PAIRS).tolist() == pytest.approx(torch.sigmoid(logits).tolist(), abs=5e-3)


def test_the_folder_says_what_it_was_made_for_and_lists_its_files(tiny, tmp_path):
    export(*load(tiny, seed=3), tmp_path / "shop", "shop", ("en", "de"), 64, 100, "# shop\n")
    purpose = json.loads((tmp_path / "shop" / PURPOSE).read_text())
    hashes = purpose.pop("sha256")
    assert purpose == {
        "name": "shop",
        "languages": ["en", "de"],
        "max_tokens": 64,
        "max_query_chars": 100,
        "activation": "sigmoid",
    }
    present = {path.name: sha256(path) for path in (tmp_path / "shop").iterdir() if path.name not in (CARD, PURPOSE)}
    assert hashes == present
    assert {"model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"} == set(hashes)


def test_the_longest_query_is_that_of_what_was_learnt_from_rounded_up():
    assert query_limit(["red kettle", "x" * 59]) == 60
    assert query_limit(["x" * 60]) == 60
    assert query_limit(["x" * 61, ""]) == 70
    assert query_limit([]) == 0


def test_a_card_holds_its_parts_in_order():
    text = render(Card("shop", "One shop.", "models/shop", "Its data.", "train it", ["- 0.5"], ["English"], "MIT"))
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == ["# shop", "## Use", "## Data", "## Command", "## Figures", "## Limits", "## Licence"]
    assert "- English" in text
