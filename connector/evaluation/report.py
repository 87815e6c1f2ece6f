"""One HTML file that holds all of a comparison: no script, no address, nothing from outside; plots are images in it."""

import base64
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from connector.evaluation.markup import Markup, style, table, tag
from connector.evaluation.moves import Change, Move
from connector.evaluation.results import Found, Results
from connector.evaluation.statistics import Difference, Mean

SHOWN = 20  # queries won, and lost, that are shown of each system
SHEET = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums }
th, td { padding: .25em .8em; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top }
th:first-child, td:first-child { text-align: left } small { color: #666 } img { max-width: 100% }
.warning { background: #fff3d6; border-left: 4px solid #d99000; padding: .6em 1em; margin: 1em 0 }
.up { color: #17692d } .down { color: #a32020 } summary { cursor: pointer } code { background: #f3f3f3 }
"""


def render(results: Results, plots: Sequence[Path], command: str) -> str:
    """The whole file. `plots` are SVG files; `command` is what was typed."""
    body = [
        tag("h1", "Evaluation of ", results.index),
        tag("p", f"{len(results.judgments.queries)} graded queries; {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."),
        *(tag("p", tag("small", note)) for note in results.judgments.notes),
        *(tag("div", warning, class_="warning") for warning in results.warnings),
        tag("h2", "Systems"),
        _systems(results),
        tag("p", tag("small", _legend(results))),
        *(_image(plot) for plot in plots),
        *_depth(results),
        *(_changes(results, one) for one in results.found.values() if one.changes),
        tag("h2", "How it was made"),
        tag("pre", tag("code", command)),
        table(("system", "policy", "settings"), map(_settings, [*results.found.values(), *results.depth])),
    ]
    head = tag("head", tag("meta", charset="utf-8"), tag("title", "Evaluation of ", results.index), style(SHEET))
    return "<!doctype html>\n" + tag("html", head, tag("body", *body), lang="en")


def _systems(results: Results) -> Markup:
    against = f"{results.measure} against {results.baseline}"
    rows = (
        (
            one.system.name,
            *(_mean(one.means[measure]) for measure in results.measures),
            _difference(one.difference),
            _times(one),
            one.went,
        )
        for one in results.found.values()
    )
    return table(("", *results.measures, against, "ms p50 / p95", "reranking"), rows)


def _legend(results: Results) -> str:
    return (
        "In brackets 95 % bootstrap intervals over queries; differences are paired, p is of a two-sided randomisation "
        f"test. {results.measures[-1]}: the share of the first ten that was judged; what was not counts as irrelevant. "
        "Milliseconds are of whole answers, several under way at a time."
    )


def _mean(mean: Mean) -> Markup:
    return Markup.joined((f"{mean.value:.3f} ", tag("small", f"[{mean.low:.3f}, {mean.high:.3f}]")))


def _difference(found: Difference | None) -> object:
    if found is None:
        return ""
    said = f"[{found.mean.low:+.3f}, {found.mean.high:+.3f}], p {found.p:.4f}, {found.wins} won, {found.losses} lost"
    colour = ("up" if found.mean.value > 0 else "down") if found.significant else None
    return Markup.joined((tag("span", f"{found.mean.value:+.3f} ", class_=colour), tag("small", said)))


def _times(one: Found) -> str:
    return f"{one.times.p50:.0f} / {one.times.p95:.0f}" if one.times else ""


def _image(plot: Path) -> Markup:
    data = base64.b64encode(plot.read_bytes()).decode()
    return tag("p", tag("img", src=f"data:image/svg+xml;base64,{data}", alt=plot.stem))


def _depth(results: Results) -> Iterable[Markup]:
    if not results.depth:
        return
    yield tag("h2", "Depth")
    yield tag("p", "Each window asked without a score cache, one query at a time.")
    yield table(
        ("window", results.measure, f"against {results.baseline}", "ms added (median)", "ms p50 / p95"),
        (
            (
                one.system.policy.window,
                _mean(one.means[results.measure]),
                _difference(one.difference),
                f"{one.times.added:.0f}" if one.times and one.times.added is not None else "",
                _times(one),
            )
            for one in results.depth
        ),
    )


def _changes(results: Results, one: Found) -> Markup:
    won = [change for change in one.changes if change.gain > 0][:SHOWN]
    lost = [change for change in reversed(one.changes) if change.gain < 0][:SHOWN]
    return tag(
        "section",
        tag("h2", f"{one.system.name} against {results.baseline}"),
        *(
            tag("details", tag("summary", f"{title} ({len(rows)} shown)"), *map(_change, rows))
            for title, rows in (("Queries won", won), ("Queries lost", lost))
            if rows
        ),
    )


def _change(change: Change) -> Markup:
    colour = "up" if change.gain > 0 else "down"
    figures = tag("span", f"{change.before:.3f} → {change.after:.3f}", class_=colour)
    return tag(
        "div",
        tag("h4", change.query.text, " ", figures),
        table(("document", "grade", "was", "is"), (_move(move) for move in change.moves)),
    )


def _move(move: Move) -> tuple[object, ...]:
    named = Markup.joined((move.label, " ", tag("small", move.id if move.label != move.id else "")))
    return named, "–" if move.grade is None else move.grade, move.before or "–", move.after or "–"


def _settings(one: Found) -> tuple[object, ...]:
    policy = one.system.policy
    return (
        one.system.name,
        one.system.base,
        f"by={one.system.by} window={policy.window} model={policy.model} fusion={policy.fusion} "
        f"weights={policy.fusion_weights} blend={policy.blend.rerank}/{policy.blend.lexical}/{policy.blend.vector} "
        f"candidates={policy.candidates} passages={policy.passages} stop_margin={policy.stop_margin} "
        f"agreement={policy.agreement} agreement_field={policy.agreement_field} exclusion={policy.exclusion} "
        f"template={policy.template!r}",
    )
