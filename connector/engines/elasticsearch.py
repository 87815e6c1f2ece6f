"""Elasticsearch through its official async client; the client's exceptions end here."""

import warnings
from typing import Any

from elastic_transport import ConnectionError as NoConnection
from elastic_transport import ConnectionTimeout, TlsError, TransportError
from elasticsearch import ApiError, AsyncElasticsearch, ElasticsearchWarning
from elasticsearch.serializer import OrjsonSerializer

from connector.engines.bodies import ElasticsearchDialect
from connector.engines.http import HttpEngine, refusal
from connector.errors import EngineError, EngineTimeout, EngineUnreachable
from connector.settings import Engine as EngineSettings
from connector.types import EngineInfo

TYPE = "application/vnd.elasticsearch+{}; compatible-with=8"
"""Servers 8 and 9 both take it; a 9.x client's own default is refused by 8.19."""


class ElasticsearchEngine(HttpEngine):
    """An `Engine` on an Elasticsearch cluster."""

    def __init__(self, settings: EngineSettings, info: EngineInfo, authorization: str = "") -> None:
        super().__init__(info, ElasticsearchDialect())
        tls = {"ca_certs": settings.ca, "client_cert": settings.client_cert, "client_key": settings.client_key}
        self._client = AsyncElasticsearch(
            hosts=settings.url,
            headers={"authorization": authorization} if authorization else {},
            request_timeout=settings.engine_timeout_ms / 1000,
            serializer=OrjsonSerializer(),
            retry_on_status=(),
            **{key: value for key, value in tls.items() if value},  # type: ignore[arg-type]
        )

    async def request(self, method: str, target: str, body: bytes | None = None, *, lines: bool = False) -> Any:
        headers = {"accept": TYPE.format("json")}
        if body is not None:
            headers["content-type"] = TYPE.format("x-ndjson" if lines else "json")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ElasticsearchWarning)
                answer = await self._client.perform_request(method, target, headers=headers, body=body)
        except ConnectionTimeout as error:
            raise EngineTimeout(f"{method} {target}: no answer in time; raise engine.engine_timeout_ms") from error
        except TlsError as error:
            raise EngineUnreachable(f"the engine's certificate is not trusted ({error}); set engine.ca") from error
        except NoConnection as error:
            raise EngineUnreachable(f"no engine node can be reached ({error}); check engine.url") from error
        except ApiError as error:
            raise refusal(error.meta.status, error.body) from error
        except TransportError as error:
            raise EngineError(f"{method} {target}: the answer cannot be read: {error}") from error
        return answer.body

    async def close(self) -> None:
        await self._client.close()
