"""What is downloaded is what was pinned, whoever sent it."""

import functools
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from connector.errors import PartFailed
from connector.local.artifacts import Artifact, fetch, sha256, unpack

CONTENT = b"an engine" * 1000


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository over HTTP; the folder it serves."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("SECONDPASS_MAVEN", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("SECONDPASS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def artifact(mirror: Path, tmp_path: Path) -> Artifact:
    """Published on the mirror."""
    file = mirror / "org/example/engine/1.0/engine-1.0.zip"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    return Artifact("org.example", "engine", "1.0", "zip", len(CONTENT), sha256(file))


def test_a_download_is_kept_and_not_made_again(artifact: Artifact, mirror: Path) -> None:
    first = fetch([artifact])[artifact]
    assert first.read_bytes() == CONTENT
    (mirror / "org/example/engine/1.0/engine-1.0.zip").unlink()
    assert fetch([artifact])[artifact] == first


def test_changed_bytes_are_refused_and_not_kept(artifact: Artifact, mirror: Path, tmp_path: Path) -> None:
    (mirror / "org/example/engine/1.0/engine-1.0.zip").write_bytes(CONTENT[:-1] + b"X")
    with pytest.raises(PartFailed, match=f"engine-1.0.zip: SHA-256 is .*, must be {artifact.sha256}"):
        fetch([artifact])
    assert list((tmp_path / "cache/downloads").iterdir()) == []


def test_a_damaged_copy_is_fetched_again(artifact: Artifact) -> None:
    kept = fetch([artifact])[artifact]
    kept.write_bytes(CONTENT[:100])
    assert fetch([artifact])[artifact].read_bytes() == CONTENT


def test_the_local_maven_repository_is_used_first(artifact: Artifact, mirror: Path) -> None:
    artifact.local.parent.mkdir(parents=True)
    artifact.local.write_bytes(CONTENT)
    assert fetch([artifact])[artifact] == artifact.local


def test_a_file_that_is_nowhere_says_so(artifact: Artifact) -> None:
    missing = Artifact("org.example", "engine", "2.0", "zip", 1, "0" * 64)
    with pytest.raises(PartFailed, match=r"engine-2.0.zip: no download: .*404"):
        fetch([missing])


def test_unpacking_happens_once(tmp_path: Path) -> None:
    archive = tmp_path / "engine.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("engine-1.0/bin/run", "#!/bin/sh\n")
    home = unpack(archive, tmp_path / "home", inside="engine-1.0")
    (home / "mark").touch()
    assert unpack(archive, tmp_path / "home", inside="engine-1.0") == home
    assert sorted(path.name for path in home.iterdir()) == ["bin", "mark"]
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
