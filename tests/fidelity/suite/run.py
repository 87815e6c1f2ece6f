"""Runs the suite straight and through the proxy: no test that passes straight may fail through the proxy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import httpx
from rich.progress import track

from tests.fidelity.suite.play import Failed, Left, Player
from tests.fidelity.suite.spec import Suite, Test

SETTINGS = {
    "persistent": {"*": None, "action.destructive_requires_name": False},  # Elasticsearch 8 forbids DELETE /* else
    "transient": {"*": None},
}
WIPED = (
    "/_data_stream/*?expand_wildcards=all",
    "/*?expand_wildcards=all&ignore_unavailable=true",
    "/_template/*",
    "/_index_template/*",
    "/_component_template/*",
)


@dataclass
class Result:
    """How the tests went. `worse`: passed straight and failed through the proxy, each time that both were tried."""

    passed: int = 0
    failed_straight: int = 0
    left: int = 0
    worse: dict[str, str] = field(default_factory=dict)


def compare(suite: Suite, straight: str, proxy: str, tests: Iterable[Test] | None = None, tries: int = 3) -> Result:
    """Play each test straight, and where it passes through the proxy too; a failure there is tried again both ways."""
    result = Result()
    chosen = suite.tests if tests is None else list(tests)
    with httpx.Client(base_url=straight, timeout=30) as engine, httpx.Client(base_url=proxy, timeout=30) as ours:
        wipe(engine)
        for test in track(chosen, "tests"):
            for _ in range(tries):
                said = outcome(Player(suite, engine).play, test, engine)
                if said is not None:
                    break
                through = outcome(Player(suite, ours).play, test, engine)
                if through is None:
                    break
            else:
                result.worse[test.name] = through or ""
                continue
            if said is None:
                result.passed += 1
            elif said.startswith("left"):
                result.left += 1
            else:
                result.failed_straight += 1
    return result


def outcome(play: Callable[[Test], None], test: Test, engine: httpx.Client) -> str | None:
    """None where the test passes; why it did not; "left: ..." where it is not for us. The engine is then empty."""
    try:
        play(test)
    except Left as why:
        return f"left: {why}"
    except (Failed, httpx.HTTPError, KeyError, ValueError, TypeError, AttributeError) as why:
        return f"{type(why).__name__}: {why}"
    finally:
        wipe(engine)
    return None


def wipe(engine: httpx.Client) -> None:
    """Take away what a test may have left."""
    engine.put("/_cluster/settings", json=SETTINGS)
    for path in WIPED:
        engine.delete(path)
