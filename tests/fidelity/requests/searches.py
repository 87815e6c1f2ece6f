"""What a search may hold: these are also sent under a policy, where only hits, `took` and our header may differ."""

from tests.fidelity.raw import ask

KIND = "searches"
MATCH = '"query": {"match": {"name": "rain jacket"}}'


def search(inside: str, parameters: str = "") -> bytes:
    return ask("POST", f"/INDEX/_search{parameters}", "{" + MATCH + (", " + inside if inside else "") + "}")


def query(clause: str) -> bytes:
    return ask("POST", "/INDEX/_search", '{"query": ' + clause + "}")


WORDS = '"query": "rain jacket", "fields": ["name", "note"]'
RAIN = '{"match": {"name": "rain"}}'
PARTS = '{"nested": {"path": "parts", "query": {"match": {"parts.label": "zip"}}'

REQUESTS = {
    "no more": search(""),
    "a whole window": search('"size": 40'),
    "aggregations": search(
        '"aggs": {"kinds": {"terms": {"field": "kind"}, "aggs": {"best": {"top_hits": {"size": 1}}}},'
        ' "prices": {"percentiles": {"field": "price"}}, "months": {"date_histogram": {"field": "made",'
        ' "calendar_interval": "month"}}, "all": {"global": {}, "aggs": {"n": {"value_count": {"field": "price"}}}}}'
    ),
    "aggregations, typed": search('"aggs": {"k": {"terms": {"field": "kind"}}}', "?typed_keys"),
    "composite aggregation": search(
        '"aggs": {"c": {"composite": {"size": 2, "sources": [{"k": {"terms": {"field": "kind"}}}]}}}'
    ),
    "filters and ranges": search(
        '"aggs": {"f": {"filters": {"filters": {"cheap": {"range": {"price": {"lt": 9}}}}}},'
        ' "r": {"range": {"field": "price", "keyed": true, "ranges": [{"to": 9}, {"from": 9}]}}}'
    ),
    "suggestions": search('"suggest": {"s": {"text": "jaket", "term": {"field": "name"}}}'),
    "a phrase suggestion": search('"suggest": {"text": "rain jaket", "p": {"phrase": {"field": "name"}}}'),
    "a completion": search('"suggest": {"c": {"prefix": "ra", "completion": {"field": "hint"}}}'),
    "highlights": search('"highlight": {"fields": {"name": {}}}'),
    "highlights, plain": search(
        '"highlight": {"type": "plain", "pre_tags": ["<b>"], "post_tags": ["</b>"], "fields": {"na*": {}}}'
    ),
    "inner hits": query(f'{{"bool": {{"must": {RAIN}, "should": {PARTS}, "inner_hits": {{"size": 1}}}}}}}}}}'),
    "collapse": search('"collapse": {"field": "kind"}'),
    "collapse with inner hits": search(
        '"collapse": {"field": "kind", "inner_hits": {"name": "cheapest", "size": 2, "sort": [{"price": "asc"}]}}'
    ),
    "_source, one": search('"_source": "name"'),
    "_source, some": search('"_source": {"includes": ["na*", "parts.*"], "excludes": ["*.count"]}'),
    "_source, none": search('"_source": false'),
    "_source, an empty list": search('"_source": []'),
    "fields": search('"fields": ["name", "price", {"field": "made", "format": "yyyy"}], "_source": false'),
    "fields with a wildcard": search('"fields": ["*"], "_source": false'),
    "stored fields": search('"stored_fields": ["note"]'),
    "no stored fields": search('"stored_fields": "_none_"'),
    "doc-value fields": search('"docvalue_fields": ["price", {"field": "made", "format": "epoch_millis"}]'),
    "script fields": search(
        '"script_fields": {"p": {"script": {"lang": "expression", "source": "doc[\'price\'] * 2"}}}'
    ),
    "script fields that fail": search('"script_fields": {"p": {"script": {"lang": "nonsense", "source": "1"}}}'),
    "runtime mappings": search('"runtime_mappings": {"day": {"type": "keyword"}}, "fields": ["day"]'),
    "profile": search('"profile": true, "size": 1', "?filter_path=hits,profile.shards.searches.query.type"),
    "explain": search('"explain": true, "size": 2'),
    "min_score": search('"min_score": 0.2'),
    "post_filter": search('"post_filter": {"term": {"kind": "coat"}}'),
    "track_total_hits": search('"track_total_hits": true'),
    "track_total_hits, none": search('"track_total_hits": false'),
    "track_total_hits, 5": search('"track_total_hits": 5'),
    "total as a number": search("", "?rest_total_hits_as_int=true"),
    "timeout": search('"timeout": "5s"'),
    "terminate_after": search('"terminate_after": 3'),
    "version": search('"version": true'),
    "seq_no_primary_term": search('"seq_no_primary_term": true'),
    "indices_boost": search('"indices_boost": [{"INDEX": 2.0}]'),
    "named queries": query('{"bool": {"must": [{"match": {"name": {"query": "rain", "_name": "wet"}}}]}}'),
    "named queries with scores": ask(
        "POST",
        "/INDEX/_search?include_named_queries_score",
        '{"query": {"match": {"name": {"query": "rain", "_name": "wet"}}}}',
    ),
    "stats": search('"stats": ["group"]'),
    "a page further": search('"from": 5, "size": 5'),
    "a page at the end": search('"from": 35, "size": 10'),
    "a page behind everything": search('"from": 100'),
    "a page too far": search('"from": 9995, "size": 10'),
    "a negative page": search('"from": -1'),
    "size 0": search('"size": 0'),
    "size 1": search('"size": 1'),
    "sorted": search('"sort": [{"price": "desc"}]'),
    "sorted by score": search('"sort": ["_score"]'),
    "sorted by score, the worst first": search('"sort": [{"_score": "asc"}]'),
    "sorted, with scores": search('"sort": ["made"], "track_scores": true'),
    "search_after": search('"sort": [{"price": "asc"}], "search_after": [7]'),
    "search_after without a sort": search('"search_after": [7]'),
    "rescore": search(
        '"rescore": {"window_size": 5, "query": {"rescore_query": {"match_phrase": {"name": "rain jacket"}}}}'
    ),
    "rescore with a sort": search('"sort": ["price"], "rescore": {"query": {"rescore_query": {"match_all": {}}}}'),
    "slice": search('"slice": {"id": 0, "max": 2}'),
    "ext": search('"ext": {}'),
    "an ext that is unknown": search('"ext": {"nonsense": {"a": 1}}'),
    "a pipeline that is not there": ask("POST", "/INDEX/_search?search_pipeline=none", "{" + MATCH + "}"),
    "a retriever": ask("POST", "/INDEX/_search", '{"retriever": {"standard": {"query": {"match": {"name": "rain"}}}}}'),
    "a point in time that is not there": ask("POST", "/_search", '{"pit": {"id": "bm9uZQ=="}}'),
    "multi_match": query('{"multi_match": {' + WORDS + "}}"),
    "multi_match, cross fields": query('{"multi_match": {' + WORDS + ', "type": "cross_fields", "operator": "and"}}'),
    "match_phrase": query('{"match_phrase": {"name": "rain jacket"}}'),
    "match_phrase_prefix": query('{"match_phrase_prefix": {"name": "rain ja"}}'),
    "match_bool_prefix": query('{"match_bool_prefix": {"name": "rain ja"}}'),
    "match with fuzziness": query('{"match": {"name": {"query": "rian", "fuzziness": "AUTO"}}}'),
    "query_string": query('{"query_string": {' + WORDS + "}}"),
    "query_string with syntax": query('{"query_string": {"query": "name:rain AND -kind:coat"}}'),
    "query_string that cannot be read": query('{"query_string": {"query": "name:("}}'),
    "simple_query_string": query('{"simple_query_string": {' + WORDS + "}}"),
    "combined_fields": query('{"combined_fields": {"query": "rain jacket", "fields": ["name"]}}'),
    "bool": query(
        f'{{"bool": {{"must": [{RAIN}], "should": [{{"term": {{"kind": "coat"}}}}],'
        ' "filter": {"range": {"price": {"gte": 2}}}, "must_not": {"term": {"price": 9}}}}'
    ),
    "dis_max": query(f'{{"dis_max": {{"queries": [{RAIN}, {{"match": {{"note": "rain"}}}}], "tie_breaker": 0.3}}}}'),
    "function_score": query(
        f'{{"function_score": {{"query": {RAIN}, "field_value_factor": {{"field": "price", "missing": 1}}}}}}'
    ),
    "boosting": query(
        f'{{"boosting": {{"positive": {RAIN}, "negative": {{"term": {{"kind": "coat"}}}}, "negative_boost": 0.5}}}}'
    ),
    "constant_score": query(f'{{"constant_score": {{"filter": {RAIN}}}}}'),
    "nested": query(PARTS + "}}"),
    "terms": query('{"terms": {"kind": ["coat", "jacket"]}}'),
    "ids": query('{"ids": {"values": ["1", "2", "none"]}}'),
    "more_like_this": query(
        '{"more_like_this": {"fields": ["name"], "like": "rain jacket", "min_term_freq": 1, "min_doc_freq": 1}}'
    ),
    "wildcard": query('{"wildcard": {"name": "r*n"}}'),
    "prefix, regexp, fuzzy": query(
        '{"bool": {"should": [{"prefix": {"kind": "co"}}, {"regexp": {"name": "ra.n"}}, {"fuzzy": {"name": "rian"}}]}}'
    ),
    "geo_distance": query('{"geo_distance": {"distance": "900km", "place": {"lat": 50, "lon": 8}}}'),
    "distance_feature": query('{"distance_feature": {"field": "made", "pivot": "7d", "origin": "2026-01-10"}}'),
    "intervals": query('{"intervals": {"name": {"match": {"query": "rain jacket"}}}}'),
    "span": query('{"span_near": {"clauses": [{"span_term": {"name": "rain"}}], "slop": 2}}'),
    "exists": query('{"exists": {"field": "note"}}'),
    "match_none": query('{"match_none": {}}'),
    "wrapper": query('{"wrapper": {"query": "eyJtYXRjaF9hbGwiOnt9fQ=="}}'),
    "a query that is unknown": query('{"nonsense": {}}'),
    "two queries in one": query('{"match": {"name": "a"}, "term": {"kind": "b"}}'),
    "an empty query": query("{}"),
    "a field that is unknown": query('{"match": {"nothing": "rain"}}'),
    "a query on a wrong type": query('{"match": {"price": "rain"}}'),
    "two indices": ask("POST", "/INDEX,INDEX-2/_search", "{" + MATCH + "}"),
    "an alias": ask("POST", "/INDEX-a/_search", "{" + MATCH + "}"),
    "a wildcard name": ask("POST", "/INDEX*/_search", "{" + MATCH + "}"),
    "by GET": ask("GET", "/INDEX/_search", "{" + MATCH + "}"),
    "URI search": ask("GET", "/INDEX/_search?q=rain+jacket&df=name"),
    "URI search with a body": ask(
        "POST", "/INDEX/_search?q=name:wool", '{"size": 3, "aggs": {"m": {"max": {"field": "price"}}}}'
    ),
    "gzip asked": ask(
        "POST", "/INDEX/_search", "{" + MATCH + "}", b"Content-Type: application/json\r\nAccept-Encoding: gzip\r\n"
    ),
    "deflate asked": ask(
        "POST", "/INDEX/_search", "{" + MATCH + "}", b"Content-Type: application/json\r\nAccept-Encoding: deflate\r\n"
    ),
    "pretty": ask("POST", "/INDEX/_search?pretty&human", "{" + MATCH + "}"),
    "filter_path": ask("POST", "/INDEX/_search?filter_path=hits.total,hits.hits._id", "{" + MATCH + "}"),
    "YAML": ask("POST", "/INDEX/_search?format=yaml", "{" + MATCH + "}"),
    "an opaque id": ask(
        "POST", "/INDEX/_search", "{" + MATCH + "}", b"Content-Type: application/json\r\nX-Opaque-Id: me\r\n"
    ),
}
