"""How a comparison looks in a terminal: the systems, the depth curve, the queries that changed most, what to heed."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connector.cli.tables import show_mean
from connector.evaluation.answers import Answered
from connector.evaluation.moves import Change, Move
from connector.evaluation.results import Found, Results
from connector.evaluation.statistics import Difference

QUERIES = 3  # won, and lost, that are shown; the report has more
MOVES = 5
UNSOUND = 5


def show(results: Results, console: Console) -> None:
    """All of it. Tables fit 80 columns."""
    console.print(_systems(results))
    for note in (*results.judgments.notes, *_outcomes(results.found.values())):
        console.print(f"[dim]{escape(note)}[/dim]")
    if any(one.difference for one in results.found.values()):
        console.print(_differences(results.found.values(), results))
    if results.depth:
        console.print(_depth(results))
    for one in results.found.values():
        if one.system.by in ("reranked", "file"):
            _show_changes(one, results, console)
    for warning in results.warnings:
        console.print(f"[yellow]Warning:[/yellow] {escape(warning)}")


def unsound_lines(answers: Sequence[Answered], *, running: bool = False) -> list[str]:
    """Which answers make a table worthless, the first few of them. `running`: they are a running proxy's, whose
    deadline no request can put off.
    """
    lines = [
        f"  {one.system}, query {one.query}: {one.outcome}" + (f", vectors {one.knn}" if one.knn else "")
        for one in answers[:UNSOUND]
    ]
    more = [f"  and {len(answers) - UNSOUND} more"] if len(answers) > UNSOUND else []
    if running and any(one.reason == "timeout" or one.knn == "late" for one in answers):
        more.append("The proxy keeps to its policy's budget_ms: raise it there, or leave --url away for no deadline.")
    return [f"{len(answers)} answers were not reranked whole; a table would not be the model's:", *lines, *more]


def _systems(results: Results) -> Table:
    first, *others = results.measures
    table = _table(f"{results.index} ({len(results.judgments.queries)} queries, 95 % intervals)", "", first, *others)
    table.add_column("ms p50 / p95", justify="right")
    for name, one in results.found.items():
        times = f"{one.times.p50:.0f} / {one.times.p95:.0f}" if one.times else ""
        rest = (f"{one.means[measure].value:.3f}" for measure in others)
        table.add_row(escape(name), show_mean(one.means[first]), *rest, times)
    return table


def _differences(rows: Iterable[Found], results: Results) -> Table:
    table = _table(f"{results.measure} against {results.baseline}", "", "gain", "p", "won", "lost")
    for one in rows:
        if gap := one.difference:
            p = "" if gap.p is None else f"{gap.p:.4f}"
            table.add_row(escape(one.system.name), _gain(gap), p, str(gap.wins), str(gap.losses))
    return table


def _depth(results: Results) -> Table:
    against = f"against {results.baseline}"
    title = "Depth, without a score cache, one query at a time"
    table = _table(title, "window", results.measure, against, "ms added", "p50 / p95")
    for one in results.depth:
        times = one.times
        table.add_row(
            str(one.system.policy.window),
            show_mean(one.means[results.measure]),
            _gain(one.difference) if one.difference else "",
            f"{times.added:.0f}" if times and times.added is not None else "",
            f"{times.p50:.0f} / {times.p95:.0f}" if times else "",
        )
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=escape(title), title_justify="left", show_edge=False, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(escape(column), justify="right" if number else "left", overflow="fold")
    return table


def _gain(gap: Difference) -> str:
    """`+0.031* [+0.004, +0.060]`: a star where the interval does not hold 0."""
    star = "*" if gap.significant else ""
    return f"{gap.mean.value:+.3f}{star} [dim]\\[{gap.mean.low:+.3f}, {gap.mean.high:+.3f}][/dim]"


def _outcomes(rows: Iterable[Found]) -> list[str]:
    """Systems whose answers were not all `applied`: skips that are stated and right."""
    return [f"{one.system.name}: {one.went}" for one in rows if set(one.outcomes) - {"applied"} or one.pairs]


def _show_changes(one: Found, results: Results, console: Console) -> None:
    won = [change for change in one.changes if change.gain > 0][:QUERIES]
    lost = [change for change in reversed(one.changes) if change.gain < 0][:QUERIES]
    for title, rows in (("most won", won), ("most lost", lost)):
        if rows:
            console.print(f"\n[bold]{escape(one.system.name)} against {escape(results.baseline)}: {title}[/bold]")
        for change in rows:
            _show_change(change, console)


def _show_change(change: Change, console: Console) -> None:
    colour = "green" if change.gain > 0 else "red"
    figures = f"[{colour}]{change.before:.2f} → {change.after:.2f}[/{colour}]"
    console.print(f"  {figures}  {escape(change.query.text)}", no_wrap=True, overflow="ellipsis")
    for move in change.moves[:MOVES]:
        console.print(f"      {_ranks(move)}  {escape(move.label)}", no_wrap=True, overflow="ellipsis")


def _ranks(move: Move) -> str:
    grade = "not judged" if move.grade is None else f"grade {move.grade}"
    return f"[dim]{grade:10}[/dim] {move.before or '–':>4} → {move.after or '–':<4}"
