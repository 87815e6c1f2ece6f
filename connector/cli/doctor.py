"""`secondpass doctor`: is everything as it should be, and what to do where it is not."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from connector.cli.where import BrokerUrl, Config, EngineUrl, Port, RedisUrl, settings_at
from connector.doctor.examine import examine
from connector.doctor.finding import Finding, Level
from connector.errors import ConfigError, EngineRefused
from connector.settings import Settings

if TYPE_CHECKING:  # the replay needs the extra `evaluate`, the checks do not
    from connector.doctor.replay import Replay

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}


def doctor(
    queries: Annotated[
        Path | None,
        typer.Option(help="Logged queries to replay: a query a line, JSON lines, or UBI's (each may be .gz)."),
    ] = None,
    index: Annotated[str, typer.Option("--index", help="Where to replay them.")] = "",
    most: Annotated[int, typer.Option(min=1, help="Replay so many of the most frequent queries.")] = 100,
    url: Annotated[str, typer.Option(help="The proxy; default: the address in the settings.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print findings as JSON.")] = False,
    config: Config = None,
    port: Port = None,
    engine_url: EngineUrl = "",
    redis_url: RedisUrl = "",
    broker_url: BrokerUrl = "",
) -> None:
    """Check the whole installation, with a fix for each finding; replay logged queries.

    Exit status 1: something that the settings ask for does not work. Warnings leave it at 0.

    Examples:

      secondpass doctor --port 9280

      secondpass doctor --queries ubi_queries.jsonl --index products --most 200
    """
    if bool(queries) != bool(index):
        raise ConfigError("--queries and --index go together: what to replay, and where")
    console = Console(stderr=json)
    settings = settings_at(config, port, engine_url, redis_url, broker_url)
    proxy = url or _address(settings.proxy.host, settings.proxy.port if port is None else port)
    findings = asyncio.run(examine(settings, proxy))
    show(findings, console)
    broken = any(finding.level is Level.ERROR for finding in findings)
    replay = None
    if queries and broken:
        console.print("Queries are not replayed before the errors are mended.", style="red")
    elif queries:
        replay = asyncio.run(_replay(settings, queries, index, most, console))
        show_replay(replay, console)
    if json:
        found = {"findings": [asdict(one) for one in findings], "replay": asdict(replay) if replay else None}
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    raise typer.Exit(1 if broken else 0)


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def show(findings: Sequence[Finding], console: Console) -> None:
    """A line a finding, what to do below it, the worst last."""
    order = list(Level)
    for finding in sorted(findings, key=lambda one: order.index(one.level)):
        colour = COLOURS[finding.level]
        console.print(
            f"[{colour}]{finding.level:7}[/{colour}] [bold]{escape(finding.about)}[/bold]: {escape(finding.said)}"
        )
        if finding.fix:
            console.print(f"        → {escape(finding.fix)}")
    counts = {level: sum(one.level is level for one in findings) for level in Level}
    console.print(f"{counts[Level.ERROR]} errors, {counts[Level.WARNING]} warnings, {counts[Level.OK]} well")


def show_replay(replay: "Replay", console: Console) -> None:
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in replay.outcomes.items())
    console.print(f"\n{replay.queries} logged queries: {escape(outcomes)}")
    console.print(f"overlap@10 {replay.overlap:.2f}, displacement {replay.displacement:.1f} places")
    console.print(
        f"answers p50 {replay.p50_ms:.0f} ms, p95 {replay.p95_ms:.0f} ms; "
        f"reranking adds p50 {replay.added_p50_ms:.0f} ms, p95 {replay.added_p95_ms:.0f} ms"
    )
    table = Table(title="Most changed", title_justify="left", show_edge=False, pad_edge=False, show_lines=True)
    table.add_column("query", ratio=2)
    table.add_column("overlap", justify="right")
    table.add_column("first three, before", ratio=4)
    table.add_column("after", ratio=4)
    for one in replay.most_changed:
        table.add_row(escape(one.query), f"{one.overlap:.1f}", _numbered(one.before), _numbered(one.after))
    console.print(table)


def _numbered(labels: Sequence[str]) -> str:
    return "\n".join(f"{place}. {escape(label[:60])}" for place, label in enumerate(labels, 1))


async def _replay(settings: Settings, path: Path, index: str, most: int, console: Console) -> "Replay":
    """One query at a time, each asked cold, so that the milliseconds are those of a first search. One that the engine
    refuses (of 1,100 words, say) is counted as that; where it refuses all, its reason is raised.
    """
    from connector.client import SearchError
    from connector.doctor.log import read_queries
    from connector.doctor.replay import REFUSED, compare
    from connector.evaluation.answers import Answered
    from connector.evaluation.roads import open_road
    from connector.evaluation.systems import depth_systems, parse_system, policy_of

    logged = read_queries(path)
    chosen = logged.queries[:most]
    policy = policy_of(index, "", settings)
    before = parse_system("fused" if policy.vector_field else "bm25", policy, settings)
    (after,) = depth_systems(parse_system("reranked", policy, settings), [policy.window], settings)
    old, new, refusals = {}, {}, []
    async with open_road(settings, index, [before, after]) as road:
        for query in track(chosen, f"{logged.notes[0]}; replaying", console=console):
            try:
                old[query.id] = await road.ask(before, query)
                new[query.id] = await road.ask(after, query)
            except (EngineRefused, SearchError) as refused:
                refusals.append(refused)
                new[query.id] = Answered("", after.name, query.id, [], state=REFUSED)
    if len(refusals) == len(chosen):
        raise refusals[-1]
    return compare(chosen, old, new)
