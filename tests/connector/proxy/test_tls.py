"""An engine behind https that asks for a client certificate."""

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from connector.errors import ConfigError, EngineUnreachable
from connector.proxy.upstream import Upstream
from connector.types import Call
from tests.connector.proxy.scripted import Engine, answering, listening


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem; server.pem for localhost and client.pem, signed by it, with their keys; other.pem of nobody."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    for name in ("ca", "other"):
        openssl(*new, "-x509", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    (folder / "san").write_text("subjectAltName=DNS:localhost")
    for name in ("server", "client"):
        openssl(*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "san", "-days", "2")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing)
    return folder


async def test_https_with_a_client_certificate_and_the_nodes_own_host(
    certificates: Path, caplog: pytest.LogCaptureFixture
):
    seen: list[bytes] = []
    engine = Engine(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", seen))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    server = await asyncio.start_server(engine, "localhost", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    paths = {name: str(certificates / f"{name}.pem") for name in ("ca", "client", "other")}
    key = str(certificates / "client.key")
    upstream = Upstream([f"https://localhost:{port}"], ca=paths["ca"], client_cert=paths["client"], client_key=key)
    call = Call("GET", b"/a", [(b"Host", b"proxy:9280"), (b"X", b"1")])
    assert (await upstream.fetch(call, 5)).body == b"ok"
    assert seen == [b"GET /a HTTP/1.1\r\nHost: localhost:%d\r\nX: 1\r\n\r\n" % port]
    upstream.close()
    strangers = Upstream([f"https://localhost:{port}"], ca=paths["other"], client_cert=paths["client"], client_key=key)
    for _ in range(2):
        with pytest.raises(EngineUnreachable, match=r"^no engine node accepts a connection$"):
            await strangers.fetch(call, 5)
    assert caplog.text.count(f"localhost:{port}: ") == 1
    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
    server.close()


async def test_a_path_in_the_engines_address_stands_before_every_target():
    seen: list[bytes] = []
    async with listening(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", seen)) as (_, url):
        upstream = Upstream([f"{url}/search/"])
        await upstream.fetch(Call("GET", b"/a?b", []), 5)
        upstream.close()
    assert seen[0].startswith(b"GET /search/a?b HTTP/1.1\r\nHost: 127.0.0.1:")


@pytest.mark.parametrize("url", ["ftp://a", "http://", "a:9200", "http://user:secret@a:9200"])
def test_addresses_that_cannot_be(url: str):
    with pytest.raises(ConfigError):
        Upstream([url])


def test_a_missing_certificate_names_its_setting():
    with pytest.raises(ConfigError, match=r"engine\.ca"):
        Upstream(["https://a"], ca="/nowhere.pem")
