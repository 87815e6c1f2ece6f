"""Fields of a request's head, and how much of it an engine takes."""

from tests.fidelity.raw import JSON, ask

KIND = "headers"
COUNT = "/INDEX/_count"


def count(headers: str | bytes) -> bytes:
    return ask("GET", COUNT, headers=headers if isinstance(headers, bytes) else headers.encode())


REQUESTS = {
    "X-Opaque-Id": count("X-Opaque-Id: mine-1\r\n"),
    "x-opaque-id, lower case": count("x-opaque-id: mine-2\r\n"),
    "X-Opaque-Id, empty": count("X-Opaque-Id:\r\n"),
    "X-Opaque-Id, twice": count("X-Opaque-Id: mine-3\r\nX-Opaque-Id: mine-4\r\n"),
    "X-Opaque-Id of an error": ask("GET", "/INDEX-none/_doc/1", headers=b"X-Opaque-Id: mine-5\r\n"),
    "X-Opaque-Id with UTF-8": count("X-Opaque-Id: \u00fc\u65e5\r\n"),
    "traceparent": count("traceparent: 00-" + "a" * 32 + "-" + "b" * 16 + "-01\r\ntracestate: x=1\r\n"),
    "traceparent that is none": count("traceparent: nonsense\r\n"),
    "X-Request-Id": count("X-Request-Id: abc\r\n"),
    "Authorization": count("Authorization: Basic YTpi\r\n"),
    "Authorization that is none": count("Authorization: Nonsense\r\n"),
    "an API key": count("Authorization: ApiKey bm9uZTpub25l\r\n"),
    "es-security-runas-user": count("es-security-runas-user: somebody\r\n"),
    "Origin": count("Origin: http://elsewhere.example\r\n"),
    "a cookie": count("Cookie: a=b; c=d\r\n"),
    "X-Forwarded-For": count("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n"),
    "Forwarded": count("Forwarded: for=192.0.2.1\r\n"),
    "User-Agent of a client": count("User-Agent: opensearch-py/3.0.0 (Python 3.11)\r\n"),
    "x-elastic-client-meta": count("x-elastic-client-meta: es=9.0.0,py=3.11,t=9.0.0,ur=2.0.0\r\n"),
    "X-Elastic-Product-Origin": count("X-Elastic-Product-Origin: kibana\r\n"),
    "kbn-xsrf": count("kbn-xsrf: true\r\n"),
    "If-None-Match": count('If-None-Match: "a"\r\n'),
    "If-Modified-Since": count("If-Modified-Since: Sun, 22 Nov 2026 00:00:00 GMT\r\n"),
    "Range": count("Range: bytes=0-3\r\n"),
    "Accept-Language": count("Accept-Language: de\r\n"),
    "an empty field": count("X-Empty:\r\n"),
    "a field with blanks": count("X-Blank:   \t a  \t\r\n"),
    "a field with UTF-8": count("X-Name: \u65e5\u672c\r\n"),
    "a field with bytes of Latin-1": count(b"X-Name: \xfc\xff\r\n"),
    "a field of odd letters": count("X!#$%&'*+-.^_`|~1: a\r\n"),
    "fields repeated": count("X-Twice: 1\r\nX-Twice: 2\r\nx-twice: 3\r\n"),
    "two hundred fields": count("".join(f"X-Many-{number}: {number}\r\n" for number in range(200))),
    "a field of 7 KB": count("X-Long: " + "x" * 7000 + "\r\n"),
    "a head that is too long": count("X-Long: " + "x" * 20_000 + "\r\n"),
    "many fields that are too long together": count("".join(f"X-{n}: {'x' * 900}\r\n" for n in range(40))),
    "Connection: close": count("Connection: close\r\n"),
    "Connection: keep-alive": count("Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n"),
    "Connection names a field": count("Connection: X-Mine\r\nX-Mine: 1\r\n"),
    "TE": count("TE: trailers\r\nConnection: TE\r\n"),
    "Upgrade": count("Upgrade: h2c\r\nConnection: Upgrade\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"),
    "Upgrade to a web socket": count("Upgrade: websocket\r\nConnection: Upgrade\r\n"),
    "no Host": b"GET /INDEX/_count HTTP/1.1\r\n\r\n",
    "another Host": b"GET /INDEX/_count HTTP/1.1\r\nHost: other.example:1\r\n\r\n",
    "HTTP/1.0": ask("GET", COUNT, version="1.0"),
    "HTTP/1.0 with a body": ask("POST", "/INDEX/_search?filter_path=hits", '{"size": 1}', version="1.0"),
    "HTTP/1.0, kept alive": ask("GET", COUNT, headers=b"Connection: keep-alive\r\n", version="1.0"),
    "HTTP/1.0 of a search": ask("POST", "/INDEX/_search?filter_path=hits", "{}", JSON, version="1.0"),
    "an empty line first": b"\r\n" + ask("GET", COUNT),
    "a deprecated address": ask("GET", "/INDEX/_search/template", '{"source": {"size": 1}}'),
    "a deprecated parameter": ask("GET", "/_cat/nodes?h=name&local=true", headers=b"X-Opaque-Id: dep-NONCE\r\n"),
    "a deprecated setting": ask(
        "PUT", "/INDEX-d", '{"settings": {"index.mapper.dynamic": false}}', JSON + b"X-Opaque-Id: set-NONCE\r\n"
    ),
    "a deprecated template": ask(
        "PUT", "/_template/INDEX-t", '{"index_patterns": ["INDEX-no*"]}', JSON + b"X-Opaque-Id: tpl-NONCE\r\n"
    ),
    "a deprecated template, gone": ask("DELETE", "/_template/INDEX-t", headers=b"X-Opaque-Id: tpl-NONCE-2\r\n"),
}
