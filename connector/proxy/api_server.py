"""The rerank API on a port of its own, with the addresses that text-embeddings-inference has beside it."""

from importlib.metadata import version

import orjson

from connector.errors import BadRequest, BodyTooLarge, Overloaded, SecondpassError, TooSlow, UnknownAddress
from connector.proxy.app import read_call
from connector.proxy.bodies import BODY_BYTES, GET_BYTES, Bodies
from connector.proxy.errors import render
from connector.proxy.http import Request
from connector.proxy.routes import API
from connector.proxy.status import Endpoint, answer, health, metrics
from connector.proxy.wire import Malformed
from connector.rerank_api.asked import MOST_PAIRS
from connector.rerank_api.service import refuse
from connector.settings import Settings
from connector.types import Answer, Call


class ApiApp:
    """Called for each request; nothing goes to the engine from here."""

    def __init__(self, api: Endpoint, settings: Settings) -> None:
        self._settings = settings
        self._bodies = Bodies()
        self._endpoints = {("POST", path): api for path in API} | {
            ("GET", b"/health"): health,
            ("GET", b"/metrics"): metrics,
            ("GET", b"/info"): self._info,
        }

    async def __call__(self, request: Request) -> None:
        path = request.target.partition(b"?")[0]
        try:
            endpoint = self._endpoints.get(("GET" if request.method == "HEAD" else request.method, path))
            if endpoint is None:
                raise UnknownAddress(f"there is no {request.method} {path.decode('ascii', 'replace')} here")
            limit = BODY_BYTES if request.method == "POST" else GET_BYTES
            raw = await self._bodies.read(request, limit)
            self._send(request, await endpoint(read_call(request, raw, self._bodies, limit)))
        except (BadRequest, BodyTooLarge, Overloaded, TooSlow) as error:
            self._refuse(request, error, refuse(path, error))
        except Malformed as error:
            self._refuse(request, error, refuse(path, BadRequest(str(error))))
        except SecondpassError as error:
            self._refuse(request, error)
        finally:
            self._bodies.let_go(request)

    def _send(self, request: Request, answer: Answer) -> None:
        reply = answer.reply
        request.response.send(reply.status, reply.reason, reply.headers, reply.body)

    def _refuse(self, request: Request, error: Exception, shaped: Answer | None = None) -> None:
        """In the shape of the API that was called, else in the engine's."""
        if shaped:
            self._send(request, shaped)
            return
        status, reason, fields, body = render(error, "opensearch", request.fields)
        request.response.send(status, reason, fields, body)

    async def _info(self, call: Call) -> Answer:
        model = self._settings.model[0]
        label = model.label or "LABEL_0"
        said = {
            "model_id": model.name,
            "model_sha": model.revision or None,
            "model_dtype": model.precision,
            "model_type": {"reranker": {"id2label": {"0": label}, "label2id": {label: 0}}},
            "max_concurrent_requests": self._settings.proxy.max_concurrent,
            "max_input_length": model.max_tokens,
            "max_client_batch_size": MOST_PAIRS,
            "auto_truncate": True,
            "version": version("secondpass"),
        }
        return answer(200, b"OK", orjson.dumps(said))
