"""Requests as Kibana sends them, in words of our own. `INDEX-k` is an index of saved objects, `INDEX-ka` its alias.

Held against these files of elastic/kibana, from which no text was taken:
src/platform/plugins/shared/data/server/search/strategies/{es_search,ese_search}/request_utils.ts
src/platform/plugins/shared/data/server/search/strategies/common/async_utils.ts
src/platform/plugins/shared/data_views/server/fetcher/lib/es_api.ts
src/plugins/unified_search/server/autocomplete/{terms_enum,terms_agg}.ts
src/core/packages/saved-objects/api-server-internal/src/lib/apis/{find,bulk_get,bulk_create,increment_counter}.ts
Licence, privileges, index management and monitoring follow what is publicly known of it.
"""

import json
from typing import Any

from tests.fidelity.raw import ask
from tests.fidelity.requests.boards import DAYS, OBJECTS_INDEX, TIME, begins, objects, suggestions

KIND = "dashboards"
KIBANA = (
    b"user-agent: Kibana/9.5.3\r\nx-elastic-product-origin: kibana\r\nx-opaque-id: unknownId;kibana:discover:NONCE\r\n"
    b"accept: application/vnd.elasticsearch+json;compatible-with=9\r\n"
    b"content-type: application/vnd.elasticsearch+json;compatible-with=9\r\naccept-encoding: gzip, deflate\r\n"
)
LINES = KIBANA.replace(
    b"content-type: application/vnd.elasticsearch+json", b"content-type: application/vnd.elasticsearch+x-ndjson"
)


def kibana(method: str, target: str, body: Any = None) -> bytes:
    return ask(method, target, "" if body is None else json.dumps(body), KIBANA)


def lines(target: str, *bodies: dict[str, Any]) -> bytes:
    return ask("POST", target, "".join(json.dumps(body) + "\n" for body in bodies), LINES)


DISCOVER: dict[str, Any] = {
    "sort": [{"made": {"order": "desc", "format": "strict_date_optional_time", "unmapped_type": "boolean"}}],
    "track_total_hits": False,
    "fields": [{"field": "*", "include_unmapped": True}, {"field": "made", "format": "strict_date_optional_time"}],
    "size": 20,
    "version": True,
    "script_fields": {},
    "stored_fields": ["*"],
    "runtime_mappings": {},
    "_source": False,
    "query": {
        "bool": {
            "must": [],
            "filter": [TIME, {"multi_match": {"type": "best_fields", "query": "rain", "lenient": True}}],
            "should": [],
            "must_not": [],
        }
    },
    "highlight": {
        "pre_tags": ["@kibana-highlighted-field@"],
        "post_tags": ["@/kibana-highlighted-field@"],
        "fields": {"*": {}},
        "fragment_size": 2147483647,
    },
}
HISTOGRAM = {"size": 0, "track_total_hits": True, "query": {"bool": {"filter": [TIME]}}, "aggs": DAYS}
LENS = {
    "0": {
        "terms": {"field": "kind", "order": {"1": "desc"}, "size": 5, "shard_size": 25},
        "aggs": {"1": {"percentiles": {"field": "price", "percents": [50]}}},
    }
}
FIELDS = "ignore_unavailable=true&allow_no_indices=false&include_unmapped=false&include_empty_fields=true"
ASYNC = (
    "batched_reduce_size=64&ccs_minimize_roundtrips=true&wait_for_completion_timeout=200ms&keep_on_completion=false"
    "&keep_alive=60000ms&ignore_unavailable=true&preference=1700000000000"
)
POLL = "wait_for_completion_timeout=200ms&keep_alive=60000ms"
FOUND = "/INDEX-ka/_search?rest_total_hits_as_int=true"
CONFIG = "config%3A9.5.3"
COUNT = {"source": "ctx._source.config.buildNum += params.by", "lang": "painless", "params": {"by": 1}}

REQUESTS = {
    "Kibana: versions of the nodes": kibana(
        "GET", "/_nodes?filter_path=nodes.*.version%2Cnodes.*.http.publish_address%2Cnodes.*.ip"
    ),
    "Kibana: licence": kibana("GET", "/_xpack?accept_enterprise=true&filter_path=nothing"),
    "Kibana: who am I": kibana("GET", "/_security/_authenticate"),
    "Kibana: index of objects": kibana("PUT", "/INDEX-k", OBJECTS_INDEX | {"aliases": {"INDEX-ka": {}}}),
    "Kibana: is it there": kibana("HEAD", "/INDEX-k"),
    "Kibana: create an object": kibana(
        "PUT",
        f"/INDEX-ka/_doc/{CONFIG}?refresh=true&op_type=create&require_alias=true",
        {"type": "config", "config": {"buildNum": 1}, "namespaces": ["default"], "references": []},
    ),
    "Kibana: create it again": kibana("PUT", f"/INDEX-k/_create/{CONFIG}?refresh=true", {"type": "config"}),
    "Kibana: create where no alias is": kibana("PUT", "/INDEX-k/_doc/1?require_alias=true", {"type": "config"}),
    "Kibana: an object": kibana("GET", f"/INDEX-ka/_doc/{CONFIG}"),
    "Kibana: no object": kibana("GET", "/INDEX-ka/_doc/space%3Adefault"),
    "Kibana: several objects": kibana(
        "POST",
        "/_mget",
        {
            "docs": [
                {"_id": "config:9.5.3", "_index": "INDEX-ka", "_source": {"includes": ["type", "namespaces"]}},
                {"_id": "space:default", "_index": "INDEX-ka"},
            ]
        },
    ),
    "Kibana: bulk of objects": lines(
        "/_bulk?refresh=true&require_alias=true",
        {"create": {"_id": "config:9.5.3", "_index": "INDEX-ka"}},
        {"type": "config"},
        {"index": {"_id": "dashboard:1", "_index": "INDEX-ka"}},
        {"type": "dashboard", "dashboard": {"title": "Rain and wool"}},
    ),
    "Kibana: bulk of changes": lines(
        "/_bulk?refresh=true&_source_includes=originId&require_alias=true",
        {"update": {"_id": "dashboard:1", "_index": "INDEX-ka", "if_seq_no": 99, "if_primary_term": 1}},
        {"doc": {"dashboard": {"title": "Rain"}}},
        {"delete": {"_id": "dashboard:none", "_index": "INDEX-ka"}},
    ),
    "Kibana: find objects": kibana("POST", FOUND, {"from": 0, "size": 20} | objects("config", "dashboard")),
    "Kibana: find objects by words": kibana("POST", FOUND, {"size": 20} | objects("dashboard", search="rain wool")),
    "Kibana: find objects by a beginning": kibana("POST", FOUND, {"size": 20} | objects("dashboard", search="rai*")),
    "Kibana: find objects behind others": kibana(
        "POST", FOUND, {"size": 9, "search_after": ["a"], "sort": ["type"]} | objects("dashboard")
    ),
    "Kibana: point in time": kibana("POST", "/INDEX-k/_pit?keep_alive=5m&filter_path=nothing"),
    "Kibana: find objects in a lost point in time": kibana(
        "POST", "/_search?rest_total_hits_as_int=true", {"size": 9, "pit": {"id": "bm9uZQ=="}} | objects("config")
    ),
    "Kibana: update an object": kibana(
        "POST", f"/INDEX-ka/_update/{CONFIG}?refresh=true&_source=true", {"doc": {"config": {"buildNum": 2}}}
    ),
    "Kibana: count up": kibana(
        "POST",
        f"/INDEX-ka/_update/{CONFIG}?refresh=true&_source=true&require_alias=true",
        {"script": COUNT, "upsert": {"type": "config", "config": {"buildNum": 1}}},
    ),
    "Kibana: delete an object": kibana("DELETE", "/INDEX-ka/_doc/dashboard%3A1?refresh=true"),
    "Kibana: drop the objects": kibana("DELETE", "/INDEX-k?ignore_unavailable=true"),
    "Kibana: fields of a data view": kibana("POST", f"/INDEX/_field_caps?{FIELDS}", {"fields": ["*"]}),
    "Kibana: fields in a time": kibana(
        "POST", f"/INDEX/_field_caps?{FIELDS}&types=keyword%2Ctext", {"fields": ["k*", "n*"], "index_filter": TIME}
    ),
    "Kibana: fields, all in the address": kibana(
        "POST", "/INDEX/_field_caps?fields=*&ignore_unavailable=true&allow_no_indices=false&filters=-parent", {}
    ),
    "Kibana: aliases": kibana("GET", "/INDEX/_alias?ignore_unavailable=true&allow_no_indices=false"),
    "Kibana: names that match": kibana("GET", "/_resolve/index/INDEX*?expand_wildcards=open"),
    "Kibana: discover": kibana("POST", f"/INDEX/_async_search?{ASYNC}", DISCOVER),
    "Kibana: how far is it": kibana("GET", f"/_async_search/bm9uZQ==?{POLL}"),
    "Kibana: never mind": kibana("DELETE", "/_async_search/bm9uZQ=="),
    "Kibana: discover, not async": kibana(
        "POST", "/INDEX/_search?ignore_unavailable=true&max_concurrent_shard_requests=5&preference=1", DISCOVER
    ),
    "Kibana: discover, the best first": kibana(
        "POST",
        "/INDEX/_search?ignore_unavailable=true&preference=1",
        {**DISCOVER, "sort": [{"_score": {"order": "desc"}}], "query": {"match": {"name": "rain jacket"}}},
    ),
    "Kibana: a histogram": kibana("POST", "/INDEX/_search", HISTOGRAM),
    "Kibana: a visualisation": kibana("POST", "/INDEX/_search?preference=1", HISTOGRAM | {"aggs": LENS}),
    "Kibana: several searches": lines(
        "/_msearch?rest_total_hits_as_int=true&max_concurrent_shard_requests=5",
        {"index": "INDEX", "ignore_unavailable": True, "preference": "1"},
        HISTOGRAM,
        {"index": "INDEX", "ignore_unavailable": True, "preference": "1"},
        {"size": 3, "query": {"match": {"name": "rain jacket"}}},
    ),
    "Kibana: values that begin so": kibana(
        "POST",
        "/INDEX/_terms_enum",
        {
            "field": "kind",
            "string": "co",
            "index_filter": {"bool": {"must": [TIME, {"terms": {"_tier": ["data_hot"]}}]}},
        },
    ),
    "Kibana: values of a field": kibana("POST", "/INDEX/_search", suggestions(begins("kind", "co"))),
    "Kibana: SQL": kibana("POST", "/_sql?format=json", {"query": "SELECT 1"}),
    "Kibana: ES|QL": kibana("POST", "/_query/async?drop_null_columns", {"query": "FROM INDEX | LIMIT 1"}),
    "Kibana: privileges": kibana(
        "POST", "/_security/user/_has_privileges", {"application": [], "cluster": ["monitor"]}
    ),
    "Kibana: console, health": kibana("GET", "/_cluster/health/INDEX?pretty=true&filter_path=status"),
    "Kibana: index management": kibana("GET", "/INDEX?expand_wildcards=hidden,all&filter_path=*.aliases,*.data_stream"),
    "Kibana: upgrade assistant": kibana("GET", "/_migration/deprecations?filter_path=nothing"),
    "Kibana: monitoring": kibana(
        "POST", "/INDEX-mon*/_search?ignore_unavailable=true&filter_path=hits.hits._source.beats_stats", {"size": 0}
    ),
}
