"""Plots of a comparison, as SVG and PNG files: each system's figure, what each query gained, quality against depth.

matplotlib is imported here and nowhere else, and only when a plot is drawn.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from connector.errors import ConfigError
from connector.evaluation.results import Found, Results
from connector.extras import adds

COLOURS = ("#3b6ea5", "#c2571a", "#4d8b31", "#8e5ea2", "#a33b3b", "#5a5a5a")
INK = "#333333"


def draw(results: Results, folder: Path) -> list[Path]:
    """Write every plot that there is something to show in; the SVG files. Raises ConfigError without matplotlib."""
    try:
        import matplotlib
    except ModuleNotFoundError as error:
        raise ConfigError(f"plots need matplotlib: {adds('evaluate')}") from error
    matplotlib.use("Agg")
    compared = [one for one in results.found.values() if one.difference]
    wanted: dict[str, Callable[[], Any]] = {"quality": lambda: _quality(results)}
    if compared:
        wanted["gains"] = lambda: _gains(results, compared)
    if results.depth:
        wanted["depth"] = lambda: _depth(results)
    look: Any = {"svg.hashsalt": "secondpass", "font.size": 9, "axes.edgecolor": INK, "axes.spines.top": False}
    written = []
    with matplotlib.rc_context({**look, "axes.spines.right": False, "figure.constrained_layout.use": True}):
        for name, plot in wanted.items():
            figure = plot()
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            figure.savefig(folder / f"{name}.png", dpi=150)
            written.append(folder / f"{name}.svg")
    return written


def _figure(width: float, height: float, columns: int = 1) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height)).subplots(1, columns, squeeze=False)[0]


def _quality(results: Results) -> Any:
    """A dot with its interval for each system, one panel a measure."""
    rows = list(results.found.values())
    panels = _figure(2.6 * len(results.measures), 0.9 + 0.32 * len(rows), len(results.measures))
    for panel, measure in zip(panels, results.measures, strict=True):
        for place, one in enumerate(rows):
            mean = one.means[measure]
            panel.plot([mean.low, mean.high], [place, place], color=COLOURS[0], linewidth=2)
            panel.plot([mean.value], [place], "o", color=COLOURS[0])
        panel.set_title(measure)
        panel.set_yticks(range(len(rows)), [_plain(one.system.name) for one in rows] if panel is panels[0] else [])
        panel.set_ylim(len(rows) - 0.5, -0.5)
        panel.grid(axis="x", alpha=0.3)
    return panels[0].figure


def _gains(results: Results, compared: Sequence[Found]) -> Any:
    """What each query gained over the baseline, the greatest gain first."""
    (panel,) = _figure(7.5, 3.2)
    base = results.base.values[results.measure]
    for number, one in enumerate(compared):
        gains = sorted((value - base[query] for query, value in one.values[results.measure].items()), reverse=True)
        colour = COLOURS[number % len(COLOURS)]
        panel.step(range(1, len(gains) + 1), gains, where="mid", color=colour, label=_plain(one.system.name))
    panel.axhline(0, color=INK, linewidth=0.8)
    panel.set_xlabel("queries, best gain first")
    panel.set_ylabel(f"{results.measure} against {_plain(results.baseline)}")
    panel.legend(frameon=False)
    return panel.figure


def _depth(results: Results) -> Any:
    """Quality against the window, and against the milliseconds that reranking adds."""
    by_window, by_time = _figure(7.5, 3.2, 2)
    rows = results.depth
    means = [one.means[results.measure] for one in rows]
    spread = [[mean.value - mean.low for mean in means], [mean.high - mean.value for mean in means]]
    places = [one.system.policy.window for one in rows], [(one.times and one.times.added) or 0.0 for one in rows]
    for panel, values, name in zip(
        (by_window, by_time), places, ("window", "milliseconds added (median)"), strict=True
    ):
        panel.errorbar(values, [mean.value for mean in means], yerr=spread, fmt="o-", color=COLOURS[0], capsize=3)
        panel.axhline(results.base.means[results.measure].value, color=INK, linestyle=":")
        panel.set_xlabel(name)
        panel.set_xlim(left=0)
    by_window.set_ylabel(f"{results.measure} (dotted: {_plain(results.baseline)})")
    return by_window.figure


def _plain(name: str) -> str:
    """A name that matplotlib does not read as mathematics."""
    return name.replace("$", r"\$")
