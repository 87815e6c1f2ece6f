"""Ending background tasks for certain."""

import asyncio
from typing import Any


async def end(task: "asyncio.Task[Any] | None") -> None:
    """Cancel `task` until it has ended: on Python 3.11 `asyncio.wait_for`, which redis-py sends with, loses a
    cancellation that comes as its own wait ends (python/cpython#86296).
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)
