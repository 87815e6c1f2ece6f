"""A private authority, and an engine that asks for a certificate: for detection and for both clients."""

import ssl
import subprocess
from pathlib import Path

import pytest

from connector.engines.detect import detect
from connector.engines.open import engine_of, open_engine
from connector.errors import EngineUnreachable
from connector.settings import Engine as EngineSettings
from connector.types import EngineInfo
from tests.connector.engines.stub import Answers, serving

HEADERS = {
    "opensearch": "X-OpenSearch-Version: OpenSearch/3.6.0 (opensearch)",
    "elasticsearch": "X-elastic-product: Elasticsearch",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem, and server and client certificates signed by it."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    usage = ("-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-x509", *curve, "-subj", "/CN=test authority", *usage, "-keyout", "ca.key", "-out", "ca.pem")
    for name in ("server", "client"):
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=IP:127.0.0.1")
        out = ("-keyout", f"{name}.key", "-out", f"{name}.pem")
        openssl("req", "-x509", *curve, "-subj", f"/CN={name}", *signed, "-addext", "basicConstraints=CA:FALSE", *out)
    return folder


def answers(dialect: str) -> Answers:
    header = f"{HEADERS[dialect]}\r\nContent-Type: application/json"
    return {
        "/_nodes/_local": (200, header, b'{"nodes":{"a":{"version":"9.5.3"}}}'),
        "/products/_count": (200, header, b'{"count":7}'),
    }


@pytest.mark.parametrize("dialect", HEADERS)
async def test_a_private_authority_and_a_certificate_of_ours(dialect: str, folder: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
    tls.load_cert_chain(folder / "server.pem", folder / "server.key")
    tls.verify_mode = ssl.CERT_REQUIRED
    ours = {name: str(folder / file) for name, file in (("client_cert", "client.pem"), ("client_key", "client.key"))}
    async with serving(answers(dialect), tls=tls) as url:
        engine = await open_engine(EngineSettings(url=[url], ca=str(folder / "ca.pem"), **ours))
        assert engine.info.dialect == dialect
        assert await engine.count("products") == 7
        await engine.close()


@pytest.mark.parametrize("dialect", HEADERS)
async def test_an_unknown_authority_names_the_setting(dialect: str, folder: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "server.pem", folder / "server.key")
    async with serving(answers(dialect), tls=tls) as url:
        with pytest.raises(EngineUnreachable, match=r"engine\.ca"):
            await detect(EngineSettings(url=[url]))
        engine = engine_of(EngineSettings(url=[url]), EngineInfo(dialect, "3.6.0"))
        with pytest.raises(EngineUnreachable, match=r"not trusted.*set engine\.ca"):
            await engine.count("products")
        await engine.close()
