"""Any method, known to the engine or not, with and without a body."""

from tests.fidelity.raw import JSON, ask

KIND = "methods"
REQUESTS = {
    "GET": ask("GET", "/INDEX/_doc/1"),
    "GET with a body": ask("GET", "/INDEX/_search", '{"query": {"match": {"name": "rain"}}}'),
    "GET with a chunked body": ask("GET", "/INDEX/_count", '{"query": {"match": {"name": "rain"}}}', chunks=5),
    "GET with an empty body of length 0": ask("GET", "/INDEX/_count", headers=b"Content-Length: 0\r\n"),
    "GET with a body where none is read": ask("GET", "/INDEX/_doc/1", '{"a": 1}'),
    "HEAD of the root": ask("HEAD", "/"),
    "HEAD of an index": ask("HEAD", "/INDEX"),
    "HEAD of no index": ask("HEAD", "/INDEX-none"),
    "HEAD of an alias": ask("HEAD", "/_alias/INDEX-a"),
    "HEAD of a document": ask("HEAD", "/INDEX/_doc/1"),
    "HEAD of no document": ask("HEAD", "/INDEX/_doc/none"),
    "HEAD of a source": ask("HEAD", "/INDEX/_source/1"),
    "HEAD of a search": ask("HEAD", "/INDEX/_search"),
    "HEAD of a search with a body": ask("HEAD", "/INDEX/_search", '{"size": 1}'),
    "HEAD of a template": ask("HEAD", "/_index_template/none"),
    "HEAD of nothing": ask("HEAD", "/_nothing/at/all"),
    "HEAD of a cat": ask("HEAD", "/_cat/indices/INDEX?h=index"),
    "OPTIONS of the root": ask("OPTIONS", "/"),
    "OPTIONS of an index": ask("OPTIONS", "/INDEX"),
    "OPTIONS of a search": ask("OPTIONS", "/INDEX/_search"),
    "OPTIONS of a document": ask("OPTIONS", "/INDEX/_doc/1"),
    "OPTIONS of everything": ask("OPTIONS", "*"),
    "OPTIONS with an origin": ask(
        "OPTIONS", "/INDEX", headers=b"Origin: http://a.example\r\nAccess-Control-Request-Method: POST\r\n"
    ),
    "PATCH of a document": ask("PATCH", "/INDEX/_doc/1", "{}"),
    "PATCH of a search": ask("PATCH", "/INDEX/_search", "{}"),
    "PATCH of nothing": ask("PATCH", "/_nothing", "{}"),
    "PUT of a search": ask("PUT", "/INDEX/_search", "{}"),
    "DELETE of a search": ask("DELETE", "/INDEX/_search"),
    "DELETE with a body": ask("DELETE", "/_search/scroll", '{"scroll_id": "bm9uZQ=="}'),
    "DELETE of no index": ask("DELETE", "/INDEX-none"),
    "POST of an index": ask("POST", "/INDEX"),
    "POST without a length": b"POST /INDEX/_refresh HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "POST of the root": ask("POST", "/", "{}"),
    "CONNECT": ask("CONNECT", "localhost:9200"),
    "TRACE": ask("TRACE", "/INDEX"),
    "a method nobody knows": ask("FOO", "/INDEX"),
    "a method nobody knows, with a body": ask("FOO", "/INDEX", "{}"),
    "a method of WebDAV": ask("PROPFIND", "/INDEX"),
    "a lower-case method": ask("get", "/INDEX"),
    "PURGE of a search": ask("PURGE", "/INDEX/_search", '{"size": 1}', JSON),
}
