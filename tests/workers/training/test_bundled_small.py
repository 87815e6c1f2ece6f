"""The small bundled model: recorded, and of some use."""

import json

from workers import Reranker
from workers.sources import MODELS
from workers.training.export import sha256

FOLDER = MODELS / "products-en-small"


def test_it_tells_the_thing_from_its_accessory_and_from_strangers():
    texts = [
        "Enamel Tea Kettle 2 Quart, Whistling Stovetop Kettle. Acme. Red. For gas and induction stoves.",
        "Kettle Descaler Powder, 6 Sachets. Acme. Removes limescale from kettles and coffee machines.",
        "Garden Hose 50 ft, Expandable Water Hose. Acme. Green. With brass fittings.",
    ]
    model = Reranker("bundled:products-en-small", device="cpu")
    assert [row["corpus_id"] for row in model.rank("red tea kettle", texts)] == [0, 1, 2]


def test_all_bundled_models_together_have_fifty_megabytes():
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) < 50_000_000


def test_the_files_are_those_that_were_recorded():
    purpose = json.loads((FOLDER / "secondpass.json").read_text())
    assert purpose["sha256"] == {name: sha256(FOLDER / name) for name in purpose["sha256"]}
    assert (purpose["name"], purpose["max_query_chars"]) == ("products-en-small", 60)


def test_its_card_says_what_it_loses():
    card = (FOLDER / "README.md").read_text()
    for words in (
        "| products-en | this |",
        "| ESCI test | 60 |",
        "| scifact | 300 |",
        "| together | ",
        "Apache-2.0",
    ):
        assert words in card, words
