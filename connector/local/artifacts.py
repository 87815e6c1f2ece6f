"""The files of the engines: Maven artifacts, each pinned by the SHA-256 it must have whichever way it came.

They come from the local Maven repository (~/.m2) where they are there, else through the PyPI package `maven-artifact`,
which knows the registry. $SECONDPASS_MAVEN names a mirror.
"""

import hashlib
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from connector.errors import PartFailed
from connector.extras import adds
from connector.local.folders import cache_folder, put_in_place

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a Maven repository. `size` in bytes, for the progress bar."""

    group: str
    name: str
    version: str
    extension: str
    size: int
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}.{self.extension}"

    @property
    def local(self) -> Path:
        """Where `mvn` keeps it."""
        repository = Path.home() / ".m2" / "repository"
        return repository / self.group.replace(".", "/") / self.name / self.version / self.file


def fetch(artifacts: Iterable[Artifact], console: Console | None = None) -> dict[Artifact, Path]:
    """A checked local copy of each. Raises PartFailed where one cannot be had or is not what was pinned."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console or Console(stderr=True),
    )
    with bar:
        return {artifact: _fetch(artifact, bar) for artifact in artifacts}


def _fetch(artifact: Artifact, bar: Progress) -> Path:
    kept = cache_folder() / "downloads" / artifact.file
    for path in (artifact.local, kept):
        if path.exists() and sha256(path) == artifact.sha256:
            return path
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_name(f"{kept.name}.{os.getpid()}.part")
    try:
        _download(artifact, part, bar)
        found = sha256(part)
        if found != artifact.sha256:
            raise PartFailed(
                f"{artifact.file}: SHA-256 is {found}, must be {artifact.sha256}. The download was changed or cut on "
                "its way; try again, and distrust a mirror that keeps sending this."
            )
        part.replace(kept)
    finally:
        part.unlink(missing_ok=True)
    return kept


def _download(artifact: Artifact, part: Path, bar: Progress) -> None:
    try:
        from maven_artifact import Artifact as Coordinates
        from maven_artifact import Downloader
        from maven_artifact.requestor import RequestException
        from requests import RequestException as TransferFailed
    except ImportError as error:
        raise PartFailed(f"{artifact.file} must be downloaded: {adds('local')}") from error

    mirror = os.environ.get("SECONDPASS_MAVEN")
    downloader = Downloader(base=mirror) if mirror else Downloader()
    where = Coordinates(artifact.group, artifact.name, artifact.version, extension=artifact.extension)
    task = bar.add_task(artifact.file, total=artifact.size)
    try:
        url = downloader.resolver.uri_for_artifact(where)
        with downloader.requestor.request(url, None, stream=True, timeout=60) as reply, part.open("wb") as stream:
            for block in reply.iter_content(chunk_size=_BLOCK):
                stream.write(block)
                bar.advance(task, len(block))
    except (RequestException, TransferFailed, OSError) as error:
        raise PartFailed(f"{artifact.file}: no download: {error}. Is the network up, a proxy needed?") from error


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unpack(archive: Path, target: Path, inside: str = "") -> Path:
    """Unzip `archive` once; `inside` is the folder of the archive that becomes `target`."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(part)
    put_in_place(part / inside, target)
    if inside:
        part.rmdir()
    return target
