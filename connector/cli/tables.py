"""How results look in a terminal: figures with their intervals, and lists side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:  # numpy and ir-measures come with the extra `evaluate`; showing lists needs neither
    from connector.evaluation import Difference, Mean

TITLES = {"RR": "MRR", "AP": "MAP"}  # what the mean of a measure is called


@dataclass(frozen=True, slots=True)
class Entry:
    """One place of a list: what is shown, and the document's place in the engine's own list (None: not in it)."""

    label: str
    engine_rank: int | None = None


def measures_table(
    title: str,
    systems: Mapping[str, Mapping[str, Mean]],
    differences: Mapping[str, Difference] | None = None,
    against: str = "",
) -> Table:
    """One row a system, one column a measure: the mean and its 95 % interval. `differences` of nDCG@10 `against`
    another system add a column: the gain, * where its interval does not hold 0, and the queries won and lost.
    """
    measures = list(next(iter(systems.values())))
    n = next(iter(next(iter(systems.values())).values())).n
    table = Table(title=f"{title} ({n} queries, 95 % intervals)", title_justify="left")
    table.add_column("")
    for measure in measures:
        table.add_column(TITLES.get(measure, measure), justify="right")
    if differences:
        table.add_column(f"nDCG@10 against {against}", justify="right")
    for name, means in systems.items():
        row = [name, *(show_mean(means[measure]) for measure in measures)]
        if differences:
            row.append(show_difference(differences[name]) if name in differences else "")
        table.add_row(*row)
    return table


def show_mean(found: Mean) -> str:
    """`0.743 [0.701, 0.784]`"""
    return f"{found.value:.3f} [dim]\\[{found.low:.3f}, {found.high:.3f}][/dim]"


def show_difference(found: Difference) -> str:
    """`+0.031* (12 won, 4 lost)`"""
    star = "*" if found.significant else ""
    return f"{found.mean.value:+.3f}{star} [dim]({found.wins} won, {found.losses} lost)[/dim]"


def lists_table(title: str, lists: Mapping[str, Sequence[Entry]], notes: Sequence[str] = ()) -> Group:
    """Lists side by side, one column each; documents that the engine had further down are marked with how far."""
    table = Table(title=escape(title), title_justify="left", show_lines=False)
    table.add_column("", justify="right", style="dim", min_width=2)
    for name in lists:
        table.add_column(name, ratio=1, overflow="fold")  # Chinese has no spaces to break a line at
    for place in range(max((len(entries) for entries in lists.values()), default=0)):
        cells = [show_entry(e[place], place + 1) if place < len(e) else "" for e in lists.values()]
        table.add_row(str(place + 1), *cells)
    return Group(table, *(f"[dim]{escape(note)}[/dim]" for note in notes))


def show_entry(entry: Entry, place: int) -> str:
    """The label after an arrow with the places it rose or fell; `new` where the engine's words did not find it."""
    if entry.engine_rank is None:
        moved = "[cyan]new[/cyan] "
    elif entry.engine_rank > place:
        moved = f"[green]↑{entry.engine_rank - place}[/green] "
    elif entry.engine_rank < place:
        moved = f"[red]↓{place - entry.engine_rank}[/red] "
    else:
        moved = ""
    return moved + escape(entry.label)
