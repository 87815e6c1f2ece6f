"""Indices are numbered and stand behind an alias: `products` -> `products-000001`. An index is never changed in place,
and never replaced by an older definition.

A first index gets its alias in the same request that creates it. A later one is created beside the live one, is loaded,
and takes over by `switch`, which is one atomic step; the old index stays for a way back. Several series may share an
alias, one for each language: `install(..., alias="products", series="products-zh")`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from connector.errors import EngineRefused, MappingConflict
from connector.types import EngineInfo
from mappings.render import Json, render


class Cluster(Protocol):
    """What installing needs of an engine; `connector.engines.base.Engine` has it."""

    @property
    def info(self) -> EngineInfo: ...

    async def create_index(self, name: str, body: Mapping[str, object]) -> None: ...

    async def mapping(self, name: str) -> dict[str, Json]: ...

    async def update_aliases(self, actions: Sequence[Mapping[str, object]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Installed:
    """Where documents go. `live`: the alias leads to it; else load it first, then `switch`."""

    index: str
    created: bool
    live: bool


async def install(
    cluster: Cluster,
    name: str,
    alias: str,
    *,
    dims: int | None = None,
    language: str = "mixed",
    analyzers: Collection[str] | None = None,
    series: str = "",
) -> Installed:
    """Find the index of exactly this definition, live or half loaded, or create the next one of the series.

    `analyzers` as for `render`; None: the language's own are tried, its fallback where the engine refuses them.
    Raises MappingConflict where the live index is newer or not ours, EngineError and its kinds from the cluster.
    """
    series = series or alias
    choices = [analyzers] if analyzers is not None else [None, ()]
    bodies = [render(name, cluster.info.dialect, dims=dims, language=language, analyzers=have) for have in choices]
    wanted = [_meta(body["mappings"]) for body in bodies]
    all_of_series = _of_series(series, await cluster.mapping(f"{series}-*"))
    behind_alias = await cluster.mapping(alias)
    live = _of_series(series, behind_alias)
    _check(alias, series, behind_alias, live, wanted)
    for index in sorted(all_of_series, key=lambda index: (index in live, index), reverse=True):
        if _meta(all_of_series[index]) in wanted:
            return Installed(index, created=False, live=index in live)
    number = max((int(index[-6:]) for index in all_of_series), default=0) + 1
    index = f"{series}-{number:06d}"
    if not live:
        bodies = [{**body, "aliases": {alias: {}}} for body in bodies]
    await _create(cluster, index, bodies)
    return Installed(index, created=True, live=not live)


async def switch(cluster: Cluster, alias: str, index: str) -> list[str]:
    """Lead the alias from the series' other indices to this one, at once. Returns those that it left; they stay."""
    series = index.rpartition("-")[0]
    left = sorted(_of_series(series, await cluster.mapping(alias)).keys() - {index})
    actions = [{"remove": {"index": old, "alias": alias}} for old in left]
    await cluster.update_aliases([*actions, {"add": {"index": index, "alias": alias}}])
    return left


async def _create(cluster: Cluster, index: str, bodies: Sequence[Json]) -> None:
    """The first body that the engine takes. Only a missing analyzer is a reason to try the next one."""
    for body in bodies[:-1]:
        try:
            return await cluster.create_index(index, body)
        except EngineRefused as refused:
            if refused.engine_status != 400 or "analyzer" not in str(refused):
                raise
    await cluster.create_index(index, bodies[-1])


def _check(alias: str, series: str, behind: Mapping[str, Json], live: Mapping[str, Json], wanted: list[Json]) -> None:
    if alias in behind:
        raise MappingConflict(f"{alias} is an index; its name is wanted for an alias: choose another name")
    strangers = sorted(index for index, mappings in behind.items() if not _meta(mappings))
    if strangers or (series == alias and behind.keys() != live.keys()):
        named = ", ".join(strangers or sorted(behind.keys() - live.keys()))
        raise MappingConflict(f"{alias} leads to {named}, not created from these mappings: choose another alias")
    ours = {part: version for meta in wanted for part, version in meta["parts"].items()}
    for index, mappings in live.items():
        for part, version in _meta(mappings)["parts"].items():
            if version > ours.get(part, version):
                raise MappingConflict(
                    f"{index} has version {version} of {part}, this release version {ours[part]}: an index is never "
                    "downgraded; use the newer release, or another alias"
                )


def _of_series(series: str, indices: Mapping[str, Json]) -> dict[str, Json]:
    return {name: mappings for name, mappings in indices.items() if re.fullmatch(rf"{re.escape(series)}-\d{{6}}", name)}


def _meta(mappings: Mapping[str, Json]) -> Json:
    """What `render` wrote; empty for an index that is not ours."""
    meta: Json = mappings.get("_meta", {}).get("secondpass", {})
    return meta
