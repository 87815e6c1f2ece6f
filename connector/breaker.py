"""A breaker: after three failures in a row nothing more is tried until a probe in the background succeeds.

No caller's request is ever the probe, so an outage costs callers nothing once it is known.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable

from connector import metrics
from connector.background import end

log = logging.getLogger(__name__)

FAILURES = 3
PROBE_S = 1.0  # between two probes; recovery is seen this late at most


class Breaker:
    """Counts consecutive failures of one thing. `probe` returns whether the thing works again, None where there is no
    such thing any more; it may raise.
    """

    def __init__(self, name: str, probe: Callable[[], Awaitable[bool | None]]) -> None:
        self.name = name
        self.probe = probe
        self.open = False
        self.failures = 0
        self._probing: asyncio.Task[None] | None = None

    def failed(self) -> None:
        self.failures += 1
        if self.failures >= FAILURES and not self.open:
            self.open = True
            metrics.BREAKER.labels(self.name).set(1)
            log.warning("breaker opened", extra={"breaker": self.name})
            self._probing = asyncio.create_task(self._probe_until_it_works())

    def succeeded(self) -> None:
        self.failures = 0

    async def close(self) -> None:
        """End the probing; for the end of the process."""
        await end(self._probing)

    async def _probe_until_it_works(self) -> None:
        while True:
            await asyncio.sleep(PROBE_S)
            try:
                works = await self.probe()
            except Exception as error:
                log.debug("probe failed", extra={"breaker": self.name, "error": str(error)})
                continue
            if works is not False:
                self.open, self.failures = False, 0
                metrics.BREAKER.labels(self.name).set(0)
                if works is None and "PROMETHEUS_MULTIPROC_DIR" not in os.environ:  # a file of samples forgets no label
                    metrics.BREAKER.remove(self.name)
                log.warning("breaker closed", extra={"breaker": self.name})
                return
