"""The public REST tests of Elasticsearch 7.10.2: 1,335 tests in YAML and the addresses of every API they call.

They come as a Maven artifact and are never part of this repository.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from connector.local.artifacts import Artifact, fetch

SPEC = Artifact(
    "org.elasticsearch",
    "rest-api-spec",
    "7.10.2",
    "jar",
    403_132,
    "142f3c90c1dba2e206476e7775bfbac387dce07e3edc822b2b2b82d2ee541249",
)
LINES = frozenset({"bulk", "msearch", "msearch_template"})  # their bodies are lines of JSON

Step = dict[str, Any]


@dataclass(frozen=True)
class Test:
    """One test: its steps, with those before and after it."""

    name: str
    setup: list[Step]
    steps: list[Step]
    teardown: list[Step]


@dataclass(frozen=True)
class Address:
    """One way to call an API. `parts` are the names within braces of `path`."""

    path: str
    methods: tuple[str, ...]
    parts: frozenset[str]


@dataclass(frozen=True)
class Suite:
    tests: list[Test]
    apis: dict[str, list[Address]]


def load() -> Suite:
    """The whole suite; downloads it once. Raises PartFailed."""
    with zipfile.ZipFile(fetch([SPEC])[SPEC]) as jar:
        names = jar.namelist()
        tests = [
            test
            for name in names
            if name.startswith("rest-api-spec/test/") and name.endswith(".yml")
            for test in _tests(name.removeprefix("rest-api-spec/test/"), jar.read(name))
        ]
        described = [json.loads(jar.read(name)) for name in names if re.match(r"rest-api-spec/api/[^_].*\.json$", name)]
    apis = {name: _addresses(api) for one in described for name, api in one.items() if "url" in api}
    return Suite(tests, apis)


def _tests(file: str, text: bytes) -> Iterator[Test]:
    parts: dict[str, list[Step]] = {}
    for document in yaml.load_all(text, yaml.CSafeLoader):
        parts |= document or {}
    setup, teardown = parts.pop("setup", []), parts.pop("teardown", [])
    for name, steps in parts.items():
        yield Test(f"{file}: {name}", setup, steps, teardown)


def _addresses(api: dict[str, Any]) -> list[Address]:
    return [Address(one["path"], tuple(one["methods"]), frozenset(one.get("parts", ()))) for one in api["url"]["paths"]]
