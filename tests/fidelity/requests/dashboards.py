"""Requests of the kinds that Kibana, OpenSearch Dashboards and Grafana send, in words of our own.

Headers, parameters and how bodies are laid out follow what is publicly known of elastic/kibana,
opensearch-project/OpenSearch-Dashboards and grafana/grafana; only some were held against their sources line by line.
`INDEX-k` stands for the index of saved objects.
"""

import json
from typing import Any

from tests.fidelity.raw import ask

KIND = "dashboards"
KIBANA = (
    b"user-agent: Kibana/9.5.3\r\nx-elastic-product-origin: kibana\r\nx-opaque-id: unknownId;kibana:discover:NONCE\r\n"
    b"accept: application/vnd.elasticsearch+json;compatible-with=9\r\n"
    b"content-type: application/vnd.elasticsearch+json;compatible-with=9\r\naccept-encoding: gzip, deflate\r\n"
)
KIBANA_LINES = KIBANA.replace(
    b"content-type: application/vnd.elasticsearch+json", b"content-type: application/vnd.elasticsearch+x-ndjson"
)
BOARDS = (
    b"user-agent: opensearch-js/2.12.0 (linux 6.1.0-x64; Node.js v20.11.0)\r\n"
    b"x-opensearch-product-origin: opensearch-dashboards\r\n"
    b"content-type: application/json\r\naccept-encoding: gzip,deflate\r\n"
)
GRAFANA = b"User-Agent: Grafana/12.0.0\r\nContent-Type: application/x-ndjson\r\nAccept-Encoding: gzip\r\n"

TIME = {
    "range": {"made": {"gte": "2026-01-01T00:00:00.000Z", "lte": "2026-02-01", "format": "strict_date_optional_time"}}
}
OBJECTS = {
    "size": 20,
    "seq_no_primary_term": True,
    "from": 0,
    "query": {
        "bool": {
            "filter": [
                {
                    "bool": {
                        "should": [
                            {
                                "bool": {
                                    "must": [{"term": {"type": "config"}}, {"terms": {"namespaces": ["default", "*"]}}]
                                }
                            }
                        ],
                        "minimum_should_match": 1,
                    }
                }
            ]
        }
    },
}
LEGEND = {"2": {"date_histogram": {"field": "made", "calendar_interval": "1d", "time_zone": "UTC", "min_doc_count": 1}}}


def kibana(method: str, target: str, body: Any = None) -> bytes:
    return ask(method, target, "" if body is None else json.dumps(body), KIBANA)


def boards(method: str, target: str, body: Any = None) -> bytes:
    return ask(method, target, "" if body is None else json.dumps(body), BOARDS)


def grafana(*searches: dict[str, Any]) -> bytes:
    head = {"ignore_unavailable": True, "index": "INDEX", "search_type": "query_then_fetch"}
    lines = "".join(json.dumps(one) + "\n" for search in searches for one in (head, search))
    return ask("POST", "/_msearch?max_concurrent_shard_requests=5", lines, GRAFANA)


def panel(aggs: dict[str, Any], size: int = 0, **more: Any) -> dict[str, Any]:
    span = {"range": {"made": {"gte": 1767225600000, "lte": 1769904000000, "format": "epoch_millis"}}}
    words = {"query_string": {"analyze_wildcard": True, "query": "name:rain*"}}
    return {"size": size, "query": {"bool": {"filter": [span, words]}}, "aggs": aggs, **more}


def by_day(inside: dict[str, Any]) -> dict[str, Any]:
    histogram = {
        "field": "made",
        "fixed_interval": "1d",
        "min_doc_count": 0,
        "extended_bounds": {"min": 1767225600000, "max": 1767830400000},
        "format": "epoch_millis",
    }
    return {"2": {"date_histogram": histogram, "aggs": inside}}


DISCOVER = {
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
        }
    },
    "highlight": {
        "pre_tags": ["@kibana-highlighted-field@"],
        "post_tags": ["@/kibana-highlighted-field@"],
        "fields": {"*": {}},
    },
}
ASYNC = (
    "batched_reduce_size=64&ccs_minimize_roundtrips=true&wait_for_completion_timeout=200ms&keep_on_completion=false"
    "&keep_alive=60000ms&ignore_unavailable=true&preference=1700000000000"
)

REQUESTS = {
    "Kibana: versions of the nodes": kibana(
        "GET", "/_nodes?filter_path=nodes.*.version%2Cnodes.*.http.publish_address"
    ),
    "Kibana: licence": kibana("GET", "/_xpack?accept_enterprise=true&filter_path=nothing"),
    "Kibana: who am I": kibana("GET", "/_security/_authenticate"),
    "Kibana: index of objects": kibana(
        "PUT", "/INDEX-k", {"mappings": {"dynamic": False, "properties": {"type": {"type": "keyword"}}}}
    ),
    "Kibana: is it there": kibana("HEAD", "/INDEX-k"),
    "Kibana: create an object": kibana(
        "PUT",
        "/INDEX-k/_doc/config%3A9.5.3?refresh=true&op_type=create&require_alias=false",
        {"type": "config", "config": {"buildNum": 1}, "namespaces": ["default"], "references": []},
    ),
    "Kibana: create it again": kibana("PUT", "/INDEX-k/_create/config%3A9.5.3?refresh=wait_for", {"type": "config"}),
    "Kibana: an object": kibana("GET", "/INDEX-k/_doc/config%3A9.5.3"),
    "Kibana: no object": kibana("GET", "/INDEX-k/_doc/space%3Adefault"),
    "Kibana: several objects": kibana("POST", "/_mget", {"docs": [{"_id": "config:9.5.3", "_index": "INDEX-k"}]}),
    "Kibana: find objects": kibana(
        "POST", "/INDEX-k/_search?rest_total_hits_as_int=true&allow_no_indices=true", OBJECTS
    ),
    "Kibana: update an object": kibana(
        "POST", "/INDEX-k/_update/config%3A9.5.3?refresh=true&_source=true", {"doc": {"config": {"buildNum": 2}}}
    ),
    "Kibana: bulk of objects": ask(
        "POST",
        "/_bulk?refresh=false&_source_includes=originId&require_alias=false",
        '{"index":{"_id":"dashboard:1","_index":"INDEX-k"}}\n{"type":"dashboard"}\n',
        KIBANA_LINES,
    ),
    "Kibana: fields of a data view": kibana(
        "POST", "/INDEX/_field_caps?fields=*&ignore_unavailable=true&allow_no_indices=false&filters=-parent", {}
    ),
    "Kibana: names that match": kibana("GET", "/_resolve/index/INDEX*?expand_wildcards=open"),
    "Kibana: discover": kibana("POST", f"/INDEX/_async_search?{ASYNC}", DISCOVER),
    "Kibana: discover, not async": kibana("POST", "/INDEX/_search?ignore_unavailable=true&preference=1", DISCOVER),
    "Kibana: a histogram": kibana(
        "POST",
        "/INDEX/_search",
        {"size": 0, "track_total_hits": True, "query": {"bool": {"filter": [TIME]}}, "aggs": LEGEND},
    ),
    "Kibana: values that begin so": kibana("POST", "/INDEX/_terms_enum", {"field": "kind", "string": "co", "size": 10}),
    "Kibana: values of a field": kibana(
        "POST",
        "/INDEX/_search",
        {
            "size": 0,
            "timeout": "1000ms",
            "terminate_after": 100000,
            "aggs": {
                "suggestions": {
                    "terms": {"field": "kind", "include": "co.*", "execution_hint": "map", "shard_size": 10}
                }
            },
        },
    ),
    "Kibana: privileges": kibana(
        "POST", "/_security/user/_has_privileges", {"application": [], "cluster": ["monitor"]}
    ),
    "Kibana: console, health": kibana("GET", "/_cluster/health/INDEX?pretty=true&filter_path=status"),
    "Kibana: index management": kibana("GET", "/INDEX?expand_wildcards=hidden,all&filter_path=*.aliases,*.data_stream"),
    "Kibana: upgrade assistant": kibana("GET", "/_migration/deprecations?filter_path=nothing"),
    "Kibana: monitoring": kibana(
        "POST", "/INDEX-mon*/_search?ignore_unavailable=true&filter_path=hits.hits._source.beats_stats", {"size": 0}
    ),
    "Kibana: drop the objects": kibana("DELETE", "/INDEX-k?ignore_unavailable=true"),
    "Dashboards: versions of the nodes": boards(
        "GET", "/_nodes?filter_path=nodes.*.version,nodes.*.ip,nodes.*.attributes"
    ),
    "Dashboards: state of the cluster": boards("GET", "/_cluster/health/INDEX?filter_path=status"),
    "Dashboards: an old template": boards("GET", "/_template/kibana_index_template*"),
    "Dashboards: objects": boards("POST", "/INDEX/_search?size=20&from=0&rest_total_hits_as_int=true", OBJECTS),
    "Dashboards: discover": boards(
        "POST",
        "/INDEX/_search?ignore_unavailable=true&rest_total_hits_as_int=true&track_total_hits=true"
        "&timeout=30000ms&preference=1700000000000",
        {
            "sort": [{"made": {"order": "desc", "unmapped_type": "boolean"}}],
            "size": 20,
            "version": True,
            "stored_fields": ["*"],
            "script_fields": {},
            "docvalue_fields": [{"field": "made", "format": "date_time"}],
            "_source": {"excludes": []},
            "aggs": LEGEND,
            "query": {
                "bool": {"must": [{"query_string": {"query": "rain", "analyze_wildcard": True}}], "filter": [TIME]}
            },
            "highlight": {"fields": {"*": {}}, "fragment_size": 2147483647},
        },
    ),
    "Dashboards: fields": boards("GET", "/INDEX/_field_caps?fields=*&ignore_unavailable=true&allow_no_indices=false"),
    "Dashboards: several searches": ask(
        "POST",
        "/_msearch?rest_total_hits_as_int=true&ignore_throttled=true",
        '{"index":"INDEX","ignore_unavailable":true,"preference":1}\n' + json.dumps({"size": 0, "aggs": LEGEND}) + "\n",
        BOARDS.replace(b"application/json", b"application/x-ndjson"),
    ),
    "Dashboards: SQL": boards("POST", "/_plugins/_sql?format=jdbc", {"query": "SELECT * FROM INDEX LIMIT 1"}),
    "Dashboards: PPL": boards("POST", "/_plugins/_ppl", {"query": "source=INDEX | head 1"}),
    "Dashboards: aliases": boards("GET", "/_cat/aliases/INDEX*?format=json&h=alias,index&s=alias:desc"),
    "Dashboards: async": boards(
        "POST", "/_plugins/_asynchronous_search?index=INDEX&keep_on_completion=false", {"size": 0}
    ),
    "Dashboards: point in time": boards("GET", "/_search/point_in_time/_all?filter_path=nothing"),
    "Grafana: a graph": grafana(panel(by_day({"1": {"avg": {"field": "price"}}}))),
    "Grafana: count": grafana(panel(by_day({}))),
    "Grafana: two queries": grafana(
        panel(by_day({"1": {"max": {"field": "price"}}})), panel(by_day({"1": {"cardinality": {"field": "kind"}}}))
    ),
    "Grafana: by term": grafana(
        panel(
            {
                "3": {
                    "terms": {"field": "kind", "size": 10, "order": {"_key": "desc"}, "min_doc_count": 1},
                    "aggs": by_day({}),
                }
            }
        )
    ),
    "Grafana: percentiles": grafana(panel(by_day({"1": {"percentiles": {"field": "price", "percents": [25, 95]}}}))),
    "Grafana: a derivative": grafana(
        panel(by_day({"1": {"sum": {"field": "price"}}, "4": {"derivative": {"buckets_path": "1"}}}))
    ),
    "Grafana: logs": grafana(
        panel(
            {},
            40,
            sort=[{"made": {"order": "desc", "unmapped_type": "boolean"}}, {"_doc": {"order": "desc"}}],
            highlight={"fields": {"*": {}}, "pre_tags": ["@HIGHLIGHT@"], "post_tags": ["@/HIGHLIGHT@"]},
        )
    ),
    "Grafana: raw documents": grafana(panel({}, 5, script_fields={}, docvalue_fields=["made"], fields=["kind"])),
    "Grafana: a query that fails": grafana({"size": 0, "query": {"query_string": {"query": "name:("}}}),
    "Grafana: values of a variable": grafana(
        panel({"1": {"terms": {"field": "kind", "size": 500, "order": {"_key": "asc"}}}})
    ),
    "Grafana: mapping": ask("GET", "/INDEX/_mapping", headers=GRAFANA),
    "Grafana: fields": ask("GET", "/INDEX/_field_caps?fields=*", headers=GRAFANA),
    "Grafana: version": ask("GET", "/", headers=GRAFANA),
    "Grafana: health": ask("GET", "/_cluster/health?filter_path=status", headers=b"User-Agent: Grafana/12.0.0\r\n"),
}
