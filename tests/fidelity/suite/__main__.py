"""Start an engine of its own, run the public REST tests before it, and record what came of them.

    python -m tests.fidelity.suite opensearch --out bench/results/2026-11-22-rest-tests-opensearch.json

The tests delete every index: never point them at an engine that anybody uses.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from bench.record import record
from tests.connector.proxy.running import running_proxy
from tests.fidelity.suite.engine import ENGINES, own_engine, reading_proxy
from tests.fidelity.suite.run import compare
from tests.fidelity.suite.spec import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--url", default="", help="an engine that runs already, and that nobody else uses")
    parser.add_argument("--every", type=int, default=1, help="play every n-th test")
    parser.add_argument("--only", default="", help="play tests whose name contains this")
    parser.add_argument("--policy", action="store_true", help="through a proxy that reads every search")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    suite = load()
    chosen = [test for test in suite.tests if options.only in test.name][:: options.every]
    through = reading_proxy if options.policy else running_proxy
    with own_engine(options.engine, options.url) as straight, through(straight) as proxy:
        result = compare(suite, straight, proxy, chosen)
    found = {"engine": options.engine, "policy": options.policy, "tests": len(chosen), **asdict(result)}
    record("rest-tests", found, options.out)
    raise SystemExit(json.dumps(result.worse, indent=1) if result.worse else 0)


if __name__ == "__main__":
    main()
