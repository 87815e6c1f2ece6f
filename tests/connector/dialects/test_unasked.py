"""What only we asked for is cut wherever the engine shows it, and nothing else."""

from collections.abc import Mapping

import pytest

from connector.dialects.unasked import without, without_in_aggregations, without_in_suggestions

HIT = b'{"_id": "1",\n "fields" : {"name": ["a"]} , "_score": 1.0}'
BARE = b'{"_id": "1" , "_score": 1.0}'
IGNORED = HIT.replace(b"fields", b"ignored_field_values")
BEST = b'{"best": {"hits": {"max_score": 1.0, "hits": [ %b , %b ]}}}'
TOP = {"best": {"top_hits": {"size": 2}}}


def best(hit: bytes) -> bytes:
    return BEST % (hit, hit)


@pytest.mark.parametrize(
    ("defined", "around"),
    [
        (TOP, b"%b"),
        ({"n": {"filter": {}, "aggs": TOP}}, b'{"n": %b}'),
        ({"k": {"terms": {}, "aggs": TOP}}, b'{"k" : {"buckets": [ {"key": "a"},\t%b ]}}'),
        ({"k": {"filters": {}, "aggregations": TOP}}, b'{"k": {"buckets": {"best": %b, "key": %b}}}'),
        (
            {"k": {"terms": {}, "aggs": {"n": {"terms": {}, "aggs": TOP}}}},
            b'{"k":{"buckets":[{"n":{"buckets":[%b]}}]}}',
        ),
    ],
)
def test_top_hits_are_cut_at_any_depth(defined: Mapping[str, object], around: bytes) -> None:
    for hit in (HIT, IGNORED):
        answer = around.replace(b"%b", best(hit))
        assert without_in_aggregations(answer, ["name"], defined) == around.replace(b"%b", best(BARE))


def test_typed_keys() -> None:
    typed = best(HIT).replace(b'"best"', b'"top_hits#best"')
    assert without_in_aggregations(typed, ["name"], TOP) == best(BARE).replace(b'"best"', b'"top_hits#best"')


@pytest.mark.parametrize(
    ("asked", "fields", "ignored"),
    [
        ({}, b"", b""),
        ({"fields": []}, b"", b""),
        ({"fields": ["price"]}, b'"fields":{"name":["a"]}', b'"ignored_field_values":{"name":["b"]}'),  # its own alone
        ({"docvalue_fields": ["na*"]}, b'"fields":{"name":["a"]}', b""),
        ({"docvalue_fields": [{"field": "name"}]}, b'"fields":{"name":["a"]}', b""),
        ({"stored_fields": "name"}, b'"fields":{"name":["a"]}', b""),
        ({"script_fields": {"name": {"script": "1"}}}, b'"fields":{"name":["a"]}', b""),
        ({"docvalue_fields": ["price"]}, b"", b""),
    ],
)
def test_what_a_top_hits_asks_for_by_itself_stays(asked: dict[str, object], fields: bytes, ignored: bytes) -> None:
    hit = b'{"_id":"1","fields":{"name":["a"]},"ignored_field_values":{"name":["b"]}}'
    left = b",".join(part for part in (b'"_id":"1"', fields, ignored) if part)
    cut = without_in_aggregations(best(hit), ["name"], {"best": {"top_hits": asked}})
    assert cut == best(b"{" + left + b"}")


def test_each_top_hits_keeps_its_own() -> None:
    """Also two of the same name, in aggregations of their own."""
    asking = {"best": {"top_hits": {"docvalue_fields": ["name"]}}}
    defined = {"a": {"terms": {}, "aggs": asking}, "b": {"terms": {}, "aggs": TOP}}
    answer = b'{"a":{"buckets":[%b]},"b":{"buckets":[%b]}}'
    cut = without_in_aggregations(answer % (best(HIT), best(HIT)), ["name"], defined)
    assert cut == answer % (best(HIT), best(BARE))


def test_a_nested_field_is_ours_where_its_flat_name_was_asked_for() -> None:
    fields = b'{"parts": [{"name": ["x"]}], "parts.name": ["x"]}'
    assert without(fields, ["parts.name"], ["parts.name"]) == b'{"parts.name": ["x"]}'


def test_a_field_stays_whose_sub_field_is_ours() -> None:
    assert without(b'{"name": ["a"], "name.raw": ["a"]}', ["name.raw"]) == b'{"name": ["a"]}'


@pytest.mark.parametrize(
    "value",
    [
        b'{"x": {"meta": {"_id": 1, "fields": {"name": ["said by the caller"]}}, "value": 1.0}}',
        b'{"best": {"hits": {"hits": [{"_id": "1", "_source": {"a": {"_id": 2, "fields": {"name": 1}}}}]}}}',
        b'{"fields": {"buckets": [{"key": "fields", "name": {"value": 1.0}}]}}',
        b'{"a": {"value": 1.0, "text": "a text with \\"fields\\" in it"}}',
        b'{"a": 1, "a": {"fields": 2}}',
        b"[]",
    ],
)
def test_only_the_fields_of_hits_are_cut(value: bytes) -> None:
    assert without_in_aggregations(value, ["name"], {**TOP, "x": {"max": {}}, "fields": {"terms": {}}}) == value


@pytest.mark.parametrize("name", [b"s", b"completion#s"])
def test_options_of_a_suggestion(name: bytes) -> None:
    suggest = b'{"%b" : [ {"text": "ra", "options": [ %b , {"text": "rain"}]}], "t": [{"options": []}]}'
    for hit in (HIT, IGNORED):
        assert without_in_suggestions(suggest % (name, hit), ["name"]) == suggest % (name, BARE)
    entry = b'{"s":[{"text":"a \\"fields\\"","options":[{"text":"x","_source":{"fields":{"name":1}}}]}]}'
    assert without_in_suggestions(entry, ["name"]) == entry
