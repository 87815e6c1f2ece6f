import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from connector.errors import EngineRefused, EngineUnreachable
from workers.training.engine import BATCH, EngineIndex, Hit


class Scripted(BaseHTTPRequestHandler):
    """Answers `_msearch` with one hit a search, named after what was asked, and `_mget` with a vector."""

    seen: ClassVar[list[tuple[str, list[dict]]]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        lines = [json.loads(line) for line in body.splitlines()]
        self.seen.append((self.path, lines))
        if "_mget" in self.path:
            answer = {
                "docs": [{"_id": key, "_source": {"vec": [1.0, 0.0]}} for key in lines[0]["ids"] if key != "bare"]
            }
        else:
            asked = [json.dumps(line["query"]) for line in lines[1::2]]
            answer = {"responses": [self.response(query) for query in asked]}
        payload = json.dumps(answer).encode()
        self.send_response(404 if "gone" in self.path else 200)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def response(self, query):
        if "broken" in query:
            return {"error": {"type": "parsing_exception"}}
        return {"hits": {"hits": [{"_id": query, "_score": 2.5}]}}

    def log_message(self, *_):
        pass


@pytest.fixture
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Scripted.seen.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_lists_come_back_in_the_order_of_the_queries_over_several_batches(url):
    texts = [f"query {number}" for number in range(BATCH + 3)]
    lists = EngineIndex(url, "shop", "all").lexical(texts, 7)
    assert [hits[0] for hits in lists] == [Hit(json.dumps({"match": {"all": text}}), 2.5) for text in texts]
    assert [len(lines) for _, lines in Scripted.seen] == [2 * BATCH, 6]
    assert Scripted.seen[0][0] == "/shop/_msearch"
    assert Scripted.seen[0][1][1] == {"size": 7, "_source": False, "query": {"match": {"all": "query 0"}}}


def test_each_engine_is_asked_for_neighbours_in_its_own_words(url):
    EngineIndex(url, "shop", vector_field="vec").nearest([[0.5, 1.0]], 9)
    EngineIndex(url, "shop", vector_field="vec", dialect="elasticsearch").nearest([[0.5, 1.0]], 9)
    first, second = (lines[1]["query"] for _, lines in Scripted.seen)
    assert first == {"knn": {"vec": {"vector": [0.5, 1.0], "k": 9}}}
    assert second == {"knn": {"field": "vec", "query_vector": [0.5, 1.0], "k": 9, "num_candidates": 18}}


def test_vectors_that_are_not_stored_are_left_out(url):
    assert EngineIndex(url, "shop", vector_field="vec").vectors(["a", "bare"]) == {"a": [1.0, 0.0]}


def test_a_refused_search_and_a_dead_engine_are_named(url):
    with pytest.raises(EngineRefused, match="parsing_exception"):
        EngineIndex(url, "shop").lexical(["broken"], 5)
    with pytest.raises(EngineRefused, match="404") as refused:
        EngineIndex(url, "gone").lexical(["kettle"], 5)
    assert refused.value.engine_status == 404
    with pytest.raises(EngineUnreachable, match=r"127\.0\.0\.1:9/shop"):
        EngineIndex("http://127.0.0.1:9", "shop").lexical(["kettle"], 5)
