"""Query parameters: blank, repeated, unknown, and those that change how an answer looks."""

from urllib.parse import quote

from tests.fidelity.raw import ask

KIND = "parameters"
SEARCH = "/INDEX/_search"
AGGS = (
    '{"size": 0, "aggs": {"p": {"avg": {"field": "price"}}, "k": {"terms": {"field": "kind"}},'
    ' "h": {"histogram": {"field": "price", "interval": 10}}}}'
)
SOURCE = quote('{"query": {"match": {"name": "rain"}}, "size": 2}')
LINES = quote('{}\n{"query": {"match": {"name": "rain"}}, "size": 2}\n')
NAMED = quote('{"index": "INDEX"}\n{"query": {"match": {"name": "rain"}}, "size": 2}\n')
TEMPLATE = quote('{"source": {"query": {"match": {"name": "{{words}}"}}}, "params": {"words": "rain"}}')
ALL = quote('{"query": {"match_all": {}}}')

REQUESTS = {
    "pretty, blank": ask("GET", "/INDEX/_doc/1?pretty"),
    "pretty, blank with a sign": ask("GET", "/INDEX/_doc/1?pretty="),
    "pretty, true": ask("GET", "/INDEX/_doc/1?pretty=true"),
    "pretty, false": ask("GET", "/INDEX/_doc/1?pretty=false"),
    "pretty, nonsense": ask("GET", "/INDEX/_doc/1?pretty=perhaps"),
    "pretty, twice": ask("GET", "/INDEX/_doc/1?pretty&pretty"),
    "one, repeated with another value": ask("GET", SEARCH + "?size=1&size=2&filter_path=hits"),
    "an ampersand too many": ask("GET", SEARCH + "?&size=1&&filter_path=hits&"),
    "an empty name": ask("GET", SEARCH + "?=1"),
    "an empty query": ask("GET", SEARCH + "?"),
    "a semicolon": ask("GET", SEARCH + "?size=1;from=1"),
    "an unknown one": ask("GET", SEARCH + "?nonsense=1"),
    "two unknown ones": ask("GET", "/INDEX/_count?nonsens=1&preety"),
    "a number that is none": ask("GET", SEARCH + "?size=many"),
    "a negative number": ask("GET", SEARCH + "?from=-1"),
    "human": ask("GET", "/INDEX/_settings?human&filter_path=*.settings.index.number_of_shards"),
    "human, of an index": ask("GET", "/INDEX/_stats/docs?human&filter_path=_all"),
    "human and pretty": ask("GET", "/_cluster/health/INDEX?human&pretty&filter_path=status,number_of_nodes"),
    "error_trace": ask("GET", "/INDEX-none/_doc/1?error_trace&filter_path=error.type,status"),
    "error_trace, false": ask("GET", "/INDEX-none/_search?error_trace=false"),
    "filter_path": ask("GET", SEARCH + "?filter_path=hits.hits._id,hits.total"),
    "filter_path with wildcards": ask("GET", SEARCH + "?filter_path=**._id,h*.total.value"),
    "filter_path that leaves out": ask("GET", SEARCH + "?filter_path=-took,-hits.hits._source"),
    "filter_path, encoded": ask("GET", SEARCH + "?filter_path=hits.hits._id%2Chits.total"),
    "filter_path, empty": ask("GET", SEARCH + "?filter_path="),
    "filter_path that leaves nothing": ask("GET", SEARCH + "?filter_path=nothing"),
    "typed_keys": ask("POST", SEARCH + "?typed_keys", AGGS),
    "typed_keys, false": ask("POST", SEARCH + "?typed_keys=false", AGGS),
    "rest_total_hits_as_int": ask("POST", SEARCH + "?rest_total_hits_as_int", '{"size": 1}'),
    "rest_total_hits_as_int=true": ask("POST", SEARCH + "?rest_total_hits_as_int=true&typed_keys", AGGS),
    "rest_total_hits_as_int against track_total_hits": ask(
        "POST", SEARCH + "?rest_total_hits_as_int=true", '{"track_total_hits": 3}'
    ),
    "track_total_hits=false": ask("GET", SEARCH + "?track_total_hits=false"),
    "track_total_hits of 3": ask("GET", SEARCH + "?track_total_hits=3"),
    "q": ask("GET", SEARCH + "?q=rain"),
    "q with a field": ask("GET", SEARCH + "?q=name:jacket&df=name&default_operator=AND"),
    "q with quotes": ask("GET", SEARCH + "?q=%22rain%20jacket%22"),
    "q, blank": ask("GET", SEARCH + "?q="),
    "q that cannot be read": ask("GET", SEARCH + "?q=name:("),
    "q beside a body": ask("POST", SEARCH + "?q=name:wool", '{"query": {"match": {"name": "rain"}}}'),
    "q, lenient and analyzed": ask("GET", SEARCH + "?q=price:many&lenient=true&analyze_wildcard"),
    "sort": ask("GET", SEARCH + "?sort=price:desc&size=2"),
    "sort by two": ask("GET", SEARCH + "?sort=kind,price:asc&size=3&track_scores"),
    "sort by score": ask("GET", SEARCH + "?q=rain&sort=_score"),
    "from and size": ask("GET", SEARCH + "?from=3&size=2"),
    "size 0": ask("GET", SEARCH + "?size=0"),
    "_source=false": ask("GET", SEARCH + "?_source=false&size=2"),
    "_source, named": ask("GET", SEARCH + "?_source=name,price&size=2"),
    "_source, included and excluded": ask("GET", SEARCH + "?_source_includes=*&_source_excludes=n*&size=2"),
    "stored_fields": ask("GET", SEARCH + "?stored_fields=note&size=2"),
    "docvalue_fields": ask("GET", SEARCH + "?docvalue_fields=price,kind&size=2"),
    "version and seq_no_primary_term": ask("GET", SEARCH + "?version&seq_no_primary_term=true&size=2"),
    "explain": ask("GET", SEARCH + "?q=name:rain&explain=true&size=1"),
    "preference": ask("GET", SEARCH + "?preference=_local&size=1"),
    "preference of a session": ask("GET", SEARCH + "?preference=me%20and%20you&size=1"),
    "routing": ask("GET", SEARCH + "?routing=a,b&size=1"),
    "request_cache": ask("POST", SEARCH + "?request_cache=true", AGGS),
    "timeout": ask("GET", SEARCH + "?timeout=10s&size=1"),
    "terminate_after": ask("GET", SEARCH + "?terminate_after=2"),
    "search_type": ask("GET", SEARCH + "?search_type=dfs_query_then_fetch&q=name:rain"),
    "search_type that is none": ask("GET", SEARCH + "?search_type=scan"),
    "batched_reduce_size": ask("GET", SEARCH + "?batched_reduce_size=64&ccs_minimize_roundtrips=true"),
    "max_concurrent_shard_requests": ask("GET", SEARCH + "?max_concurrent_shard_requests=1&pre_filter_shard_size=1"),
    "allow_partial_search_results": ask("GET", SEARCH + "?allow_partial_search_results=false&size=1"),
    "ignore_unavailable": ask("GET", "/INDEX,INDEX-none/_search?ignore_unavailable=true&size=1"),
    "allow_no_indices": ask("GET", "/INDEX-none*/_search?allow_no_indices=false"),
    "expand_wildcards": ask("GET", "/INDEX*/_count?expand_wildcards=closed"),
    "suggest": ask("GET", SEARCH + "?suggest_field=name&suggest_text=jaket&suggest_mode=missing&size=0"),
    "source, GET": ask("GET", SEARCH + f"?source={SOURCE}&source_content_type=application/json"),
    "source, encoded type": ask("GET", SEARCH + f"?source={SOURCE}&source_content_type=application%2Fjson"),
    "source, POST without a body": ask("POST", SEARCH + f"?source={SOURCE}&source_content_type=application/json"),
    "source without its type": ask("GET", SEARCH + f"?source={SOURCE}"),
    "source of a wrong type": ask("GET", SEARCH + f"?source={SOURCE}&source_content_type=text/plain"),
    "source beside a body": ask(
        "POST", SEARCH + f"?source={SOURCE}&source_content_type=application/json", '{"size": 1}'
    ),
    "source in YAML": ask("GET", SEARCH + "?source=size%3A%201&source_content_type=application/yaml"),
    "source of several searches": ask(
        "GET", f"/INDEX/_msearch?source={LINES}&source_content_type=application/x-ndjson&rest_total_hits_as_int=true"
    ),
    "source of several searches that name their index": ask(
        "GET", f"/_msearch?source={NAMED}&source_content_type=application/json"
    ),
    "source of several searches without the last newline": ask(
        "GET", f"/INDEX/_msearch?source={LINES[:-3]}&source_content_type=application/x-ndjson"
    ),
    "source of several searches without its type": ask("GET", f"/INDEX/_msearch?source={LINES}"),
    "source of a template": ask(
        "GET", f"/INDEX/_search/template?source={TEMPLATE}&source_content_type=application/json"
    ),
    "source of a count": ask("GET", f"/INDEX/_count?source={ALL}&source_content_type=application/json"),
    "format=json": ask("GET", SEARCH + "?format=json&size=1"),
    "format=yaml": ask("GET", SEARCH + "?format=yaml&size=1"),
    "format=cbor": ask("GET", SEARCH + "?format=cbor&size=1&filter_path=hits"),
    "format=smile": ask("GET", SEARCH + "?format=smile&size=1&filter_path=hits"),
    "format that is none": ask("GET", SEARCH + "?format=nonsense&size=1"),
    "format of a cat": ask("GET", "/_cat/indices/INDEX?format=yaml&h=index,docs.count"),
}
