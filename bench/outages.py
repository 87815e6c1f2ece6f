"""How long searches take while a part is killed or frozen, under the load of eight clients.

    python -m bench.outages --engine-url http://127.0.0.1:9200      # an engine with the demo shop in `shop`

For each part and way: searches, the slowest, how much longer than `budget_ms` the rest took beyond the engine's own
time, and the p50 that was added after the first three of the outage.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import httpx
from rich.console import Console

from bench.record import record
from connector.local.stack import Stack, Wish, running

CLIENTS, SECONDS = 8, 15.0
BUDGET_MS = 300
RESULTS = Path(__file__).parent / "results"
NOUNS = ("jacket", "tent", "cable", "bottle", "shoes", "lamp", "charger", "machine", "drill", "mat", "bag", "stove")
SETTINGS = f"""
[[model]]
name = "products-en"
source = "bundled:products-en"
runtime = "openvino"

[[policy]]
name = "quick"
indices = ["shop*"]
fields = ["name"]
window = 50
budget_ms = {BUDGET_MS}
"""


class Seen(NamedTuple):
    began: float
    ours_ms: float
    engine_ms: float  # the same search straight, right after
    state: str
    status: int


async def load(stack: Stack, mark: str) -> list[Seen]:
    seen: list[Seen] = []
    until = time.monotonic() + SECONDS

    async def ask(number: int, client: httpx.AsyncClient) -> None:
        turn = 0
        while time.monotonic() < until:
            turn += 1
            body = {"query": {"match": {"name": f"{NOUNS[(number + turn) % len(NOUNS)]} {mark}{number}{turn}"}}}
            began = time.monotonic()
            answer = await client.post(stack.url + "/shop/_search", json=body)
            middle = time.monotonic()
            await client.post(stack.engine_url + "/shop/_search", json=body)
            end = time.monotonic()
            state = answer.headers["secondpass-rerank"].split(";")[0]
            seen.append(Seen(began, (middle - began) * 1000, (end - middle) * 1000, state, answer.status_code))

    async with httpx.AsyncClient(timeout=60) as client:
        await asyncio.gather(*(ask(number, client) for number in range(CLIENTS)))
    return sorted(seen)


def describe(seen: list[Seen]) -> dict[str, object]:
    """The figures of one outage; `over_ms` is what a search took beyond the engine's own time and the budget."""
    added = [one.ours_ms - one.engine_ms for one in seen]
    return {
        "searches": len(seen),
        "statuses": sorted({one.status for one in seen}),
        "states": {state: sum(one.state == state for one in seen) for state in sorted({one.state for one in seen})},
        "slowest_ms": round(max(one.ours_ms for one in seen), 1),
        "over_ms_max": round(max(added) - BUDGET_MS, 1),
        "added_p50_ms_after_three": round(statistics.median(added[3:]), 2),
    }


def main() -> None:
    """Measure six outages on one stack."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--engine-url", required=True)
    parser.add_argument("--port", type=int, default=29380)
    args = parser.parse_args()
    rows: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "secondpass.toml"
        config.write_text(SETTINGS)
        wish = Wish("bench", engine_url=args.engine_url, port=args.port, config=config)
        with running(wish, Console(stderr=True)) as stack:
            rows["nothing"] = describe(asyncio.run(load(stack, "n")))
            for part in ("score worker products-en", "cache", "broker"):
                for number in (signal.SIGSTOP, signal.SIGKILL):
                    await_all(stack)
                    name = f"{part} {number.name}"
                    pid = stack.supervisor.pids()[part]
                    os.killpg(pid, number)
                    rows[name] = describe(asyncio.run(load(stack, name[:2] + str(int(number)))))
                    if number is signal.SIGSTOP:
                        os.killpg(pid, signal.SIGCONT)
                    else:
                        stack.supervisor.restart(part)
                    print(name, json.dumps(rows[name]), flush=True)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    record("outages", {"clients": CLIENTS, "budget_ms": BUDGET_MS, "outages": rows}, RESULTS / f"{today}-outages.json")


def await_all(stack: Stack) -> None:
    """Until reranking is possible again."""
    while httpx.get(stack.url + "/_secondpass/ready?rerank=true", timeout=30).status_code != 200:
        time.sleep(0.3)
    time.sleep(2.0)  # a breaker that has just closed


if __name__ == "__main__":
    main()
