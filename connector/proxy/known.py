"""What is known of the engine behind: asked when somebody wants to know, remembered for the shape of errors."""

import asyncio
import logging

from connector.engines.detect import detect
from connector.errors import EngineError
from connector.settings import Engine as EngineSettings
from connector.types import EngineInfo

PROBE_S = 5.0  # a readiness probe waits for no longer
AGAIN_S = 2.0  # between questions to an engine that has not answered yet
FRESH_S = 1.0  # probes within it share an answer, so that many cost the engine and us no more than one

log = logging.getLogger("secondpass.proxy")


class KnownEngine:
    """The proxy starts before its engine answers, and goes on when it goes away."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self.info: EngineInfo | None = None
        self._asking: asyncio.Task[EngineInfo | None] | None = None
        self._until = 0.0  # loop time from which on the last answer is old

    async def find(self) -> EngineInfo | None:
        """The engine as it answers now, or did within `FRESH_S`; None where it does not."""
        if self._asking is None or (self._asking.done() and asyncio.get_running_loop().time() >= self._until):
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> EngineInfo | None:
        try:
            async with asyncio.timeout(PROBE_S):
                self.info = await detect(self._settings)
        except (EngineError, TimeoutError) as exc:
            log.warning("engine does not answer", extra={"error": str(exc)})
            return None
        finally:
            self._until = asyncio.get_running_loop().time() + FRESH_S
        return self.info

    async def learn(self) -> None:
        """Ask until the engine has answered once: its dialect shapes errors and the vector leg."""
        while self.info is None and await self.find() is None:  # noqa: ASYNC110 (nobody tells us, we ask)
            await asyncio.sleep(AGAIN_S)

    def dialect(self) -> str:
        if self.info is not None:
            return self.info.dialect
        return "elasticsearch" if self._settings.dialect == "elasticsearch" else "opensearch"
