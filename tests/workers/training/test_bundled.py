import json
from pathlib import Path

import pytest
from safetensors import safe_open
from sentence_transformers import CrossEncoder

from workers.runtimes.inputs import hash_weights
from workers.sources import MODELS
from workers.training.data import MAX_CHARS
from workers.training.export import sha256

FOLDER = MODELS / "products-en"
EVALUATIONS = Path(__file__).parents[3] / "bench" / "test-evals.jsonl"


@pytest.fixture(scope="module")
def encoder() -> CrossEncoder:
    return CrossEncoder(str(FOLDER), device="cpu")


def test_plain_cross_encoder_tells_the_thing_from_its_accessory_and_from_strangers(encoder):
    texts = [
        "Enamel Tea Kettle 2 Quart, Whistling Stovetop Kettle. Acme. Red. For gas and induction stoves.",
        "Kettle Descaler Powder, 6 Sachets. Acme. Removes limescale from kettles and coffee machines.",
        "Garden Hose 50 ft, Expandable Water Hose. Acme. Green. With brass fittings.",
    ]
    found = encoder.predict([("red tea kettle", text) for text in texts]).tolist()
    assert found == sorted(found, reverse=True)
    assert 1 > found[0] > 0.5 > found[2] > 0


def test_fields_may_come_in_another_order(encoder):
    kettle = ["Acme", "Enamel Tea Kettle 2 Quart", "Red", "A whistling kettle for gas and induction stoves"]
    hose = ["Acme", "Expandable Garden Hose 50 ft", "Green", "A light water hose with brass fittings"]
    for order in ((1, 0, 2, 3), (1, 0, 3, 2), (0, 1, 3, 2)):
        pairs = [("red tea kettle", ". ".join(product[place] for place in order)) for product in (kettle, hose)]
        first, second = encoder.predict(pairs).tolist()
        assert first > second + 0.3, order


def test_matrices_are_stored_in_eight_bits():
    with safe_open(FOLDER / "model.safetensors", "pt") as stored:
        slices = [stored.get_slice(name) for name in stored.keys()]  # noqa: SIM118
    assert {(len(each.get_shape()) > 1, each.get_dtype()) for each in slices} == {(True, "F8_E4M3"), (False, "F16")}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 50_000_000


def test_the_files_are_those_that_were_recorded():
    purpose = json.loads((FOLDER / "secondpass.json").read_text())
    assert purpose["sha256"] == {name: sha256(FOLDER / name) for name in purpose["sha256"]}
    assert {key: purpose[key] for key in ("name", "languages", "activation", "max_query_chars")} == {
        "name": "products-en",
        "languages": ["en"],
        "activation": "sigmoid",
        "max_query_chars": 60,
    }
    tokenizer = json.loads((FOLDER / "tokenizer.json").read_text())
    assert tokenizer["truncation"] is None
    assert tokenizer["padding"] is None
    said = json.loads((FOLDER / "tokenizer_config.json").read_text())
    assert said["tokenizer_class"] == "PreTrainedTokenizerFast"  # which transformers 4 and 5 know


def test_the_card_holds_every_evaluation_of_its_recipe():
    card = (FOLDER / "README.md").read_text()
    rows = [json.loads(line) for line in EVALUATIONS.read_text().splitlines()]
    seeds = [row for row in rows if row["recipe"].startswith("judged-4,")]
    assert len(seeds) >= 3
    shipped = [row for row in rows if row.get("weights") == hash_weights(FOLDER) and "figures" in row]
    assert shipped
    for row in [*seeds, *shipped]:
        assert f"| {row['figures']['reranked']['nDCG@10']} | {row['judged_pool']} |" in card
    assert "SciFact" in card
    assert "Apache-2.0" in card
    assert f"{MAX_CHARS}\ncharacters" in card
