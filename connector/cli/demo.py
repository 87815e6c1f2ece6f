"""`secondpass demo`: the whole stack with a shop in it, orders side by side, and how good each is."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from connector.cli.search import describe, find_orders
from connector.cli.tables import lists_table, measures_table
from connector.cli.up import Data, StackPort, addresses, say
from connector.errors import SecondpassError
from connector.evaluation import summarise
from connector.local.demo import (
    ALIAS,
    LANGUAGES,
    PATIENT,
    PRODUCTS,
    SETTINGS,
    SYSTEMS,
    Found,
    Query,
    ask,
    fill,
    read_queries,
)
from connector.local.processes import stopped_by_signals
from connector.local.stack import Stack, Wish, running
from connector.records import count_lines

TELLING = ("laptop", "coffee without caffeine", "expresso machine", "冲锋衣")  # an accessory, a negation, a misspelling
SHOWN = 6
MEASURES = ("nDCG@10", "RR", "R@100")
READ = "en"  # the language that the bundled cross-encoder was made for

T = TypeVar("T")


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the tables.")] = False,
    port: StackPort = 9280,
    data: Data = None,
) -> None:
    """Show it on a demo shop: real engine, real workers, the orders side by side, and how good each is.

    Examples:

      secondpass demo --once

      secondpass demo --port 9380
    """
    console = Console()
    wish = Wish("demo", port=port, config=SETTINGS, data=data)
    with stopped_by_signals(), running(wish, console) as stack:
        _while_watched(stack, _fill(stack, console))
        console.print(f"\nThe shop is open: {stack.url}\n")
        queries = read_queries()
        found = _while_watched(stack, _ask(stack, queries, console))
        check(found)
        _while_watched(stack, _show_orders(stack, queries, console))
        show_measures(found, console)
        if once:
            return
        console.print(addresses(stack))
        console.print("\nTry it:\n" + curl(stack.url), highlight=False, soft_wrap=True)
        stack.supervisor.watch(say(console))


def check(found: Sequence[Found]) -> None:
    """Raises SecondpassError where an English answer was not reranked whole: its figures would not be the model's."""
    bad = [one for one in found if one.query.language == READ and one.rerank.state != "applied"]
    if bad:
        lines = [f"  {one.query.id} {one.query.text!r}: {describe(one.rerank)}" for one in bad[:5]]
        raise SecondpassError("\n".join([f"{len(bad)} English answers were not reranked:", *lines]))


def show_measures(found: Sequence[Found], console: Console) -> None:
    """One table a language."""
    for language, name in LANGUAGES.items():
        of_language = [one for one in found if one.query.language == language]
        grades = {one.query.id: one.query.grades for one in of_language}
        systems = {
            system: summarise({one.query.id: one.lists[system] for one in of_language}, grades, MEASURES)
            for system in SYSTEMS
        }
        table = measures_table(name, systems)
        table.show_edge = table.pad_edge = False  # three figures with intervals then fit 80 columns
        console.print(table)
        skipped = sorted({str(one.rerank.reason) for one in of_language if one.rerank.state == "skipped"})
        if skipped:
            console.print(f"[dim]not reranked: skipped;reason={', '.join(skipped)}[/dim]")
        console.print()


def curl(url: str) -> str:
    """A command to copy."""
    return f"  curl -s '{url}/_secondpass/search?index={ALIAS}&q=rain+jacket&size=3'\n"


async def _fill(stack: Stack, console: Console) -> None:
    with _progress("embedding and indexing", console) as bar:
        total = count_lines(PRODUCTS)
        task = bar.add_task("", total=total)
        work = await fill(stack.settings, stack.data, lambda done: bar.update(task, completed=done))
        bar.update(task, completed=total, description="" if work else "already there")


async def _ask(stack: Stack, queries: Sequence[Query], console: Console) -> list[Found]:
    with _progress("graded queries", console) as bar:
        task = bar.add_task("", total=len(queries))
        return await ask(stack.settings, stack.url, queries, lambda: bar.advance(task))


async def _show_orders(stack: Stack, queries: Sequence[Query], console: Console) -> None:
    policy = next(policy for policy in stack.settings.policy if policy.name == PATIENT)
    for query in queries:
        if query.text in TELLING:
            orders = await find_orders(query.text, ALIAS, SHOWN, policy, stack.settings, stack.url, query.filter)
            lists = {"engine": orders.engine, "fused": orders.fused or [], "reranked": orders.reranked}
            console.print(lists_table(query.text, lists, [*orders.notes, describe(orders.rerank)]))
            console.print()


def _while_watched(stack: Stack, work: Coroutine[Any, Any, T]) -> T:
    """Run `work`; where it fails because a part has ended, say which one."""
    try:
        return asyncio.run(work)
    except (SecondpassError, OSError):
        stack.supervisor.check()
        raise


def _progress(title: str, console: Console) -> Progress:
    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    return Progress(*columns, console=console)
