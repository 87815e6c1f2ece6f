"""What is wrong with settings, as one line each: the key, its line in the file, what would be right, and no secret."""

import re
from typing import Any

from connector.settings.sections import Section

SECRET = {  # addresses may hold a password
    ("engine", "service_auth"),
    ("engine", "url"),
    ("redis", "cache_key"),
    ("redis", "url"),
    ("broker", "url"),
    ("rerank_api", "keys"),
}


def explain(item: Any, text: str, name: str) -> str:
    location = tuple(item["loc"])
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    line = find_line(text, location)
    where = f"{name}, line {line}" if line else f"{name} or environment"
    said = {"extra_forbidden": "no such key", "missing": "must be set"}.get(item["type"], item["msg"])
    return f"{where}: {key or 'settings'}: {said}{_given(item, location)}"


def _given(item: Any, location: tuple[str | int, ...]) -> str:
    """What was written, where it is one value and no secret, nor the whole of a section that holds one."""
    if item["type"] in ("extra_forbidden", "missing") or not location or isinstance(item["input"], dict | Section):
        return ""
    if any(location[:2] == secret or location == secret[: len(location)] for secret in SECRET):
        return ""
    return f" (is {item['input']!r})"


def find_line(text: str, location: tuple[str | int, ...]) -> int | None:
    """1-based line of a key such as ("policy", 0, "window"); the table's own line where the key is absent."""
    if not location:
        return None
    table, rest = location[0], location[1:]
    wanted = rest[0] if rest and isinstance(rest[0], int) else 0
    key = next((part for part in rest if isinstance(part, str)), None)
    seen, at, inside = -1, None, False
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[{1,2}\s*([\w.-]+)\s*\]{1,2}", line):
            if inside:
                break
            if header[1] == table:
                seen += 1
                inside = seen == wanted
                at = number if inside else at
        elif inside and key and re.match(rf'\s*"?{re.escape(key)}"?\s*[=.]', line):
            return number
        elif re.match(rf'\s*"?{re.escape(str(table))}"?\s*=', line) and not inside and seen < 0:
            at = number
    return at
