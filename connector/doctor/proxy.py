"""The proxy: does one answer at the address in the settings, and what does it miss."""

import httpx

from connector.doctor.finding import Finding, ok, warning

WAIT_S = 10.0


async def check(url: str) -> list[Finding]:
    try:
        async with httpx.AsyncClient(timeout=WAIT_S, trust_env=False) as client:
            found = (await client.get(f"{url}/_secondpass/ready")).json()
        missing = list(found["missing"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as failed:
        fix = "start it with `secondpass proxy`, or say where it is with --url"
        return [warning("proxy", f"no proxy answers at {url} ({type(failed).__name__})", fix)]
    if missing:
        return [warning("proxy", f"it lacks {', '.join(missing)}", "see the findings on these parts")]
    return [ok("proxy", f"{url} serves and reranks")]
