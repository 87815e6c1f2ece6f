"""What an engine is, learnt from every kind of answer that engines and what stands before them give."""

import asyncio

import pytest

from connector.credentials import authorization
from connector.engines.detect import detect
from connector.engines.open import engine_of, open_engine
from connector.errors import ConfigError, EngineError, EngineTimeout, EngineUnreachable
from connector.settings import Engine as EngineSettings
from connector.types import EngineInfo
from tests.connector.engines.stub import Answers, serving

NODES = b'{"nodes":{"abc":{"version":"%s"}}}'
ES = "X-elastic-product: Elasticsearch"
ROOT = b'{"version":{"number":"%s"%s}}'
CASES: dict[str, tuple[Answers, EngineInfo]] = {
    "OpenSearch says it in every header, also in a refusal": (
        {"/_nodes/_local": (401, "X-OpenSearch-Version: OpenSearch/3.6.0 (opensearch)", b"Unauthorized")},
        EngineInfo("opensearch", "3.6.0", tested=True),
    ),
    "Elasticsearch whose GET / is 405": (
        {"/_nodes/_local": (200, ES, NODES % b"9.5.3"), "/": (405, ES, b"{}")},
        EngineInfo("elasticsearch", "9.5.3", tested=True),
    ),
    "an account without rights on nodes": (
        {
            "/_nodes/_local": (403, ES, b"{}"),
            "/_cluster/health": (403, ES, b"{}"),
            "/": (200, ES, ROOT % (b"8.19.21", b"")),
        },
        EngineInfo("elasticsearch", "8.19.21", tested=True),
    ),
    "an account without any rights": (
        {"/_nodes/_local": (403, ES, b"{}"), "/_cluster/health": (403, ES, b"{}"), "/": (403, ES, b"{}")},
        EngineInfo("elasticsearch", "unknown"),
    ),
    "an older OpenSearch without the header": (
        {
            "/_nodes/_local": (200, "X-A: b", NODES % b"2.11.0"),
            "/": (200, "X-A: b", ROOT % (b"2.11.0", b',"distribution":"opensearch"')),
        },
        EngineInfo("opensearch", "2.11.0"),
    ),
    "a version we did not run": (
        {"/_nodes/_local": (200, ES, NODES % b"9.6.0")},
        EngineInfo("elasticsearch", "9.6.0"),
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_every_way_to_say_it(case: str, caplog: pytest.LogCaptureFixture) -> None:
    answers, expected = CASES[case]
    async with serving(answers) as url:
        assert await detect(EngineSettings(url=[url])) == expected
    assert ("untested" in caplog.text) == (not expected.tested)


async def test_a_node_that_hangs_keeps_nobody_waiting() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    hung = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    answers, expected = CASES["a version we did not run"]
    async with serving(answers) as url, asyncio.timeout(10):
        assert await detect(EngineSettings(url=[hung, url])) == expected
    with pytest.raises(EngineUnreachable, match="no answer within 50 ms"):
        await detect(EngineSettings(url=[hung, "http://127.0.0.1:9"], engine_timeout_ms=50))
    silent.close()


async def test_a_front_that_says_nothing() -> None:
    async with serving({"/": (200, "X-A: b", b"<html>")}) as url:
        with pytest.raises(EngineError, match=r"set engine\.dialect"):
            await detect(EngineSettings(url=[url]))
        assert await detect(EngineSettings(url=[url], dialect="elasticsearch")) == EngineInfo(
            "elasticsearch", "unknown"
        )


async def test_the_service_account_asks_and_the_first_node_that_answers_speaks() -> None:
    seen: list[str] = []
    async with serving({"/_nodes/_local": (200, ES, NODES % b"9.5.3")}, seen) as url:
        settings = EngineSettings(url=["http://127.0.0.1:9", url], service_auth="basic:me:se:cret")
        assert (await detect(settings)).version == "9.5.3"
    assert "authorization: Basic bWU6c2U6Y3JldA==" in seen[0]


async def test_nobody_there() -> None:
    with pytest.raises(EngineUnreachable, match=r"check engine\.url") as found:
        await detect(EngineSettings(url=["http://me:secret@127.0.0.1:9"]))
    assert "secret" not in str(found.value)
    async with serving({}, delay_s=5) as url:
        with pytest.raises(EngineTimeout, match="within 200 ms"):
            await detect(EngineSettings(url=[url], engine_timeout_ms=200))


@pytest.mark.parametrize("wrong", ["basic:hidden", "token:hidden", "hidden"])
def test_a_wrong_account_is_not_shown(wrong: str) -> None:
    with pytest.raises(ConfigError, match="must read") as found:
        authorization(wrong)
    assert "hidden" not in str(found.value)


def test_accounts() -> None:
    assert authorization("") == ""
    assert authorization("apikey:VnVhQ2Z==") == "ApiKey VnVhQ2Z=="


async def test_a_certificate_that_cannot_be_read_names_the_key() -> None:
    with pytest.raises(ConfigError, match=r"engine\.ca"):
        await detect(EngineSettings(url=["https://127.0.0.1:9"], ca="/nowhere.pem"))


@pytest.mark.parametrize("header", ["X-OpenSearch-Version: OpenSearch/3.6.0 (opensearch)", ES])
class TestTranslation:
    """Both clients' exceptions in our own terms, met on servers that misbehave."""

    async def test_html_and_auth(self, header: str) -> None:
        answers = {
            "/_nodes/_local": (200, header, NODES % b"9.5.3"),
            "/a/_count": (401, f"{header}\r\nContent-Type: text/html", b"<html>Unauthorized</html>"),
            "/b/_count": (200, f"{header}\r\nContent-Type: application/json", b"{broken"),
            "/c/_count": (429, f"{header}\r\nContent-Type: application/json", b'{"error":{"type":"t","reason":"r"}}'),
        }
        async with serving(answers) as url:
            engine = await open_engine(EngineSettings(url=[url]))
            with pytest.raises(EngineError, match=r"401.*Unauthorized.*service_auth"):
                await engine.count("a")
            with pytest.raises(EngineError, match="cannot be read"):
                await engine.count("b")
            with pytest.raises(EngineError, match="429: t: r; the engine is busy"):
                await engine.count("c")
        with pytest.raises(EngineUnreachable, match=r"check engine\.url") as found:
            await engine.count("a")
        assert found.value.__cause__ is not None
        await engine.close()

    async def test_no_answer(self, header: str) -> None:
        async with serving({"/_nodes/_local": (200, header, NODES % b"9.5.3")}) as url:
            info = await detect(EngineSettings(url=[url]))
        async with serving({}, delay_s=5) as slow:
            engine = engine_of(EngineSettings(url=[slow], engine_timeout_ms=200), info)
            with pytest.raises(EngineTimeout, match=r"raise engine\.engine_timeout_ms"):
                await engine.count("a")
            await engine.close()
