import base64
import json
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from connector.engines.bodies import lexical_query
from connector.errors import ConfigError, EngineRefused, EngineUnreachable
from connector.settings import parse
from workers.training.engine import BATCH, MANY, EngineIndex, Hit
from workers.training.open import open_documents, open_index


class Scripted(BaseHTTPRequestHandler):
    """Answers `_msearch` with one hit a search, named after what was asked, and `_mget` with a vector. Of an index
    `locked` only to the user elastic.
    """

    seen: ClassVar[list[tuple[str, list[dict]]]] = []
    known: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self):
        if "moved" in self.path:
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/elsewhere")
            self.end_headers()
            return
        self.known.append((self.path, self.headers["Authorization"]))
        inner = {"doc.title": {"text": {}}}
        self.answer({"fields": inner if "inner" in self.path else {"name": {"text": {}}, "brand": {"text": {}}}})

    def do_DELETE(self):
        self.answer({})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        lines = [json.loads(line) for line in body.splitlines()]
        self.seen.append((self.path, lines))
        if "scroll" in self.path:
            hits = [] if "scroll_id" in body else [{"_id": "a", "_source": {"name": "kettle"}}]
            answer = {"_scroll_id": "s", "hits": {"hits": hits}}
        elif "_mget" in self.path:
            answer = {
                "docs": [{"_id": key, "_source": {"vec": [1.0, 0.0]}} for key in lines[0]["ids"] if key != "bare"]
            }
        else:
            asked = [json.dumps(line["query"]) for line in lines[1::2]]
            answer = {"responses": [self.response(query) for query in asked]}
        self.answer(answer)

    def answer(self, answer):
        payload = json.dumps(answer).encode()
        locked = "locked" in self.server.kind and self.headers["Authorization"] != "Basic ZWxhc3RpYzpzZWNyZXQ="
        self.send_response(401 if locked else 404 if "gone" in self.path else 200)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def response(self, query):
        if "broken" in query:
            return {"error": {"type": "parsing_exception"}}
        return {"hits": {"hits": [] if "nothing" in query else [{"_id": query, "_score": 2.5}]}}

    def log_message(self, *_):
        pass


@pytest.fixture
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    server.kind = "open"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Scripted.seen.clear()
    Scripted.known.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_lists_come_back_in_the_order_of_the_queries_over_several_batches(url):
    texts = [f"query {number}" for number in range(BATCH + 3)]
    lists = EngineIndex(url, "shop", ("all",)).lexical(texts, 7)
    assert [hits[0] for hits in lists] == [Hit(json.dumps({"match": {"all": text}}), 2.5) for text in texts]
    assert [len(lines) for _, lines in Scripted.seen] == [2 * BATCH, 6]
    assert Scripted.seen[0][0] == "/shop/_msearch"
    assert Scripted.seen[0][1][1] == {"size": 7, "_source": False, "query": {"match": {"all": "query 0"}}}


def test_each_engine_is_asked_for_neighbours_in_its_own_words(url):
    EngineIndex(url, "shop", ("all",), vector_field="vec").nearest([[0.5, 1.0]], 9)
    EngineIndex(url, "shop", ("all",), vector_field="vec", dialect="elasticsearch").nearest([[0.5, 1.0]], 9)
    first, second = (lines[1]["query"] for _, lines in Scripted.seen)
    assert first == {"knn": {"vec": {"vector": [0.5, 1.0], "k": 9}}}
    assert second == {"knn": {"field": "vec", "query_vector": [0.5, 1.0], "k": 9, "num_candidates": 18}}


def test_vectors_that_are_not_stored_are_left_out(url):
    assert EngineIndex(url, "shop", ("all",), vector_field="vec").vectors(["a", "bare"]) == {"a": [1.0, 0.0]}


def test_a_refused_search_and_a_dead_engine_are_named(url):
    with pytest.raises(EngineRefused, match="parsing_exception"):
        EngineIndex(url, "shop", ("all",)).lexical(["broken"], 5)
    with pytest.raises(EngineRefused, match="404") as refused:
        EngineIndex(url, "gone", ("all",)).lexical(["kettle"], 5)
    assert refused.value.engine_status == 404
    with pytest.raises(EngineUnreachable, match=r"127\.0\.0\.1:9/shop"):
        EngineIndex("http://127.0.0.1:9", "shop", ("all",)).lexical(["kettle"], 5)


def test_several_fields_are_asked_as_a_search_asks_them(url):
    EngineIndex(url, "shop", ("name", "brand")).lexical(["kettle"], 5)
    ((_, (_, asked)),) = Scripted.seen
    assert asked["query"] == lexical_query("kettle", ["name", "brand"])


def test_many_lists_that_are_all_empty_are_said_once(url):
    said = []
    index = EngineIndex(url, "shop", ("name",), say=said.append)
    index.lexical(["nothing 1"], 5)
    assert said == []
    index.lexical(["nothing 1"] * (MANY - 1), 5)
    index.lexical(["nothing 2"] * MANY, 5)
    (line,) = said
    assert f"BM25 over name finds nothing for any of {MANY} queries, such as 'nothing 1'" in line


def test_one_hit_is_enough_to_say_nothing(url):
    said = []
    index = EngineIndex(url, "shop", ("name",), say=said.append)
    index.lexical(["kettle"], 5)
    index.lexical(["nothing 1"] * MANY, 5)
    assert said == []


def opened(url, index="shop", data=None, text_field="", **engine):
    settings = parse({"engine": {"url": url, **engine}})
    return open_index(settings, data, "", index, "", text_field, "vec", "", "none", "cpu", lambda text: None)


def test_the_service_account_follows_no_redirect(url):
    with pytest.raises(EngineRefused, match=r"302.*redirects to http://localhost.*not followed"):
        opened(url, "moved", service_auth="basic:elastic:secret")
    assert Scripted.known == []


@pytest.mark.parametrize(
    ("service_auth", "account"), [("", "elastic:hunter@2"), ("basic:other:secret", "elastic:hunter@2")]
)
def test_an_account_in_the_address_is_used_and_never_said(url, service_auth, account):
    secret = url.replace("//", "//elastic:hunter%402@")
    found = opened(secret, service_auth=service_auth)
    assert Scripted.known[0][1] == "Basic " + base64.b64encode(account.encode()).decode()
    assert found.engine.url == url
    with pytest.raises(EngineRefused) as refused:
        opened(secret, "gone")
    assert "hunter" not in str(refused.value)


@pytest.mark.parametrize("address", ["elastic:hunter2@engine:9200", "127.0.0.1:9200", "http://e:hunter2@engine:port"])
def test_what_is_no_address_is_refused_and_not_repeated(address):
    with pytest.raises(ConfigError, match="is no address, such as") as refused:
        opened(address)
    assert "hunter2" not in str(refused.value)


def test_documents_of_a_folder_need_no_fields_of_the_index(url, tmp_path):
    found = opened(url, "inner", tmp_path, "doc.title")
    assert found.told == {"fields": "", "text_field": "doc.title", "embedder": "none"}
    with pytest.raises(ConfigError, match="name the fields of its documents"):
        opened(url, "inner", None, "doc.title")


@pytest.fixture
def secured(tmp_path):
    """An engine behind TLS and a password; its certificate is `ca.pem` in `tmp_path`."""
    named = ("-subj", "/CN=engine", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "ca.key", "-out", "ca.pem")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    subprocess.run(["openssl", "req", "-x509", *curve, *named], cwd=tmp_path, check=True, capture_output=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    server.kind = "locked"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "ca.pem", tmp_path / "ca.key")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_secured_engine_is_read_as_the_settings_say(secured, tmp_path):
    ca = str(tmp_path / "ca.pem")
    found = opened(secured, ca=ca, service_auth="basic:elastic:secret")
    assert found.fields == ("name", "brand")
    assert open_documents(None, found, lambda text: None).documents["a"]["title"] == "kettle"
    assert len(found.engine.lexical(["kettle"], 5)) == 1
    assert EngineIndex.vectors(found.engine, ["a"]) == {"a": [1.0, 0.0]}
    with pytest.raises(EngineRefused, match=r"401.*engine\.service_auth"):
        opened(secured, ca=ca)
    with pytest.raises(EngineUnreachable, match=r"CERTIFICATE.*engine\.ca"):
        opened(secured)
