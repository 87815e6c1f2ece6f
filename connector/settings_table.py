"""The settings as a Markdown table, made from `connector.settings`: what the README shows between its two marks.

python -m connector.settings_table README.md     # writes it there; a test fails where it is out of date
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from connector.settings import Blend, Model, Policy, Settings

BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->"
LISTS: dict[str, type[BaseModel]] = {"model": Model, "policy": Policy}


def rows() -> list[tuple[str, str, str]]:
    """Key, default as TOML, meaning; in the order of the file."""
    found = []
    for name, field in Settings.model_fields.items():
        section = LISTS.get(name) or field.annotation
        shown = f"[[{name}]] " if name in LISTS else f"{name}."
        if isinstance(section, type) and issubclass(section, BaseModel):
            for key, inner in section.model_fields.items():
                default = "required" if inner.default is PydanticUndefined else _toml(inner.default)
                found.append((shown + key, default, inner.description or ""))
    return found


def table() -> str:
    lines = ["| key | default | what it is |", "|---|---|---|"]
    lines += [f"| `{key}` | `{default}` | {meaning} |" for key, default, meaning in rows()]
    return "\n".join(lines).replace("||", "| |") + "\n"


def put(text: str) -> str:
    """`text` with the table between its marks."""
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    return re.sub(pattern, lambda _: BEGIN + table() + END, text, flags=re.DOTALL)


def _toml(value: Any) -> str:
    if isinstance(value, Blend):
        return "{ " + ", ".join(f"{key} = {weight}" for key, weight in value.model_dump().items()) + " }"
    return json.dumps(value)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(put(path.read_text()))
