"""Bodies: strictness of JSON, media types, CBOR, SMILE and YAML, gzip both ways, chunks, NDJSON, Expect."""

import gzip
import zlib

from tests.fidelity.raw import JSON, NDJSON, ask

KIND = "bodies"
SEARCH = "/INDEX/_search"
HITS = SEARCH + "?filter_path=hits"
MATCH = '{"query": {"match": {"name": "rain jacket"}}}'
PACKED = gzip.compress(MATCH.encode(), mtime=0)
GZIP = JSON + b"Content-Encoding: gzip\r\n"
SEARCHES = '{}\n{"size": 1}\n{"index": "INDEX-2"}\n' + MATCH + "\n"
LINES = '{"index": {"_id": "p1"}}\n{"name": "packed jacket"}\n{"delete": {"_id": "p1"}}\n'

# {"query": {"match_all": {}}, "size": 2} in CBOR (RFC 8949) and in Jackson's SMILE, and an empty object in SMILE
CBOR = bytes.fromhex("a2657175657279a1696d617463685f616c6ca06473697a6502")
SMILE = b":)\n\x01\xfa\x84query\xfa\x88match_all\xfa\xfb\xfb\x83size\xc4\xfb"


def typed(kind: str, accept: str = "") -> bytes:
    return f"Content-Type: {kind}\r\n".encode() + (f"Accept: {accept}\r\n".encode() if accept else b"")


def vendor(version: str, kind: str = "json") -> str:
    return f"application/vnd.elasticsearch+{kind}; compatible-with={version}"


REQUESTS = {
    "duplicate keys": ask("POST", SEARCH, '{"size": 1, "size": 2}'),
    "duplicate keys within": ask("POST", SEARCH, '{"query": {"match_all": {}, "match_all": {}}}'),
    "trailing JSON": ask("POST", SEARCH, MATCH + "{}"),
    "trailing text": ask("POST", SEARCH, MATCH + " and more"),
    "trailing blanks": ask("POST", HITS, MATCH + " \n\t "),
    "cut short": ask("POST", SEARCH, '{"query": '),
    "a comment": ask("POST", HITS, '{"size": 1 /* one */}'),
    "single quotes": ask("POST", SEARCH, "{'size': 1}"),
    "a name without quotes": ask("POST", SEARCH, "{size: 1}"),
    "a comma too many": ask("POST", SEARCH, '{"size": 1,}'),
    "a leading byte order mark": ask("POST", SEARCH, b"\xef\xbb\xbf" + MATCH.encode()),
    "UTF-16": ask("POST", SEARCH, MATCH.encode("utf-16-le")),
    "UTF-16 that says so": ask("POST", SEARCH, MATCH.encode("utf-16"), typed("application/json; charset=UTF-16")),
    "bytes that are no UTF-8": ask("POST", SEARCH, b'{"query": {"match": {"name": "\xff\xfe"}}}'),
    "half a surrogate": ask("POST", HITS, '{"query": {"match": {"name": "\\ud83d"}}}'),
    "escapes": ask("POST", HITS, '{"qu\\u0065ry": {"match": {"name": "r\\u0061in"}}}'),
    "a null": ask("POST", SEARCH, "null"),
    "a list": ask("POST", SEARCH, "[]"),
    "a number": ask("POST", SEARCH, "1"),
    "an empty object": ask("POST", SEARCH, "{}"),
    "blanks alone": ask("POST", SEARCH, "  \n"),
    "an unknown key": ask("POST", SEARCH, '{"nonsense": 1}'),
    "a wrong type": ask("POST", SEARCH, '{"size": "two"}'),
    "a number as text": ask("POST", HITS, '{"size": "2"}'),
    "numbers in other forms": ask("POST", HITS, '{"size": 2, "min_score": 1e-5, "query": {"match": {"name": "rain"}}}'),
    "too many words": ask("POST", SEARCH, '{"query": {"match": {"name": "' + "a b c d e f g h " * 200 + '"}}}'),
    "a number of 64 bits": ask("POST", HITS, '{"query": {"term": {"price": 9223372036854775807}}}'),
    "a number too large": ask("POST", SEARCH, '{"query": {"term": {"price": 92233720368547758070}}}'),
    "deeply nested": ask(
        "POST", SEARCH, '{"query": ' + '{"bool": {"must": ' * 60 + '{"match_all": {}}' + "}}" * 60 + "}"
    ),
    "far too deeply nested": ask("POST", SEARCH, '{"a":' * 2000 + "1" + "}" * 2000),
    "a megabyte": ask("POST", HITS, MATCH + " " * 1_000_000),
    "no type": ask("POST", SEARCH, MATCH, b""),
    "a wrong type of text": ask("POST", SEARCH, MATCH, typed("text/plain")),
    "a form": ask("POST", SEARCH, MATCH, typed("application/x-www-form-urlencoded")),
    "a type that is none": ask("POST", SEARCH, MATCH, typed("nonsense")),
    "an empty type": ask("POST", SEARCH, MATCH, typed("")),
    "two types": ask("POST", SEARCH, MATCH, typed("application/json") + typed("application/yaml")),
    "a type with a charset": ask("POST", HITS, MATCH, typed("application/json; charset=UTF-8")),
    "a type in capitals": ask("POST", HITS, MATCH, typed("APPLICATION/JSON")),
    "a type with a blank": ask("POST", HITS, MATCH, typed("application/json ;charset=utf-8")),
    "a type without a body": ask("GET", SEARCH + "?size=1&filter_path=hits", headers=typed("text/plain")),
    "vendor type 9": ask("POST", HITS, MATCH, typed(vendor("9"), vendor("9"))),
    "vendor type 8": ask("POST", HITS, MATCH, typed(vendor("8"), vendor("8"))),
    "vendor type 7": ask("POST", HITS, MATCH, typed(vendor("7"), vendor("7"))),
    "vendor type 2": ask("POST", HITS, MATCH, typed(vendor("2"))),
    "vendor types that disagree": ask("POST", HITS, MATCH, typed(vendor("8"), vendor("9"))),
    "vendor type without a version": ask("POST", HITS, MATCH, typed("application/vnd.elasticsearch+json")),
    "vendor NDJSON": ask(
        "POST", "/INDEX/_msearch?filter_path=responses.hits", SEARCHES, typed(vendor("9", "x-ndjson"))
    ),
    "vendor answer alone": ask("GET", "/INDEX/_doc/1", headers=f"Accept: {vendor('9')}\r\n".encode()),
    "vendor error": ask("GET", "/INDEX-none/_doc/1", headers=f"Accept: {vendor('8')}\r\n".encode()),
    "an answer of any kind": ask("GET", "/INDEX/_doc/1", headers=b"Accept: */*\r\n"),
    "an answer of several kinds": ask("GET", "/INDEX/_doc/1", headers=b"Accept: text/html, application/json;q=0.9\r\n"),
    "an answer of no kind": ask("GET", "/INDEX/_doc/1", headers=b"Accept: image/png\r\n"),
    "CBOR asked": ask("GET", HITS + "&size=2", headers=b"Accept: application/cbor\r\n"),
    "CBOR sent": ask("POST", HITS, CBOR, typed("application/cbor")),
    "CBOR sent, JSON asked": ask("POST", HITS, CBOR, typed("application/cbor", "application/json")),
    "CBOR that is none": ask("POST", HITS, MATCH, typed("application/cbor")),
    "CBOR sent and asked": ask("POST", "/INDEX/_count", b"\xa0", typed("application/cbor", "application/cbor")),
    "CBOR of a vendor": ask("POST", HITS, CBOR, typed(vendor("9", "cbor"), vendor("9", "cbor"))),
    "SMILE asked": ask("GET", HITS + "&size=2", headers=b"Accept: application/smile\r\n"),
    "SMILE sent": ask("POST", HITS, SMILE, typed("application/smile")),
    "SMILE that is none": ask("POST", HITS, MATCH, typed("application/smile")),
    "SMILE error": ask("POST", "/INDEX-none/_search", SMILE, typed("application/smile", "application/smile")),
    "YAML asked": ask("GET", "/INDEX/_doc/1", headers=b"Accept: application/yaml\r\n"),
    "YAML sent": ask("POST", HITS, "query:\n  match: {name: rain}\n", typed("application/yaml")),
    "YAML sent, JSON asked": ask("POST", HITS, "size: 1\n", typed("application/yaml", "application/json")),
    "YAML error": ask("POST", HITS, "size: many\n", typed("application/yaml")),
    "gzip sent": ask("POST", HITS, PACKED, GZIP),
    "gzip sent in chunks": ask("POST", HITS, PACKED, GZIP, chunks=9),
    "gzip sent, and asked": ask("POST", HITS, PACKED, GZIP + b"Accept-Encoding: gzip\r\n"),
    "gzip sent, in capitals": ask("POST", HITS, PACKED, JSON + b"Content-Encoding: GZIP\r\n"),
    "x-gzip sent": ask("POST", HITS, PACKED, JSON + b"Content-Encoding: x-gzip\r\n"),
    "deflate sent": ask("POST", HITS, zlib.compress(MATCH.encode()), JSON + b"Content-Encoding: deflate\r\n"),
    "identity sent": ask("POST", HITS, MATCH, JSON + b"Content-Encoding: identity\r\n"),
    "brotli said": ask("POST", HITS, MATCH, JSON + b"Content-Encoding: br\r\n"),
    "gzip that is none": ask("POST", HITS, MATCH, GZIP),
    "gzip cut short": ask("POST", HITS, PACKED[:-9], GZIP),
    "gzip of two members": ask("POST", HITS, gzip.compress(b'{"size":', mtime=0) + gzip.compress(b"2}", mtime=0), GZIP),
    "gzip of nothing": ask("POST", HITS, gzip.compress(b"", mtime=0), GZIP),
    "gzip asked": ask("POST", HITS, MATCH, JSON + b"Accept-Encoding: gzip\r\n"),
    "gzip asked of a document": ask("GET", "/INDEX/_doc/1", headers=b"Accept-Encoding: gzip, deflate, br, zstd\r\n"),
    "gzip asked of an error": ask("GET", "/INDEX-none/_doc/1", headers=b"Accept-Encoding: gzip\r\n"),
    "gzip asked of a HEAD": ask("HEAD", "/INDEX/_doc/1", headers=b"Accept-Encoding: gzip\r\n"),
    "gzip asked of a cat": ask("GET", "/_cat/count/INDEX?h=count", headers=b"Accept-Encoding: gzip\r\n"),
    "gzip refused": ask("POST", HITS, MATCH, JSON + b"Accept-Encoding: gzip;q=0\r\n"),
    "deflate asked": ask("POST", HITS, MATCH, JSON + b"Accept-Encoding: deflate\r\n"),
    "deflate preferred": ask("POST", HITS, MATCH, JSON + b"Accept-Encoding: gzip;q=0.5, deflate\r\n"),
    "identity asked": ask("POST", HITS, MATCH, JSON + b"Accept-Encoding: identity\r\n"),
    "brotli asked": ask("POST", HITS, MATCH, JSON + b"Accept-Encoding: br\r\n"),
    "chunked": ask("POST", HITS, MATCH, chunks=7),
    "chunked, a byte each": ask("POST", HITS, MATCH, chunks=1),
    "chunked, one": ask("POST", HITS, MATCH, chunks=1000),
    "chunked, with a megabyte": ask("POST", HITS, MATCH + " " * 1_000_000, chunks=9999),
    "chunked, empty": b"POST /INDEX/_refresh HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked, with extensions": b"POST /INDEX/_search?filter_path=hits HTTP/1.1\r\nHost: a\r\n"
    + JSON
    + b'Transfer-Encoding: chunked\r\n\r\n4;a\r\n{"si\r\n7;c="d;e"\r\nze": 1}\r\n0;f\r\n\r\n',
    "chunked, with trailers": b"POST /INDEX/_search?filter_path=hits HTTP/1.1\r\nHost: a\r\n"
    + JSON
    + b'Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\nb\r\n{"size": 1}\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n',
    "chunked, sizes with zeros": b"POST /INDEX/_search?filter_path=hits HTTP/1.1\r\nHost: a\r\n"
    + JSON
    + b'Transfer-Encoding: chunked\r\n\r\n000B\r\n{"size": 1}\r\n00\r\n\r\n',
    "expect": ask("POST", HITS, MATCH, JSON + b"Expect: 100-continue\r\n"),
    "expect in capitals": ask("POST", HITS, MATCH, JSON + b"Expect: 100-Continue\r\n"),
    "expect something else": ask("POST", HITS, MATCH, JSON + b"Expect: a-miracle\r\n"),
    "expect without a body": ask("GET", "/INDEX/_count", headers=b"Expect: 100-continue\r\n"),
    "expect of a write": ask("PUT", "/INDEX/_doc/expected", '{"name": "expected"}', JSON + b"Expect: 100-continue\r\n"),
    "expect in chunks": ask("POST", HITS, MATCH, JSON + b"Expect: 100-continue\r\n", chunks=9),
    "msearch": ask("POST", "/INDEX/_msearch?filter_path=responses.hits", SEARCHES, NDJSON),
    "msearch, JSON": ask("POST", "/INDEX/_msearch?filter_path=responses.hits", SEARCHES),
    "msearch without its last newline": ask("POST", "/INDEX/_msearch", SEARCHES[:-1], NDJSON),
    "msearch with CRLF": ask("POST", "/INDEX/_msearch", SEARCHES.replace("\n", "\r\n"), NDJSON),
    "msearch with empty lines": ask("POST", "/INDEX/_msearch", SEARCHES + "\n\n", NDJSON),
    "msearch with one that fails": ask("POST", "/INDEX/_msearch", SEARCHES + '{"index": "INDEX-none"}\n{}\n', NDJSON),
    "msearch of an odd line": ask("POST", "/INDEX/_msearch", SEARCHES + "{}\n", NDJSON),
    "msearch, typed": ask(
        "POST", "/_msearch?typed_keys&rest_total_hits_as_int", '{"index": "INDEX"}\n{"size": 0}\n', NDJSON
    ),
    "msearch by GET": ask("GET", "/INDEX/_msearch", SEARCHES, NDJSON),
    "msearch packed": ask(
        "POST", "/INDEX/_msearch", gzip.compress(SEARCHES.encode(), mtime=0), NDJSON + b"Content-Encoding: gzip\r\n"
    ),
    "msearch in chunks": ask("POST", "/INDEX/_msearch", SEARCHES, NDJSON, chunks=11),
    "bulk without its last newline": ask("POST", "/INDEX/_bulk", LINES[:-1], NDJSON),
    "bulk that is empty": ask("POST", "/INDEX/_bulk", "\n", NDJSON),
    "bulk of a wrong type": ask("POST", "/INDEX/_bulk", LINES, typed("text/plain")),
    "bulk with a wrong line": ask("POST", "/INDEX/_bulk", '{"index": {}}\n{"name": \n', NDJSON),
    "bulk with a wrong action": ask("POST", "/INDEX/_bulk", '{"nonsense": {}}\n', NDJSON),
}
