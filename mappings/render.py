"""A body for index creation is the merge of named parts, the same for the same arguments; nothing here asks a cluster.

A part is a file `name@role.json` with `version`, `_meta` and `template` (settings and mappings). `common/` serves both
dialects; a file of the same name in `opensearch/` or `elasticsearch/` goes before it. Roles: `settings`, `fields`,
`analysis`, `fallback` (the analysis for engines that lack the analyzers named in its sibling's `_meta`) and `vector`.

Fields name one analyzer, `text`, which the analysis part defines. Each further analyzer `text_XX` of that part becomes
a sub-field `.XX` of every such field, so that one index serves several languages.
"""

import json
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

Json = dict[str, Any]

FILES = Path(__file__).parent
DIALECTS = ("opensearch", "elasticsearch")
MAX_DIMS = 4096
"""Both engines' limit: Elasticsearch's `dense_vector`, and what OpenSearch 3.6 takes with engine lucene."""


def _names(role: str) -> tuple[str, ...]:
    return tuple(sorted(path.name.partition("@")[0] for path in (FILES / "common").glob(f"*@{role}.json")))


MAPPINGS = _names("fields")
"""What can be rendered: `documents`, `shop`."""
LANGUAGES = tuple(name.removeprefix("text-") for name in _names("analysis"))
"""`any`, `en`, `mixed` (English and Chinese), `zh`."""


def render(
    name: str,
    dialect: str,
    *,
    dims: int | None = None,
    language: str = "mixed",
    analyzers: Collection[str] | None = None,
) -> Json:
    """Settings and mappings of one index. `dims`: length of the vectors in `embedding`; None: no such field.

    `analyzers`: those the engine has; where one that the language wants is missing, its fallback is taken. None: the
    engine has them all. `mappings._meta.secondpass` says what was rendered. ValueError for an unknown name, dialect
    or language, or dims out of range.
    """
    for value, known in ((name, MAPPINGS), (dialect, DIALECTS), (language, LANGUAGES)):
        if value not in known:
            raise ValueError(f"{value!r} is not one of {', '.join(known)}")
    if dims is not None and not 1 <= dims <= MAX_DIMS:
        raise ValueError(f"dims is {dims}; the engines take 1 to {MAX_DIMS}")
    names = ["index@settings", f"{name}@fields", _analysis(language, dialect, analyzers)]
    if dims is not None:
        names.append("embedding@vector")
    body: Json = {"settings": {}, "mappings": {}}
    for part in names:
        _merge(body, load(part, dialect)["template"])
    if dims is not None:
        _fill(body, {"$dims": dims})
    _add_language_fields(body)
    parts = {part: load(part, dialect)["version"] for part in names}
    body["mappings"]["_meta"] = {
        "secondpass": {"mapping": name, "language": language, "dims": dims, "parts": parts},
    }
    return body


def text_fields(body: Json) -> list[str]:
    """Every field and sub-field of a rendered body that is searched by words, `name`, `name.zh`, in file order."""
    found = []
    for name, field in body["mappings"]["properties"].items():
        if field["type"] == "text":
            found.append(name)
            found += [f"{name}.{sub}" for sub, kind in field.get("fields", {}).items() if kind["type"] == "text"]
    return found


@cache
def load(part: str, dialect: str) -> Json:
    """One parsed file. FileNotFoundError where neither the dialect nor `common` has it. Not to be changed."""
    path = FILES / dialect / f"{part}.json"
    if not path.exists():
        path = FILES / "common" / f"{part}.json"
    parsed: Json = json.loads(path.read_text(encoding="utf-8"))
    return parsed


def _analysis(language: str, dialect: str, analyzers: Collection[str] | None) -> str:
    part = f"text-{language}@analysis"
    wanted = load(part, dialect)["_meta"].get("analyzers", ())
    return part if analyzers is None or set(wanted) <= set(analyzers) else f"text-{language}@fallback"


def _merge(into: Json, template: Json) -> None:
    """Deep, and by copy: `into` must not share objects with a cached file."""
    for key, value in template.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = list(value) if isinstance(value, list) else value


def _fill(body: Json, values: Json) -> None:
    for key, value in body.items():
        if isinstance(value, dict):
            _fill(value, values)
        elif isinstance(value, str) and value in values:
            body[key] = values[value]


def _add_language_fields(body: Json) -> None:
    further = [name for name in body["settings"]["analysis"]["analyzer"] if name.startswith("text_")]
    for field in body["mappings"]["properties"].values():
        if field.get("analyzer") == "text":
            for analyzer in further:
                sub = {"type": "text", "analyzer": analyzer}
                field.setdefault("fields", {})[analyzer.removeprefix("text_")] = sub
