"""Policies against mappings: is there an index, has it the fields that the model reads, do the vectors fit."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connector.doctor.finding import Finding, error, ok, warning
from connector.engines.base import Engine, Json
from connector.engines.http import HttpEngine
from connector.errors import EngineError, EngineRefused
from connector.settings import Policy

VECTOR_TYPES = {"opensearch": "knn_vector", "elasticsearch": "dense_vector"}
DIMS = ("dimension", "dims")  # as OpenSearch and Elasticsearch call it
AT_SEARCH = ("runtime", "derived")  # fields that are computed by a search, as Elasticsearch and OpenSearch call them


async def check(engine: Engine, policies: Sequence[Policy], dims: int | None) -> list[Finding]:
    """`dims` of the living embedder's vectors; None where none lives."""
    if not policies:
        fix = "write a [[policy]] with `indices` and `fields` (README, Your own index)"
        return [warning("policies", "no policy: every search passes through as it is", fix)]
    found = []
    taken: set[str] = set()
    listed: set[str] = set()
    for policy in policies:
        about = f"policy {policy.name}"
        try:
            there = {pattern: await engine.mapping(pattern) for pattern in policy.indices}
            indices = _own(there, taken, listed)
            unbuilt = await _unbuilt(engine, policy, indices)
        except EngineError as failed:
            fix = "give engine.service_auth the right to read mappings (view_index_metadata)"
            found.append(error(about, f"mappings cannot be read: {failed}", fix))
            continue
        if any(there.values()) and not indices:
            found.append(ok(about, "policies before it take all of its indices: it applies where a request names it"))
        else:
            found += check_policy(policy, indices, engine.dialect.name, dims, unbuilt)
        taken |= {name for mappings in there.values() for name in mappings}
        listed |= set(policy.indices)
    return found


def _own(there: Mapping[str, Mapping[str, Json]], taken: Collection[str], listed: Collection[str]) -> dict[str, Json]:
    """Of what each pattern finds, the indices that searches reach under it: a wildcard does not get what a policy
    before has `taken`. One that is `listed` before, too, is meant for requests that name the policy.
    """
    return {
        name: mapping
        for pattern, mappings in there.items()
        for name, mapping in mappings.items()
        if name not in taken or "*" not in pattern or pattern in listed
    }


async def _unbuilt(engine: Engine, policy: Policy, indices: Collection[str]) -> list[str]:
    """The indices whose vectors OpenSearch stores and does not search: index.knn was not set when they were made. None
    where the settings may not be read, which is no reason to say that a search will fail.
    """
    if not policy.vector_field or engine.dialect.name != "opensearch" or not isinstance(engine, HttpEngine):
        return []
    target = quote(",".join(policy.indices), safe=",*-_.")
    try:
        found = await engine.request("GET", f"/{target}/_settings/index.knn?ignore_unavailable=true")
    except EngineRefused:
        return []
    return [name for name in indices if found.get(name, {}).get("settings", {}).get("index", {}).get("knn") != "true"]


def check_policy(
    policy: Policy, indices: Mapping[str, Json], dialect: str, dims: int | None, unbuilt: Collection[str] = ()
) -> list[Finding]:
    """Pure: `indices` are the mappings by index name; vectors of the `unbuilt` ones cannot be searched."""
    about = f"policy {policy.name}"
    if not indices:
        names = ", ".join(policy.indices)
        return [
            warning(about, f"there is no index like {names}", "make it with `secondpass index`, or correct `indices`")
        ]
    found: list[Finding] = []
    for name, mapping in indices.items():
        found += _index(policy, name, mapping, dialect, dims, name in unbuilt)
    return found or [ok(about, f"{len(indices)} indices have its fields: {', '.join(sorted(indices))}")]


def _index(
    policy: Policy, name: str, mapping: Json, dialect: str, dims: int | None, unbuilt: bool
) -> Iterator[Finding]:
    about, fields = f"policy {policy.name}", dict(flatten(mapping))
    for kind in AT_SEARCH:
        fields |= mapping.get(kind, {})
    missing = [field for field in policy.fields if field not in fields]
    if len(missing) == len(policy.fields):
        fix = "correct `fields`: without a text nothing is reranked"
        yield error(about, f"{name} has none of its fields ({', '.join(missing)})", fix)
    elif missing:
        fix = "correct `fields` and `template`, or ignore this where some indices lack them on purpose"
        yield warning(about, f"{name} lacks {', '.join(missing)}", fix)
    if policy.agreement and policy.agreement_field not in fields:
        fix = "set agreement_field to the field of the category, or agreement = 0"
        yield error(about, f"{name} has no field {policy.agreement_field}: no category will agree with another", fix)
    if policy.vector_field:
        yield from _vectors(policy, name, fields.get(policy.vector_field), dialect, dims, unbuilt)
    elif policy.candidates == "fused":
        yield error(
            about, "candidates = fused, but it names no vector_field", "set vector_field, or candidates = lexical"
        )


def _vectors(
    policy: Policy, name: str, field: Json | None, dialect: str, dims: int | None, unbuilt: bool
) -> Iterator[Finding]:
    about, wanted = f"policy {policy.name}", VECTOR_TYPES[dialect]
    again = "make the index anew with `secondpass index`, or set vector_field to the field that holds the vectors"
    if field is None:
        yield error(about, f"{name} has no field {policy.vector_field}: every search will say knn=off", again)
    elif field.get("type") != wanted:
        yield error(about, f"{policy.vector_field} of {name} is {field.get('type')}, not {wanted}", again)
    elif unbuilt:
        yield error(about, f"{name} was made without index.knn = true: no search finds its vectors", again)
    elif dims is not None and (stored := next((field[key] for key in DIMS if key in field), dims)) != dims:
        yield error(
            about,
            f"{policy.vector_field} of {name} holds {stored} numbers a vector, the embedder makes {dims}",
            "set [embedder] to the model that the documents were embedded with, or index them again",
        )


def flatten(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Every field of a mapping with its definition, by its full name; sub-fields too."""
    for name, field in (mapping.get("properties") or {}).items():
        yield f"{prefix}{name}", field
        yield from flatten(field, f"{prefix}{name}.")
        for sub, definition in (field.get("fields") or {}).items():
            yield f"{prefix}{name}.{sub}", definition
