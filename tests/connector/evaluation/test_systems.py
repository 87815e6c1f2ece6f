import pytest

from connector.errors import ConfigError
from connector.evaluation.systems import UNHURRIED_MS, default_systems, depth_systems, parse_system, policy_of
from tests.connector.evaluation.cases import SETTINGS, SHOP, system


def test_a_kind_alone_is_your_policy_without_a_deadline() -> None:
    found = system("reranked")
    assert (found.name, found.by, found.base) == ("reranked", "reranked", "shop")
    assert found.policy == SHOP.model_copy(update={"budget_ms": UNHURRIED_MS})


def test_a_named_system_says_what_differs() -> None:
    found = system("deep one: window=200, model=other, fusion=min_max, weights=1/0.5, blend=1/0.25/0, candidates=fused")
    assert (found.name, found.by) == ("deep one", "reranked")
    assert (found.policy.window, found.policy.model, found.policy.fusion) == (200, "other", "min_max")
    assert found.policy.fusion_weights == [1.0, 0.5]
    assert (found.policy.blend.rerank, found.policy.blend.lexical, found.policy.blend.vector) == (1.0, 0.25, 0.0)
    assert system("wide: by=fused, window=300").by == "fused"
    kin = system("kin: agreement=0.5, agreement_field=category, exclusion=1").policy
    assert (kin.agreement, kin.agreement_field, kin.exclusion) == (0.5, "category", 1.0)


def test_another_policy_of_the_settings() -> None:
    found = system("other: policy=plain")
    assert (found.base, found.policy.window, found.policy.fields) == ("plain", 20, ["name"])


def test_lexical_candidates_mean_no_vectors() -> None:
    assert system("words: candidates=lexical").policy.vector_field == ""


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("best", "one of bm25, knn, fused, reranked, or NAME"),
        ("a: depth=5", "'depth=5' is no key=value"),
        ("a: window", "'window' is no key=value"),
        ("a: by=magic", "by=magic is none of"),
        ("a: window=many", "window: Input should be a valid integer"),
        ("a: model=gone", r"no \[\[model\]\] 'gone'"),
        ("a: blend=1/2", "must be 3 numbers like 1/1/1"),
        ("a: weights=x/y", "must be 2 numbers"),
        ("a: policy=gone", "no policy 'gone'; there is shop, plain"),
        ("a: by=knn, policy=plain", "policy plain has no vector_field"),
        ("a: template={colour}", "which `fields` does not list"),
        ("a: agreement=1", "agreement needs agreement_field"),
    ],
)
def test_what_cannot_be_meant_is_said(written: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        system(written)


def test_by_default_every_kind_that_the_policy_can() -> None:
    assert [one.name for one in default_systems(SHOP, SETTINGS)] == ["bm25", "knn", "fused", "reranked"]
    assert [one.name for one in default_systems(SETTINGS.policy[1], SETTINGS)] == ["bm25", "reranked"]


def test_depths_are_cold_and_in_order() -> None:
    found = depth_systems(system("reranked"), [50, 10, 50], SETTINGS)
    assert [(one.name, one.policy.window, one.cold) for one in found] == [
        ("window 10", 10, True),
        ("window 50", 50, True),
    ]


def test_the_policy_of_an_index() -> None:
    assert policy_of("shop-2", "", SETTINGS).name == "shop"
    assert policy_of("shop-2", "plain", SETTINGS).name == "plain"
    with pytest.raises(ConfigError, match=r"covers 'books' .*name an index that one covers"):
        policy_of("books", "", SETTINGS)


def test_a_policy_is_never_changed() -> None:
    parse_system("a: window=3", SHOP, SETTINGS)
    assert SHOP.window == 100
