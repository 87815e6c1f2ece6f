"""Documents are read from, and BM25 searches, fields that the index has."""

import pytest

from connector.errors import ConfigError
from connector.settings import Policy
from workers.training.fields import named, read_from, searched

SHOP = {name: {"text"} for name in ("brand", "description", "name", "name.zh", "id")} | {
    "price": {"double"},
    "embedding": {"knn_vector"},
    "_id": {"_id"},
}


def policy(pattern: str, *fields: str) -> Policy:
    return Policy(name="p", indices=[pattern], fields=list(fields))


@pytest.mark.parametrize(
    ("given", "policies", "wanted"),
    [
        ("", [], ("name", "brand", "description")),
        ("description, name", [policy("shop*", "name")], ("description", "name")),
        ("", [policy("news*", "title"), policy("shop*", "name", "brand")], ("name", "brand")),
        ("", [policy("shop*", "title", "author.name")], ("title", "author.name")),
    ],
)
def test_fields_named_or_of_the_policy_or_of_the_index(given, policies, wanted):
    assert read_from(given, "shop-en", policies, SHOP) == wanted


def test_bm25_searches_what_is_there():
    assert searched(("name", "stored_only"), "shop", SHOP) == ("name",)
    assert named("name.zh, brand", "shop", SHOP) == ("name.zh", "brand")
    assert named("", "shop", SHOP) == ()
    with pytest.raises(
        ConfigError, match="--text-field text_all: shop has no such field; its texts are in name, brand"
    ):
        named("text_all", "shop", SHOP)
    with pytest.raises(ConfigError, match="none of the fields title, color; its texts are in name, brand, description"):
        searched(("title", "color"), "shop", SHOP)
    with pytest.raises(ConfigError, match="no field of type text"):
        read_from("", "logs", [], {"price": {"double"}})
