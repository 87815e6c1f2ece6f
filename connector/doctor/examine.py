"""All checks in the order in which one depends on another."""

from connector.doctor import clock, engine, indices, models, proxy, servers, vectors, workers
from connector.doctor.finding import Finding, Level, warning
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
            said = await indices.check(opened, settings.policy, dims)
            bad = {one.about for one in said if one.level is Level.ERROR}
            well = [policy for policy in settings.policy if f"policy {policy.name}" not in bad]
            found += said + (await vectors.check(opened, settings, well) if dims else [])
        finally:
            await opened.close()
        found += await clock.check(settings.engine)
    return found + await proxy.check(proxy_url)
