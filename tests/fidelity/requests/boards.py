"""Requests as OpenSearch Dashboards sends them, in words of our own. `INDEX-b` is an index of saved objects.

Held against these files of opensearch-project/OpenSearch-Dashboards, from which no text was taken:
src/core/server/opensearch/version_check/ensure_opensearch_version.ts
src/core/server/saved_objects/service/lib/repository.ts, and search_dsl/query_params.ts beside it
src/plugins/data/server/search/opensearch_search/{opensearch_search_strategy,get_default_search_params}.ts
src/plugins/data/server/search/routes/call_msearch.ts
src/plugins/data/server/index_patterns/fetcher/lib/opensearch_api.ts
src/plugins/data/server/autocomplete/value_suggestions_route.ts
src/plugins/data/common/search/search_source/search_source.ts
"""

import json
from typing import Any

from tests.fidelity.raw import ask

KIND = "dashboards"
BOARDS = (
    b"user-agent: opensearch-js/2.12.0 (linux 6.1.0-x64; Node.js v20.11.0)\r\n"
    b"x-opensearch-product-origin: opensearch-dashboards\r\n"
    b"content-type: application/json\r\naccept-encoding: gzip,deflate\r\n"
)
LINES = BOARDS.replace(b"application/json", b"application/x-ndjson")
SEARCH = "/INDEX/_search?ignore_unavailable=true&track_total_hits=true&timeout=30000ms&preference=1700000000000"
NODES = "nodes.*.version%2Cnodes.*.http.publish_address%2Cnodes.*.ip"

TIME = {
    "range": {"made": {"gte": "2026-01-01T00:00:00.000Z", "lte": "2026-02-01", "format": "strict_date_optional_time"}}
}
DAYS = {"2": {"date_histogram": {"field": "made", "calendar_interval": "1d", "time_zone": "UTC", "min_doc_count": 1}}}


def boards(method: str, target: str, body: Any = None) -> bytes:
    return ask(method, target, "" if body is None else json.dumps(body), BOARDS)


def several(*bodies: dict[str, Any]) -> bytes:
    head = {"ignore_unavailable": True, "index": "INDEX", "preference": 1700000000000}
    lines = "".join(json.dumps(one) + "\n" for body in bodies for one in (head, {"timeout": "30000ms", **body}))
    return ask("POST", "/_msearch?ignore_throttled=true&ignore_unavailable=true", lines, LINES)


def source(words: str, **more: Any) -> dict[str, Any]:
    """What a saved search flattens to."""
    said = [{"query_string": {"query": words, "analyze_wildcard": True, "time_zone": "UTC"}}] if words else []
    return {
        **more,
        "stored_fields": ["*"],
        "script_fields": {},
        "docvalue_fields": [{"field": "made", "format": "date_time"}],
        "_source": {"excludes": []},
        "query": {"bool": {"must": said, "filter": [{"match_all": {}}, TIME], "should": [], "must_not": []}},
    }


def objects(*types: str, search: str = "") -> dict[str, Any]:
    """The body of a search for saved objects: a prefix is looked for in two ways."""
    without = [{"exists": {"field": "namespaces"}}]
    each = [
        {
            "bool": {
                "must": [{"term": {"type": kind}}],
                "should": [{"bool": {"must_not": [{"exists": {"field": "namespace"}}]}}],
                "minimum_should_match": 1,
                "must_not": without,
            }
        }
        for kind in types
    ]
    found: dict[str, Any] = {"filter": [{"bool": {"should": each, "minimum_should_match": 1}}]}
    if search:
        fields = [f"{kind}.title^3" for kind in types]
        said = {"simple_query_string": {"query": search, "fields": fields, "default_operator": "AND"}}
        if search.endswith("*"):
            begins = [{"match_phrase_prefix": {f"{kind}.title": {"query": search[:-1], "boost": 3}}} for kind in types]
            found |= {"should": [said, *begins], "minimum_should_match": 1}
        else:
            found["must"] = [said]
    return {"seq_no_primary_term": True, "query": {"bool": found}}


def suggestions(aggs: dict[str, Any]) -> dict[str, Any]:
    return {
        "size": 0,
        "timeout": "1000ms",
        "terminate_after": 100000,
        "query": {"bool": {"filter": [TIME]}},
        "aggs": aggs,
    }


def begins(field: str, text: str) -> dict[str, Any]:
    hinted = {"execution_hint": "map", "shard_size": 10}
    return {"suggestions": {"terms": {"field": field, "include": f"{text}.*", **hinted}}}


TITLE = {"properties": {"title": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}}}
OBJECTS_INDEX = {
    "mappings": {
        "dynamic": False,
        "properties": {
            "type": {"type": "keyword"},
            "namespace": {"type": "keyword"},
            "namespaces": {"type": "keyword"},
            "dashboard": TITLE,
            "config": {"properties": {"buildNum": {"type": "keyword"}}},
        },
    },
    "settings": {"number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": -1},
}
FOUND = "/INDEX-b/_search?size=20&from=0&rest_total_hits_as_int=true"

REQUESTS = {
    "Dashboards: versions of the nodes": boards("GET", f"/_nodes?filter_path={NODES}"),
    "Dashboards: version of this node": boards("GET", f"/_nodes/_local?filter_path={NODES}"),
    "Dashboards: attributes of the nodes": boards("GET", "/_cluster/state?filter_path=nodes.*.attributes.cluster_id"),
    "Dashboards: state of the cluster": boards("GET", "/_cluster/health/INDEX?filter_path=status"),
    "Dashboards: an old template": boards("GET", "/_template/kibana_index_template*"),
    "Dashboards: index of objects": boards("PUT", "/INDEX-b", OBJECTS_INDEX),
    "Dashboards: create an object": boards(
        "PUT",
        "/INDEX-b/_create/dashboard%3A1?refresh=true",
        {"dashboard": {"title": "Rain and wool"}, "type": "dashboard", "references": [], "updated_at": "2026-01-01"},
    ),
    "Dashboards: an object": boards("GET", "/INDEX-b/_doc/dashboard%3A1"),
    "Dashboards: several objects": boards(
        "POST",
        "/_mget",
        {
            "docs": [
                {"_id": "dashboard:1", "_index": "INDEX-b", "_source": ["dashboard.title", "namespace", "type"]},
                {"_id": "space:none", "_index": "INDEX-b"},
            ]
        },
    ),
    "Dashboards: find objects": boards("POST", FOUND, objects("config", "dashboard")),
    "Dashboards: find objects by words": boards("POST", FOUND, objects("dashboard", search="rain wool")),
    "Dashboards: find objects by a beginning": boards("POST", FOUND, objects("dashboard", search="rai*")),
    "Dashboards: find objects in order": boards(
        "POST",
        FOUND + "&_source=dashboard.title%2Cnamespace%2Ctype&preference=1",
        objects("dashboard") | {"sort": [{"dashboard.title.keyword": {"order": "asc", "unmapped_type": "keyword"}}]},
    ),
    "Dashboards: update an object": boards(
        "POST",
        "/INDEX-b/_update/dashboard%3A1?refresh=true&_source_includes=namespace%2Cnamespaces%2CoriginId",
        {"doc": {"dashboard": {"title": "Rain"}, "updated_at": "2026-01-02"}},
    ),
    "Dashboards: bulk of objects": ask(
        "POST",
        "/_bulk?refresh=true",
        '{"create":{"_id":"dashboard:1","_index":"INDEX-b"}}\n{"type":"dashboard"}\n'
        '{"index":{"_id":"dashboard:2","_index":"INDEX-b"}}\n{"type":"dashboard","dashboard":{"title":"Down"}}\n',
        LINES,
    ),
    "Dashboards: objects of a namespace": boards(
        "POST",
        "/INDEX-b/_update_by_query?ignore_unavailable=true&refresh=true",
        {"script": {"source": "ctx.op = 'noop'", "lang": "painless"}, "query": {"term": {"namespace": "none"}}},
    ),
    "Dashboards: delete an object": boards("DELETE", "/INDEX-b/_doc/dashboard%3A2?refresh=true"),
    "Dashboards: drop the objects": boards("DELETE", "/INDEX-b"),
    "Dashboards: discover": boards(
        "POST",
        SEARCH,
        source(
            "rain",
            sort=[{"made": {"order": "desc", "unmapped_type": "boolean"}}],
            size=20,
            version=True,
            aggs=DAYS,
            highlight={"fields": {"*": {}}, "fragment_size": 2147483647},
        ),
    ),
    "Dashboards: discover, the best first": boards("POST", SEARCH, source("rain jacket", sort=[{"_score": "desc"}])),
    "Dashboards: a parameter of its own": boards("POST", SEARCH + "&data_frame_hydration_strategy=long", source("")),
    "Dashboards: a visualisation": boards("POST", SEARCH, source("", size=0, aggs=DAYS)),
    "Dashboards: several searches": several(source("", size=0, aggs=DAYS), source("rain", size=3)),
    "Dashboards: values that begin so": boards("POST", "/INDEX/_search", suggestions(begins("kind", "co"))),
    "Dashboards: values within a nested object": boards(
        "POST",
        "/INDEX/_search",
        suggestions({"nestedSuggestions": {"nested": {"path": "parts"}, "aggs": begins("parts.label", "z\\.")}}),
    ),
    "Dashboards: fields": boards("GET", "/INDEX/_field_caps?fields=*&ignore_unavailable=true&allow_no_indices=false"),
    "Dashboards: fields of none": boards(
        "GET", "/INDEX-none*/_field_caps?fields=*&ignore_unavailable=true&allow_no_indices=false"
    ),
    "Dashboards: aliases": boards("GET", "/INDEX/_alias?ignore_unavailable=true&allow_no_indices=false"),
    "Dashboards: names that match": boards("GET", "/_resolve/index/INDEX*?expand_wildcards=all"),
    "Dashboards: list of aliases": boards("GET", "/_cat/aliases/INDEX*?format=json&h=alias,index&s=alias:desc"),
    "Dashboards: SQL": boards("POST", "/_plugins/_sql?format=jdbc", {"query": "SELECT * FROM INDEX LIMIT 1"}),
    "Dashboards: PPL": boards("POST", "/_plugins/_ppl", {"query": "source=INDEX | head 1"}),
    "Dashboards: async": boards(
        "POST", "/_plugins/_asynchronous_search?index=INDEX&keep_on_completion=false", {"size": 0}
    ),
    "Dashboards: points in time": boards("GET", "/_search/point_in_time/_all?filter_path=nothing"),
}
