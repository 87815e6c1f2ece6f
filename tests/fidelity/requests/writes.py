"""Writes and what reads them, in their order. Scores elsewhere stay comparable because this kind is sent last."""

import gzip

from tests.fidelity.raw import JSON, NDJSON, ask

KIND = "writes"
DOC = "/INDEX/_doc"
BULK = "".join(
    f'{{"index": {{"_index": "INDEX", "_id": "b{n}"}}}}\n{{"name": "bulk {n}", "price": {n}}}\n' for n in range(9)
)

REQUESTS = {
    "index": ask("PUT", DOC + "/w1", '{"name": "written"}'),
    "index again": ask("PUT", DOC + "/w1?refresh=true", '{"name": "written twice"}'),
    "index with an id made for it": ask("POST", DOC, '{"name": "made"}'),
    "index, and seen at once": ask("POST", DOC + "/w2?refresh", '{"name": "seen"}'),
    "index with routing": ask("PUT", DOC + "/w3?routing=me", '{"name": "routed"}'),
    "numbers keep their form": ask("PUT", DOC + "/w4", '{"price": 12345678901234567, "f": 1.0, "e": 1e5, "z": -0.0}'),
    "numbers kept their form": ask("GET", DOC + "/w4"),
    "blanks keep their place": ask("PUT", DOC + "/w5", '{ "name" :\t"blank" ,\n "price":1 }'),
    "blanks kept their place": ask("GET", "/INDEX/_source/w5"),
    "escapes keep their form": ask("PUT", DOC + "/w6", '{"name": "\\u65e5\\/\\u0000 \\ud83d\\ude00"}'),
    "escapes kept their form": ask("GET", DOC + "/w6"),
    "an id with a slash": ask("PUT", DOC + "/a%2Fb", '{"name": "slash"}'),
    "an id with a slash, read": ask("GET", DOC + "/a%2Fb"),
    "an id with a plus": ask("PUT", DOC + "/a+b", '{"name": "plus"}'),
    "an id with a blank": ask("PUT", DOC + "/a%20b", '{"name": "blank"}'),
    "an id with a comma": ask("PUT", DOC + "/a,b", '{"name": "comma"}'),
    "an id of UTF-8": ask("PUT", DOC + "/%E6%97%A5", '{"name": "\u65e5\u672c"}'),
    "an id of UTF-8, as it is": ask("GET", DOC + "/\u65e5"),
    "an id that is too long": ask("PUT", DOC + "/" + "x" * 600, "{}"),
    "a document with duplicate keys": ask("PUT", DOC + "/w7", '{"name": "one", "name": "two"}'),
    "a document that does not fit": ask("PUT", DOC + "/w7", '{"price": "many"}'),
    "no document": ask("PUT", DOC + "/w7"),
    "a list": ask("PUT", DOC + "/w7", "[1]"),
    "create": ask("PUT", "/INDEX/_create/c1", '{"name": "created"}'),
    "create again": ask("PUT", "/INDEX/_create/c1", '{"name": "created"}'),
    "create by parameter": ask("PUT", DOC + "/c2?op_type=create", '{"name": "created"}'),
    "update": ask("POST", "/INDEX/_update/w1", '{"doc": {"price": 7}}'),
    "update that changes nothing": ask("POST", "/INDEX/_update/w1", '{"doc": {"price": 7}}'),
    "update, and show": ask("POST", "/INDEX/_update/w1?_source=true", '{"doc": {"price": 8}}'),
    "update or insert": ask("POST", "/INDEX/_update/u1", '{"doc": {"price": 8}, "doc_as_upsert": true}'),
    "update of nothing": ask("POST", "/INDEX/_update/none", '{"doc": {"price": 8}}'),
    "if nobody was faster": ask("PUT", DOC + "/w1?if_seq_no=99999&if_primary_term=1", "{}"),
    "a version from outside": ask("PUT", DOC + "/v1?version=9&version_type=external", '{"name": "v"}'),
    "an old version from outside": ask("PUT", DOC + "/v1?version=8&version_type=external", '{"name": "v"}'),
    "delete": ask("DELETE", DOC + "/w2"),
    "delete again": ask("DELETE", DOC + "/w2"),
    "to no index": ask("PUT", "/INDEX-none/_doc/1?require_alias=true", "{}"),
    "an ingest pipeline that is not there": ask("PUT", DOC + "/w8?pipeline=none", "{}"),
    "bulk": ask("POST", "/_bulk", BULK, NDJSON),
    "bulk, JSON": ask("POST", "/_bulk", BULK),
    "bulk, PUT": ask("PUT", "/INDEX/_bulk", BULK, NDJSON),
    "bulk, refreshed": ask("POST", "/INDEX/_bulk?refresh=true&_source=true", BULK, NDJSON),
    "bulk in chunks": ask("POST", "/INDEX/_bulk", BULK, NDJSON, chunks=100),
    "bulk packed": ask("POST", "/_bulk", gzip.compress(BULK.encode(), mtime=0), NDJSON + b"Content-Encoding: gzip\r\n"),
    "bulk, expected": ask("POST", "/_bulk", BULK, NDJSON + b"Expect: 100-continue\r\n"),
    "bulk of everything": ask(
        "POST",
        "/INDEX/_bulk",
        '{"create": {"_id": "b1"}}\n{}\n{"update": {"_id": "b2"}}\n{"doc": {"price": 3}}\n{"delete": {"_id": "b3"}}\n'
        '{"index": {"_id": "b4"}}\n{"price": "many"}\n{"update": {"_id": "none"}}\n{"doc": {}}\n',
        NDJSON,
    ),
    "bulk, filtered": ask("POST", "/INDEX/_bulk?filter_path=errors,items.*.status", BULK, NDJSON),
    "bulk of 2 MB": ask(
        "POST",
        "/INDEX/_bulk?filter_path=errors",
        BULK + '{"index": {"_id": "big"}}\n{"price": 1' + " " * 2_000_000 + "}\n",
        NDJSON,
    ),
    "bulk packed, and asked": ask(
        "POST",
        "/_bulk?filter_path=errors",
        gzip.compress(BULK.encode(), mtime=0),
        NDJSON + b"Content-Encoding: gzip\r\nAccept-Encoding: gzip\r\n",
    ),
    "refresh": ask("POST", "/INDEX/_refresh"),
    "update by query": ask("POST", "/INDEX/_update_by_query?conflicts=proceed", '{"query": {"term": {"price": 3}}}'),
    "delete by query": ask("POST", "/INDEX/_delete_by_query?refresh", '{"query": {"term": {"price": 8}}}'),
    "delete by query without one": ask("POST", "/INDEX/_delete_by_query"),
    "reindex": ask("POST", "/_reindex", '{"source": {"index": "INDEX-2"}, "dest": {"index": "INDEX-r"}}', JSON),
    "reindex, not awaited": ask(
        "POST",
        "/_reindex?wait_for_completion=false&filter_path=none",
        '{"source": {"index": "INDEX-2"}, "dest": {"index": "INDEX-r"}}',
        JSON,
    ),
    "what was reindexed": ask("POST", "/INDEX-r/_refresh"),
    "mget": ask("POST", "/INDEX/_mget", '{"ids": ["w1", "none", "b1"]}'),
    "mget, by index": ask("POST", "/_mget", '{"docs": [{"_index": "INDEX", "_id": "w1", "_source": ["name"]}]}'),
    "mget of nothing": ask("POST", "/INDEX/_mget", '{"ids": []}'),
    "a source": ask("GET", "/INDEX/_source/w1"),
    "a source, some": ask("GET", "/INDEX/_source/w1?_source_includes=name"),
    "no source": ask("GET", "/INDEX/_source/none"),
    "realtime": ask("GET", DOC + "/w1?realtime=false&preference=_local"),
    "term vectors": ask("GET", "/INDEX/_termvectors/w1?fields=name&field_statistics=false"),
}
