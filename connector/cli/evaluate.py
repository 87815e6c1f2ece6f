"""`secondpass evaluate`: graded queries through every order, and whether the second pass is worth it here."""

import asyncio
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from connector.cli.comparison import show, unsound_lines
from connector.cli.where import BrokerUrl, Config, EngineUrl, Port, RedisUrl, settings_at
from connector.credentials import without_passwords
from connector.errors import ConfigError
from connector.evaluation import MEASURES, plots, report
from connector.evaluation.answers import Answered, AnswerLog
from connector.evaluation.collect import Answers, collect
from connector.evaluation.judgments import Judgments, read_judgments
from connector.evaluation.measures import measure_name
from connector.evaluation.record import as_json
from connector.evaluation.results import Results, summarise_answers, unsound
from connector.evaluation.roads import open_road
from connector.evaluation.systems import (
    UNHURRIED_MS,
    System,
    default_systems,
    depth_systems,
    file_system,
    parse_system,
    policy_of,
    refuse_changes,
)
from connector.evaluation.thresholds import missed, parse_threshold
from connector.evaluation.trec import read_run
from connector.settings import Settings


def evaluate(
    judgments: Annotated[
        Path,
        typer.Argument(help="A BEIR folder, TREC qrels, .jsonl, Quepid's .csv, OpenSearch's judgments (.json)."),
    ],
    index: Annotated[str, typer.Option("--index", help="Where to search; not needed for --run files alone.")] = "",
    queries: Annotated[Path | None, typer.Option(help="Texts of TREC qrels: topics, TSV or JSONL.")] = None,
    split: Annotated[str, typer.Option(help="Of a BEIR folder; default: test.")] = "",
    system: Annotated[
        list[str] | None,
        typer.Option(help='bm25, knn, fused, reranked, or "NAME: window=50, model=other".'),
    ] = None,
    run: Annotated[list[str] | None, typer.Option(help="NAME=FILE: a TREC run file to compare with.")] = None,
    baseline: Annotated[str, typer.Option(help="What differences are against; default: fused, else the first.")] = "",
    measure: Annotated[
        list[str] | None,
        typer.Option(help="As ir-measures names them; the first is compared. Default: nDCG@10 ..."),
    ] = None,
    depth: Annotated[str, typer.Option(help="Windows to compare, as 10,20,50,100: quality against time.")] = "",
    policy: Annotated[str, typer.Option(help="The policy that systems start from; default: the index's own.")] = "",
    filter: Annotated[str, typer.Option(help="A query clause (JSON) that all hits must match.")] = "",
    sample: Annotated[int, typer.Option(min=0, help="A random choice of so many queries; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(help="Of that choice.")] = 1,
    url: Annotated[str, typer.Option(help="Ask a running proxy; default: its composition in this process.")] = "",
    budget_ms: Annotated[
        int,
        typer.Option(
            min=1,
            help="Of reranking; the default is no deadline in practice. With --url it can only lower the proxy's own.",
        ),
    ] = UNHURRIED_MS,
    at_once: Annotated[int, typer.Option(min=1, help="Queries under way at a time.")] = 4,
    out: Annotated[
        Path | None, typer.Option(help="Folder of answers, report and plots; default: evaluation-INDEX.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume/--restart", help="Use the answers of earlier runs.")] = True,
    fail_under: Annotated[
        list[str] | None, typer.Option(help="Exit with 1 where the last system (or SYSTEM:) has less: nDCG@10=0.7.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON; the tables go to stderr.")] = False,
    config: Config = None,
    port: Port = None,
    engine_url: EngineUrl = "",
    redis_url: RedisUrl = "",
    broker_url: BrokerUrl = "",
) -> None:
    """Compare orders on graded queries: measures, intervals, queries won and lost, a report.

    Exit status 1: an answer was not reranked whole, so that no table can be trusted, or --fail-under was missed.

    Examples:

      secondpass evaluate judgments.csv --index products --port 9280

      secondpass evaluate beir/ --index articles --system fused \\
        --system reranked --system "half: blend=1/0.5/0"

      secondpass evaluate beir/ --index articles --depth 10,20,50,100 \\
        --fail-under nDCG@10=0.7

      secondpass evaluate qrels.txt --queries topics.txt --run ours=a.trec \\
        --run theirs=b.trec
    """
    console = Console(stderr=json)
    thresholds = [parse_threshold(written) for written in fail_under or ()]
    names = tuple(dict.fromkeys([*map(measure_name, measure or MEASURES), *(one.measure for one in thresholds)]))
    judged = read_judgments(judgments, queries, split)
    if sample:
        judged = judged.sample(sample, seed)
    if filter:
        judged = judged.filtered(_clause(filter))
    files = [_named_file(written) for written in run or ()]
    others = [file_system(name) for name, _ in files]
    systems: list[System] = []
    answers: dict[str, Mapping[str, Answered]] = {}
    folder = out or Path(f"evaluation-{re.sub(r'[^A-Za-z0-9._-]+', '-', index) or 'runs'}")
    if index:
        settings = settings_at(config, port, engine_url, redis_url, broker_url)
        base = policy_of(index, policy, settings)
        systems = [parse_system(one, base, settings, budget_ms) for one in system or ()]
        systems = systems or default_systems(base, settings, budget_ms)
        if depth:
            systems += depth_systems(_deepest(systems), _windows(depth), settings)
        _check_names([*systems, *others], baseline)
        if url:
            refuse_changes(systems, settings)
        answers |= asyncio.run(_ask(settings, index, systems, judged, folder, resume, at_once, url, console))
    elif not files:
        raise ConfigError("nothing to compare: give --index, or --run NAME=FILE")
    systems += others
    _check_names(systems, baseline)
    for name, path in files:
        found = read_run(path)
        answers[name] = {query.id: Answered("", name, query.id, found.get(query.id, [])) for query in judged.queries}
    if bad := unsound(answers):
        console.print("\n".join(map(escape, unsound_lines(bad, running=bool(url)))), style="red")
        raise typer.Exit(1)
    base_name = baseline or next((one.name for one in systems if one.name == "fused"), systems[0].name)
    results = summarise_answers(index or "runs", judged, systems, answers, names, base_name)
    show(results, console)
    _write(results, folder, console, json)
    if under := missed(thresholds, results):
        console.print("\n".join(map(escape, under)), style="red")
        raise typer.Exit(1)


async def _ask(
    settings: Settings,
    index: str,
    systems: Sequence[System],
    judged: Judgments,
    folder: Path,
    resume: bool,
    at_once: int,
    url: str,
    console: Console,
) -> Answers:
    if not resume:
        (folder / "answers.jsonl").unlink(missing_ok=True)
    log = AnswerLog(folder / "answers.jsonl")
    columns = (TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    known = 0
    try:
        async with open_road(settings, index, systems, url) as road:
            with Progress(*columns, TextColumn("[dim]{task.description}"), console=console) as bar:
                task = bar.add_task("", total=len(systems) * len(judged.queries))

                def watch(was_known: bool) -> None:
                    nonlocal known
                    known += was_known
                    bar.update(task, advance=1, description=f"{known} from before" if known else "")

                return await collect(road, systems, judged.queries, log, at_once, watch)
    finally:
        log.close()


def _write(results: Results, folder: Path, console: Console, as_text: bool) -> None:
    """results.json, the plots and report.html, which is of use without the plots, too."""
    folder.mkdir(parents=True, exist_ok=True)
    command = shlex.join(map(without_passwords, ["secondpass", *sys.argv[1:]]))
    found = as_json(results, command)
    (folder / "results.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    try:
        drawn = plots.draw(results, folder)
    except ConfigError as error:
        console.print(f"[yellow]No plots:[/yellow] {escape(str(error))}")
        drawn = []
    (folder / "report.html").write_text(report.render(results, drawn, command), encoding="utf-8")
    console.print(f"Report: {escape(str(folder / 'report.html'))}")
    if as_text:
        typer.echo(orjson.dumps(found))


def _clause(written: str) -> dict[str, object]:
    try:
        clause = orjson.loads(written)
    except orjson.JSONDecodeError:
        clause = None
    if not isinstance(clause, dict):
        raise ConfigError("""--filter: write a query clause as JSON, like '{"term": {"language": "en"}}'""")
    return clause


def _named_file(written: str) -> tuple[str, Path]:
    name, equals, path = written.partition("=")
    if not equals:
        return Path(written).stem, Path(written)
    return name, Path(path)


def _windows(written: str) -> list[int]:
    try:
        return [int(part) for part in written.split(",")]
    except ValueError as error:
        raise ConfigError(f"--depth {written!r}: write windows like 10,20,50,100") from error


def _deepest(systems: Sequence[System]) -> System:
    """The system whose depth is looked at: the last that is reranked. Raises ConfigError."""
    for system in reversed(systems):
        if system.by == "reranked":
            return system
    raise ConfigError("--depth needs a reranked system to compare the windows of")


def _check_names(systems: Sequence[System], baseline: str) -> None:
    names = [system.name for system in systems]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(
            f"two systems are called {', '.join(twice)}; name them with --system 'NAME: ...' or --run NAME=FILE"
        )
    if baseline and baseline not in names:
        raise ConfigError(f"--baseline {baseline!r} is none of {', '.join(names)}")
