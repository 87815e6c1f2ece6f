"""Which engine is this: asked of the cluster, and never of `GET /` alone, which some refuse with 405.

Response headers decide (`X-OpenSearch-Version`, `X-elastic-product`); they are there on a 401 too. The version comes
from the header or from `/_nodes/_local`, which a service account may not be allowed to read: then it is "unknown".
"""

import asyncio
import logging

import httpx
import orjson

from connector.credentials import authorization, tls_context, without_passwords
from connector.errors import EngineError, EngineTimeout, EngineUnreachable
from connector.settings import Engine as EngineSettings
from connector.types import EngineInfo

log = logging.getLogger(__name__)

TESTED = {"opensearch": ("3.6.0",), "elasticsearch": ("9.5.3", "8.19.21")}
"""Versions that ran in our own tests."""

QUESTIONS = ("/_nodes/_local?filter_path=nodes.*.version", "/_cluster/health", "/")
"""Asked in this order until dialect and version are known."""


async def detect(settings: EngineSettings) -> EngineInfo:
    """Ask all nodes of the cluster at once what it is; the first that answers speaks for all.

    `settings.dialect` other than "auto" is believed, and only the version is asked. Raises EngineUnreachable,
    EngineTimeout, and EngineError where the cluster does not say what it is.
    """
    asking = [asyncio.create_task(_answer(settings, url)) for url in settings.url]
    problems: list[EngineError] = []
    try:
        for answer in asyncio.as_completed(asking):
            try:
                info = await answer
            except EngineError as error:
                problems.append(error)
            else:
                _tell(info)
                return info
    finally:
        for one in asking:
            one.cancel()
    if len(problems) == 1 and not isinstance(problems[0], EngineUnreachable):
        raise problems[0]
    told = "; ".join(map(str, problems))
    raise EngineUnreachable(f"no engine node can be reached ({told}); check engine.url and engine.ca")


async def _answer(settings: EngineSettings, url: str) -> EngineInfo:
    """What one node says. Raises EngineUnreachable, EngineTimeout, EngineError."""
    try:
        return await _ask(settings, url)
    except httpx.TimeoutException as error:
        raise EngineTimeout(f"{without_passwords(url)}: no answer within {settings.engine_timeout_ms} ms") from error
    except httpx.HTTPError as error:
        raise EngineUnreachable(f"{without_passwords(url)}: {error}") from error


async def _ask(settings: EngineSettings, url: str) -> EngineInfo:
    dialect: str = "" if settings.dialect == "auto" else settings.dialect
    version = ""
    auth = authorization(settings.service_auth)
    async with httpx.AsyncClient(
        base_url=url.rstrip("/"),
        headers={"authorization": auth} if auth else {},
        timeout=settings.engine_timeout_ms / 1000,
        verify=tls_context(settings) if url.startswith("https:") else False,  # 25 ms to read all authorities
    ) as client:
        for question in QUESTIONS:
            reply = await client.get(question)
            dialect = dialect or _dialect_of(reply)
            version = version or _version_of(reply)
            if dialect and version:
                break
    if not dialect:
        raise EngineError(
            f"{without_passwords(url)} does not say whether it is OpenSearch or Elasticsearch; set engine.dialect"
        )
    return EngineInfo(dialect, version or "unknown", version in TESTED[dialect])


def _dialect_of(reply: httpx.Response) -> str:
    if "x-opensearch-version" in reply.headers:
        return "opensearch"
    if "x-elastic-product" in reply.headers:
        return "elasticsearch"
    answer = _json(reply)
    version = answer.get("version")
    if isinstance(version, dict):
        return "opensearch" if version.get("distribution") == "opensearch" else "elasticsearch"
    return ""


def _version_of(reply: httpx.Response) -> str:
    header = reply.headers.get("x-opensearch-version", "")  # "OpenSearch/3.6.0 (opensearch)"
    if "/" in header:
        return str(header.split("/", 1)[1].split(" ", 1)[0])
    answer = _json(reply)
    version, nodes = answer.get("version"), answer.get("nodes")
    if isinstance(version, dict):
        return str(version.get("number", ""))
    if isinstance(nodes, dict):
        return str(next((node["version"] for node in nodes.values() if "version" in node), ""))
    return ""


def _json(reply: httpx.Response) -> dict[str, object]:
    """The answer where it is a JSON object; a front's HTML page says nothing."""
    try:
        found = orjson.loads(reply.content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) and reply.is_success else {}


def _tell(info: EngineInfo) -> None:
    if info.tested:
        log.info("engine is a tested version", extra={"dialect": info.dialect, "version": info.version})
    else:
        log.warning(
            "engine is an untested version: %s %s (tested: %s)",
            info.dialect,
            info.version,
            ", ".join(TESTED[info.dialect]),
        )
