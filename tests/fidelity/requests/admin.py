"""Indices, cluster, cat, scripts: what scripts and tools of an operator ask."""

from tests.fidelity.raw import ask

KIND = "admin"
RAIN = '{"query": {"match": {"name": "rain"}}}'
TEMPLATE = '{"source": {"query": {"match": {"name": "{{words}}"}}}, "params": {"words": "rain"}}'

REQUESTS = {
    "root": ask("GET", "/"),
    "root, pretty": ask("GET", "/?pretty&filter_path=tagline"),
    "mapping": ask("GET", "/INDEX/_mapping"),
    "mapping of a field": ask("GET", "/INDEX/_mapping/field/na*?include_defaults=true"),
    "settings": ask("GET", "/INDEX/_settings"),
    "settings, flat": ask("GET", "/INDEX/_settings?flat_settings&include_defaults=false"),
    "aliases": ask("GET", "/INDEX/_alias"),
    "an alias": ask("GET", "/_alias/INDEX-a"),
    "an alias that is not there": ask("GET", "/_alias/INDEX-nothing"),
    "an index": ask("GET", "/INDEX"),
    "an index that is not there": ask("GET", "/INDEX-none"),
    "stats": ask("GET", "/INDEX/_stats/docs,store?filter_path=_all.total.docs"),
    "segments": ask("GET", "/INDEX/_segments?filter_path=_shards"),
    "recovery": ask("GET", "/INDEX/_recovery?filter_path=*.shards.stage"),
    "field caps": ask("GET", "/INDEX/_field_caps?fields=*"),
    "field caps by POST": ask("POST", "/INDEX/_field_caps?fields=name,price", "{}"),
    "analyze": ask("POST", "/INDEX/_analyze", '{"field": "name", "text": "Rain jackets"}'),
    "analyze, explained": ask("GET", "/_analyze", '{"analyzer": "standard", "text": "a b", "explain": true}'),
    "validate": ask("GET", "/INDEX/_validate/query?explain=true", RAIN),
    "validate what is wrong": ask("POST", "/INDEX/_validate/query?explain", '{"query": {"nonsense": {}}}'),
    "count": ask("POST", "/INDEX/_count", RAIN),
    "count of a wrong body": ask("POST", "/INDEX/_count", '{"size": 1}'),
    "explain": ask("GET", "/INDEX/_explain/1", RAIN),
    "explain of no document": ask("GET", "/INDEX/_explain/none", RAIN),
    "search shards": ask("GET", "/INDEX/_search_shards?filter_path=indices"),
    "rank eval": ask(
        "POST",
        "/INDEX/_rank_eval",
        '{"requests": [{"id": "q", "request": '
        + RAIN
        + ', "ratings": [{"_index": "INDEX", "_id": "1", "rating": 1}]}],'
        ' "metric": {"precision": {"k": 2}}}',
    ),
    "search template": ask("POST", "/INDEX/_search/template", TEMPLATE),
    "search template, rendered": ask("POST", "/_render/template", TEMPLATE),
    "search template by id": ask("POST", "/INDEX/_search/template", '{"id": "INDEX-none"}'),
    "search templates": ask("POST", "/INDEX/_msearch/template", "{}\n" + TEMPLATE + "\n"),
    "a stored script": ask(
        "PUT", "/_scripts/INDEX-s", '{"script": {"lang": "mustache", "source": {"query": {"match_all": {}}}}}'
    ),
    "the stored script": ask("GET", "/_scripts/INDEX-s"),
    "the stored script, gone": ask("DELETE", "/_scripts/INDEX-s"),
    "a scroll that is not there": ask("POST", "/_search/scroll", '{"scroll": "1m", "scroll_id": "bm9uZQ=="}'),
    "a scroll that is nonsense": ask("GET", "/_search/scroll?scroll_id=nonsense"),
    "an async search that is not there": ask("GET", "/_async_search/bm9uZQ=="),
    "terms enum": ask("POST", "/INDEX/_terms_enum", '{"field": "kind", "string": "co"}'),
    "a vector tile": ask("GET", "/INDEX/_mvt/place/1/0/0"),
    "a graph": ask("POST", "/INDEX/_graph/explore", "{}"),
    "SQL": ask("POST", "/_sql?format=txt", '{"query": "SELECT 1"}'),
    "ES|QL": ask("POST", "/_query", '{"query": "ROW a = 1"}'),
    "health": ask("GET", "/_cluster/health/INDEX?filter_path=status,number_of_shards"),
    "health, awaited in vain": ask(
        "GET", "/_cluster/health/INDEX?wait_for_nodes=99&timeout=10ms&filter_path=timed_out"
    ),
    "cluster settings": ask("GET", "/_cluster/settings?flat_settings=true&filter_path=nothing"),
    "cluster settings that are wrong": ask("PUT", "/_cluster/settings", '{"transient": {"nonsense": 1}}'),
    "cluster state": ask("GET", "/_cluster/state/metadata/INDEX?filter_path=metadata.indices.*.aliases"),
    "allocation explained": ask(
        "GET", "/_cluster/allocation/explain", '{"index": "INDEX", "shard": 9, "primary": true}'
    ),
    "nodes": ask("GET", "/_nodes?filter_path=_nodes"),
    "nodes, http": ask("GET", "/_nodes/http"),
    "nodes, all, http": ask("GET", "/_nodes/_all/http?pretty"),
    "nodes, http by HEAD": ask("HEAD", "/_nodes/http"),
    "plugins": ask("GET", "/_cat/plugins?h=component"),
    "tasks": ask("GET", "/_tasks?filter_path=nothing"),
    "a task that is not there": ask("GET", "/_tasks/none:1"),
    "resolve": ask("GET", "/_resolve/index/INDEX*"),
    "cat": ask("GET", "/_cat"),
    "cat, help": ask("GET", "/_cat/indices?help"),
    "cat indices": ask("GET", "/_cat/indices/INDEX*?h=index,docs.count,health&s=index"),
    "cat indices, with a head": ask("GET", "/_cat/indices/INDEX?v&h=index,docs.count"),
    "cat indices, JSON": ask("GET", "/_cat/indices/INDEX?format=json&h=index,docs.count"),
    "cat indices, JSON asked": ask(
        "GET", "/_cat/indices/INDEX?h=index,docs.count", headers=b"Accept: application/json\r\n"
    ),
    "cat aliases": ask("GET", "/_cat/aliases/INDEX-a?v"),
    "cat shards": ask("GET", "/_cat/shards/INDEX?h=index,shard,prirep,state"),
    "cat count": ask("GET", "/_cat/count/INDEX?h=count"),
    "cat of nothing": ask("GET", "/_cat/nothing"),
    "cat of no index": ask("GET", "/_cat/indices/INDEX-none"),
    "create an index": ask("PUT", "/INDEX-n", '{"settings": {"number_of_replicas": 0}}'),
    "create an index again": ask("PUT", "/INDEX-n"),
    "create an index, wrongly": ask("PUT", "/INDEX-m", '{"settings": {"number_of_shards": 0}}'),
    "put a mapping": ask("PUT", "/INDEX-n/_mapping", '{"properties": {"a": {"type": "keyword"}}}'),
    "put a mapping that conflicts": ask("PUT", "/INDEX-n/_mapping", '{"properties": {"a": {"type": "text"}}}'),
    "put a setting": ask("PUT", "/INDEX-n/_settings", '{"index.refresh_interval": "9s"}'),
    "put an alias": ask("PUT", "/INDEX-n/_alias/INDEX-b"),
    "change aliases": ask("POST", "/_aliases", '{"actions": [{"remove": {"index": "INDEX-n", "alias": "INDEX-b"}}]}'),
    "close": ask("POST", "/INDEX-n/_close?wait_for_active_shards=0"),
    "a closed index": ask("GET", "/INDEX-n/_search"),
    "open": ask("POST", "/INDEX-n/_open"),
    "flush": ask("POST", "/INDEX-n/_flush?wait_if_ongoing=true"),
    "merge": ask("POST", "/INDEX-n/_forcemerge?max_num_segments=1"),
    "clear the cache": ask("POST", "/INDEX-n/_cache/clear"),
    "delete the index": ask("DELETE", "/INDEX-n"),
    "an index template": ask(
        "PUT", "/_index_template/INDEX-t", '{"index_patterns": ["INDEX-no*"], "template": {"settings": {}}}'
    ),
    "the index template": ask("GET", "/_index_template/INDEX-t"),
    "the index template, gone": ask("DELETE", "/_index_template/INDEX-t"),
    "a snapshot repository that is not there": ask("GET", "/_snapshot/none"),
    "an ingest pipeline that is not there": ask("GET", "/_ingest/pipeline/none"),
    "a pipeline simulated": ask("POST", "/_ingest/pipeline/_simulate", '{"pipeline": {"processors": []}, "docs": []}'),
    "the scripts' languages": ask("GET", "/_script_language"),
    "_xpack": ask("GET", "/_xpack?filter_path=nothing"),
    "_license": ask("GET", "/_license"),
    "_security": ask("GET", "/_security/_authenticate"),
    "plugins of OpenSearch": ask("GET", "/_plugins/_knn/stats?filter_path=nothing"),
}
