"""All checks in the order in which one depends on another."""

from connector.doctor import clock, engine, indices, models, proxy, servers, workers
from connector.doctor.finding import Finding, warning
from connector.settings import Settings


async def examine(settings: Settings, proxy_url: str) -> list[Finding]:
    """Every finding. Raises nothing that a part which is down could cause."""
    found = [
        warning("settings", f"{key} is set, but has no effect in this version", "remove the key")
        for key in settings.without_effect()
    ]
    opened, said = await engine.check(settings.engine)
    found += said
    found += await servers.check(settings)
    alive, said = await workers.check(settings)
    found += said
    found += models.check(settings)
    if opened is not None:
        try:
            dims = next((worker.dims for worker in alive if worker.role == "embed"), None)
            found += await indices.check(opened, settings.policy, dims)
        finally:
            await opened.close()
        found += await clock.check(settings.engine)
    return found + await proxy.check(proxy_url)
