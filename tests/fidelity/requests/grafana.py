"""Requests as Grafana's two data sources send them, in words of our own.

Held against these files (repository: path), from which no text was taken:
grafana/grafana: pkg/tsdb/elasticsearch/{elasticsearch,data_query,healthcheck}.go, client/{client,search_request}.go
grafana/opensearch-datasource: pkg/opensearch/{lucene_handler,ppl_handler}.go, client/{client,search_request}.go
Go writes a map's keys in order of the alphabet, and the sort of log lines is one object, not a list.
"""

import json
from typing import Any

from tests.fidelity.raw import ask

KIND = "dashboards"
AGENT = b"User-Agent: Grafana/12.0.0\r\nAccept-Encoding: gzip\r\n"
LINES = b"User-Agent: Grafana/12.0.0\r\nContent-Type: application/x-ndjson\r\nAccept-Encoding: gzip\r\n"
OPENSEARCH = b"User-Agent: Grafana\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n"
BEGAN, ENDED = 1767225600000, 1769904000000  # January 2026, in milliseconds


def several(*searches: dict[str, Any], headers: bytes = LINES, more: str = "") -> bytes:
    head = {"ignore_unavailable": True, "index": "INDEX", "search_type": "query_then_fetch"}
    lines = "".join(json.dumps(one) + "\n" for search in searches for one in (head, search))
    return ask("POST", f"/_msearch?max_concurrent_shard_requests=5{more}", lines, headers)


def panel(aggs: dict[str, Any], size: int = 0, words: str = "name:rain*", **more: Any) -> dict[str, Any]:
    span = {"range": {"made": {"format": "epoch_millis", "gte": BEGAN, "lte": ENDED}}}
    said = [{"query_string": {"analyze_wildcard": True, "query": words}}] if words else []
    return {**more, "aggs": aggs, "query": {"bool": {"filter": [span, *said]}}, "size": size}


def by_day(inside: dict[str, Any], **more: Any) -> dict[str, Any]:
    bounds = {"min": BEGAN, "max": 1767830400000}
    made = {"field": "made", "min_doc_count": 0, "extended_bounds": bounds, "format": "epoch_millis"}
    return {"2": {"aggs": inside, "date_histogram": {"fixed_interval": "86400000ms", **made, **more}}}


def by_kind(inside: dict[str, Any], **order: str) -> dict[str, Any]:
    return {"3": {"aggs": inside, "terms": {"field": "kind", "size": 10, "order": order, "min_doc_count": 1}}}


AVERAGE = {"1": {"avg": {"field": "price"}}}
NEWEST = {"_doc": {"order": "desc"}, "made": {"order": "desc", "unmapped_type": "boolean"}}
MARKED: dict[str, Any] = {
    "fields": {"*": {}},
    "fragment_size": 2147483647,
    "post_tags": ["@/HIGHLIGHT@"],
    "pre_tags": ["@HIGHLIGHT@"],
}
DATED: dict[str, Any] = {"docvalue_fields": ["made"], "script_fields": {}}
FORMATTED = {"fields": [{"field": "made", "format": "strict_date_optional_time_nanos"}]}
BUCKETS = {"buckets_path": {"a": "1", "b": "_count"}, "script": "params.a / params.b"}
WORDED = {"filters": {"filters": {"warm": {"query_string": {"query": "name:wool", "analyze_wildcard": True}}}}}

REQUESTS = {
    "Grafana: a graph": several(panel(by_day(AVERAGE))),
    "Grafana: frozen indices too": several(panel(by_day(AVERAGE)), more="&ignore_throttled=false"),
    "Grafana: count": several(panel(by_day({}))),
    "Grafana: no words": several(panel(by_day({}), words="")),
    "Grafana: all words": several(panel(by_day({}), words="*")),
    "Grafana: two queries": several(
        panel(by_day({"1": {"max": {"field": "price"}}})), panel(by_day({"1": {"cardinality": {"field": "kind"}}}))
    ),
    "Grafana: another time zone": several(panel(by_day({}, time_zone="Europe/Berlin", offset="+1h"))),
    "Grafana: by term": several(panel(by_kind(by_day({}), _key="desc"))),
    "Grafana: by term, by what it counts": several(panel(by_kind(AVERAGE | by_day({}), **{"1": "desc"}))),
    "Grafana: by filter": several(panel({"4": {"aggs": by_day({}), **WORDED}})),
    "Grafana: by number": several(
        panel({"5": {"aggs": AVERAGE, "histogram": {"field": "price", "interval": 10, "min_doc_count": 0}}})
    ),
    "Grafana: by place": several(panel({"6": {"aggs": {}, "geohash_grid": {"field": "place", "precision": 3}}})),
    "Grafana: within a nested object": several(
        panel({"7": {"aggs": {"1": {"sum": {"field": "parts.count"}}}, "nested": {"path": "parts"}}})
    ),
    "Grafana: percentiles": several(panel(by_day({"1": {"percentiles": {"field": "price", "percents": [25, 95]}}}))),
    "Grafana: extended statistics": several(panel(by_day({"1": {"extended_stats": {"field": "price", "sigma": 2}}}))),
    "Grafana: a derivative": several(
        panel(by_day({"1": {"sum": {"field": "price"}}, "4": {"derivative": {"buckets_path": "1"}}}))
    ),
    "Grafana: a script over buckets": several(panel(by_day({**AVERAGE, "4": {"bucket_script": BUCKETS}}))),
    "Grafana: logs": several(
        panel(by_day({}), 40, sort=NEWEST, highlight=MARKED, **DATED),
        panel(by_day({}), 40, sort=NEWEST, highlight=MARKED, **FORMATTED),
    ),
    "Grafana: lines around a line": several(
        panel(by_day({}), 5, sort=NEWEST, highlight=MARKED, search_after=[1768000000000, 7], **DATED)
    ),
    "Grafana: raw documents": several(panel({}, 5, sort=NEWEST, **DATED)),
    "Grafana: a query of one's own": several({"query": {"match": {"name": "rain jacket"}}, "size": 3}),
    "Grafana: a query that fails": several({"size": 0, "query": {"query_string": {"query": "name:("}}}),
    "Grafana: values of a variable": several(
        panel({"1": {"terms": {"field": "kind", "size": 500, "order": {"_key": "asc"}}}}, words="")
    ),
    "Grafana: values, as the browser sends them": ask(
        "POST",
        "/_msearch",
        '{"search_type":"query_then_fetch","ignore_unavailable":true,"index":"INDEX"}\n'
        '{"size":0,"query":{"bool":{"filter":[]}},"aggs":{"1":{"terms":{"field":"kind","size":500}}}}\n',
        LINES,
    ),
    "Grafana: mapping": ask("GET", "/INDEX/_mapping", headers=AGENT),
    "Grafana: every mapping": ask("GET", "/_mapping?filter_path=nothing", headers=AGENT),
    "Grafana: fields": ask("GET", "/INDEX/_field_caps?fields=*", headers=AGENT),
    "Grafana: version": ask("GET", "/", headers=AGENT),
    "Grafana: health": ask("GET", "/_cluster/health?wait_for_status=yellow&filter_path=status", headers=AGENT),
    "Grafana for OpenSearch: a graph": several(panel(by_day(AVERAGE)), headers=OPENSEARCH),
    "Grafana for OpenSearch: documents": several(
        panel({}, 5, sort={"made": NEWEST["made"]}, **DATED), headers=OPENSEARCH
    ),
    "Grafana for OpenSearch: traces": several(
        panel(
            {
                "traces": {
                    "terms": {"field": "kind", "size": 100, "order": {"_key": "asc"}},
                    "aggs": {"last": {"max": {"field": "made"}}, "errors": {"filter": {"term": {"price": 2}}}},
                }
            },
            10,
            words="",
        ),
        headers=OPENSEARCH,
    ),
    "Grafana for OpenSearch: PPL": ask("POST", "/_opendistro/_ppl", '{"query":"source=INDEX | head 1"}\n', OPENSEARCH),
}
