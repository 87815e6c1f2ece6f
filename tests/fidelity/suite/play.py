"""Plays a test: `do` calls an API, everything else asserts something of its answer. One client, one test at a time.

Assertions on `_type` are left out (types are gone since 8.0), and so are those on warnings, whose texts changed.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx

from tests.fidelity.suite.spec import LINES, Step, Suite, Test

VERSION = (7, 10, 2)
KNOWN = {
    *("arbitrary_key", "allowed_warnings", "warnings", "node_selector", "headers", "default_shards", "no_xpack"),
    *("contains", "stash_in_path", "stash_in_key", "regex", "yaml"),
}
"""What a test may ask of whoever plays it."""

CAUGHT = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "missing": 404,
    "request_timeout": 408,
    "conflict": 409,
    "unavailable": 503,
}
NOT_AN_API = frozenset({"catch", "headers", "warnings", "allowed_warnings", "node_selector"})
JSON = {"Content-Type": "application/json"}


class Failed(Exception):
    """Raised when a step's answer is not as the test says."""


class Left(Exception):
    """Raised for a test that is not for this version, or asks for what is not played here."""


class Player:
    """Plays one test against the engine behind `client`."""

    def __init__(self, suite: Suite, client: httpx.Client) -> None:
        self._suite = suite
        self._client = client
        self._stash: dict[str, Any] = {}
        self._answer: Any = None

    def play(self, test: Test) -> None:
        """Raises Failed, Left; httpx.HTTPError where the connection breaks."""
        self._stash = {}
        try:
            for step in [*test.setup, *test.steps]:
                self._step(step)
        finally:
            for step in test.teardown:
                self._step(step)

    def _step(self, step: Step) -> None:
        ((kind, said),) = step.items()
        if kind == "skip":
            check_skip(said)
        elif kind == "do":
            self._do(said)
        elif kind == "set":
            for path, name in said.items():
                self._stash[name] = self._find(path)
        elif kind in ("is_true", "is_false"):
            value = self._find(said)
            if (value in (None, False, "", 0, "false", {}, [])) is (kind == "is_true"):
                raise Failed(f"{kind} {said}: {value!r}")
        elif kind in CHECKS:
            for path, wanted in said.items():
                if not path.endswith("_type"):
                    self._check(kind, path, self._fill(wanted))
        else:
            raise Left(kind)

    def _check(self, kind: str, path: str, wanted: Any) -> None:
        found = self._find(path)
        try:
            right = CHECKS[kind](found, wanted)
        except TypeError:
            right = False
        if not right:
            raise Failed(f"{kind} {path}: {str(found)[:300]!r}, wanted {wanted!r}")

    def _do(self, said: Mapping[str, Any]) -> None:
        ((name, given),) = ((key, value) for key, value in said.items() if key not in NOT_AN_API)
        arguments = dict(self._fill(given or {}))
        ignored = arguments.pop("ignore", [])
        body = arguments.pop("body", None)
        address = self._address(name, arguments, said.get("catch"))
        if address is None:
            return  # the client itself refuses: a required part is missing
        path, methods = address
        method = "POST" if body is not None and "POST" in methods and "PUT" not in methods else methods[0]
        query = {key: _parameter(value) for key, value in arguments.items()}
        headers = {key: str(value) for key, value in self._fill(said.get("headers") or {}).items()}
        content = None if body is None else _encode(body, lines=name in LINES)
        reply = self._client.request(
            method, path, params=query or None, content=content, headers=(JSON if content else {}) | headers
        )
        self._answer = _read(reply, method)
        ignored = ignored if isinstance(ignored, list) else [ignored]
        if reply.status_code in map(int, ignored) or (method == "HEAD" and reply.status_code == 404):
            return
        check_status(said.get("catch"), reply)

    def _address(self, name: str, arguments: dict[str, Any], caught: str | None) -> tuple[str, tuple[str, ...]] | None:
        """Path and methods of the address that takes most of the arguments, which it takes out of them."""
        addresses = self._suite.apis.get(name)
        if addresses is None:
            raise Left(f"no such API: {name}")
        fitting = [one for one in addresses if all(arguments.get(part) not in (None, "") for part in one.parts)]
        if not fitting:
            if caught in ("param", "request"):
                return None
            raise Failed(f"{name}: no address for {sorted(arguments)}")
        best = max(fitting, key=lambda one: len(one.parts))
        path = best.path
        for part in best.parts:
            path = path.replace(f"{{{part}}}", _quoted(arguments.pop(part)))
        return path, best.methods

    def _fill(self, value: Any) -> Any:
        """`value` with what was set before in the place of `$name` and `${name}`."""
        if isinstance(value, dict):
            return {self._fill(key): self._fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._fill(each) for each in value]
        if not isinstance(value, str) or "$" not in value:
            return value
        if value.startswith("$") and value.strip("${}") in self._stash:
            return self._stash[value.strip("${}")]
        if value == "$body":
            return self._answer
        return re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda found: str(self._stash.get(found[1] or found[2], found[0])), value)

    def _find(self, path: str) -> Any:
        path = str(path)
        value = self._answer
        if path in ("$body", ""):
            return value
        for part in re.split(r"(?<!\\)\.", path):
            key = str(self._fill(part.replace("\\.", ".")))
            if key == "$body":
                continue
            if isinstance(value, list) and key.lstrip("-").isdigit():
                value = value[int(key)] if int(key) < len(value) else None
            elif isinstance(value, dict):
                value = next(iter(value), None) if key == "_arbitrary_key_" else value.get(key)
            else:
                return None
        return value


def check_skip(said: Mapping[str, Any]) -> None:
    """Raises Left where the test is not for 7.10.2 or asks for what we do not play."""
    for span in str(said.get("version") or "").split(","):
        low, dash, high = span.strip().partition("-")
        if span.strip() == "all" or (dash and _version(low, (0,)) <= VERSION <= _version(high, (99,))):
            raise Left(f"version {span}")
    asked = said.get("features") or said.get("feature") or []
    asked = [one.strip() for one in asked.split(",")] if isinstance(asked, str) else asked
    if unknown := set(asked) - KNOWN:
        raise Left(f"features {sorted(unknown)}")


def _version(text: str, missing: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text))) or missing


def check_status(caught: str | None, reply: httpx.Response) -> None:
    """Raises Failed where the status is not what the test catches."""
    status, told = reply.status_code, reply.text
    if caught is None:
        right = status < 400
    elif caught.startswith("/"):
        right = status >= 400 and re.search(caught.strip().strip("/"), told, re.X | re.S) is not None
    elif caught in CAUGHT:
        right = status == CAUGHT[caught]
    else:
        right = status >= 400
    if not right:
        raise Failed(f"{reply.request.method} {reply.request.url.raw_path!r}: {status}, caught {caught}: {told[:300]}")


def _read(reply: httpx.Response, method: str) -> Any:
    if method == "HEAD":
        return reply.status_code < 400
    try:
        return reply.json()
    except ValueError:
        return reply.text


def _quoted(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return httpx.URL("http://a").copy_with(path="/" + text).raw_path.decode().lstrip("/").replace("?", "%3F")


def _parameter(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_parameter, value))
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _encode(body: Any, *, lines: bool) -> bytes:
    if isinstance(body, str):
        return body.encode() if not lines or body.endswith("\n") else body.encode() + b"\n"
    if lines or isinstance(body, list):
        return "".join((one if isinstance(one, str) else json.dumps(one)).strip() + "\n" for one in body).encode()
    return json.dumps(body, default=str).encode()


def _match(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, str) and (pattern := wanted.strip()).startswith("/") and pattern.endswith("/"):
        return re.search(pattern[1:-1], str(found), re.X | re.S) is not None
    if isinstance(wanted, dict) and isinstance(found, dict):
        return wanted.keys() == found.keys() and all(_match(found[key], each) for key, each in wanted.items())
    return bool(found == wanted or str(found) == str(wanted))


CHECKS: dict[str, Any] = {
    "match": _match,
    "length": lambda found, wanted: len(found) == int(wanted),
    "gt": lambda found, wanted: found > wanted,
    "gte": lambda found, wanted: found >= wanted,
    "lt": lambda found, wanted: found < wanted,
    "lte": lambda found, wanted: found <= wanted,
    "contains": lambda found, wanted: wanted in found,
}
