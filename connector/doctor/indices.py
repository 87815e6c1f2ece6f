"""Policies against mappings: is there an index, has it the fields that the model reads, do the vectors fit."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.doctor.finding import Finding, error, ok, warning
from connector.engines.base import Engine, Json
from connector.errors import EngineError
from connector.settings import Policy

VECTOR_TYPES = {"opensearch": "knn_vector", "elasticsearch": "dense_vector"}
DIMS = ("dimension", "dims")  # as OpenSearch and Elasticsearch call it


async def check(engine: Engine, policies: Sequence[Policy], dims: int | None) -> list[Finding]:
    """`dims` of the living embedder's vectors; None where none lives."""
    if not policies:
        fix = "write a [[policy]] with `indices` and `fields` (README, Your own index)"
        return [warning("policies", "no policy: every search passes through as it is", fix)]
    found = []
    for policy in policies:
        try:
            indices: dict[str, Json] = {}
            for pattern in policy.indices:
                indices |= await engine.mapping(pattern)
        except EngineError as failed:
            fix = "give engine.service_auth the right to read mappings (view_index_metadata)"
            found.append(error(f"policy {policy.name}", f"mappings cannot be read: {failed}", fix))
            continue
        found += check_policy(policy, indices, engine.dialect.name, dims)
    return found


def check_policy(policy: Policy, indices: Mapping[str, Json], dialect: str, dims: int | None) -> list[Finding]:
    """Pure: `indices` are the mappings by index name."""
    about = f"policy {policy.name}"
    if not indices:
        names = ", ".join(policy.indices)
        return [
            warning(about, f"there is no index like {names}", "make it with `secondpass index`, or correct `indices`")
        ]
    found = [finding for name, mapping in indices.items() for finding in _index(policy, name, mapping, dialect, dims)]
    return found or [ok(about, f"{len(indices)} indices have its fields: {', '.join(sorted(indices))}")]


def _index(policy: Policy, name: str, mapping: Json, dialect: str, dims: int | None) -> Iterator[Finding]:
    about, fields = f"policy {policy.name}", dict(flatten(mapping))
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
        yield from _vectors(policy, name, fields.get(policy.vector_field), dialect, dims)
    elif policy.candidates == "fused":
        yield error(
            about, "candidates = fused, but it names no vector_field", "set vector_field, or candidates = lexical"
        )


def _vectors(policy: Policy, name: str, field: Json | None, dialect: str, dims: int | None) -> Iterator[Finding]:
    about, wanted = f"policy {policy.name}", VECTOR_TYPES[dialect]
    again = "make the index anew with `secondpass index`, or set vector_field to the field that holds the vectors"
    if field is None:
        yield error(about, f"{name} has no field {policy.vector_field}: every search will say knn=off", again)
    elif field.get("type") != wanted:
        yield error(about, f"{policy.vector_field} of {name} is {field.get('type')}, not {wanted}", again)
    elif dims is not None and (stored := next((field[key] for key in DIMS if key in field), None)) != dims:
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
