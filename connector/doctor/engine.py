"""The engine: does it answer, which version is it, and can the service account read what the checks need."""

from collections.abc import Iterator

import httpx

from connector.credentials import without_passwords
from connector.doctor.finding import Finding, error, ok, warning
from connector.engines.base import Engine
from connector.engines.detect import TESTED
from connector.engines.open import open_engine
from connector.errors import ConfigError, EngineError
from connector.settings import Engine as EngineSettings

ABOUT = "engine"


async def check(settings: EngineSettings) -> tuple[Engine | None, list[Finding]]:
    """The opened engine (close it when done), None where it cannot be used."""
    urls = ", ".join(map(without_passwords, settings.url))
    try:
        engine = await open_engine(settings)
    except ConfigError as refused:
        return None, [error(ABOUT, str(refused), "correct the [engine] section, or install the client it names")]
    except (EngineError, httpx.InvalidURL) as failed:
        return None, [error(ABOUT, str(failed), f"start the engine at {urls}, or correct engine.url and engine.ca")]
    return engine, list(_version(engine))


def _version(engine: Engine) -> Iterator[Finding]:
    info = engine.info
    name = f"{info.dialect} {info.version}"
    if info.tested:
        yield ok(ABOUT, f"{name}, a version that our tests run on")
        return
    tested = " and ".join(TESTED[info.dialect])
    yield warning(
        ABOUT,
        f"{name}, which our tests do not run on (they do on {tested})",
        "compare a few searches with `Secondpass: off` and without, or use a tested version",
    )
