"""What a comparison says: figures, differences, moves and warnings, in every form that it is written in."""

import re
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from rich.console import Console

from connector.cli.comparison import show, unsound_lines
from connector.errors import ConfigError
from connector.evaluation import plots, report
from connector.evaluation.answers import LABEL_CHARACTERS, Answered
from connector.evaluation.judgments import Judgments, Query
from connector.evaluation.measures import measure_name
from connector.evaluation.moves import moves
from connector.evaluation.record import as_json
from connector.evaluation.results import LEFT_OUT, Results, summarise_answers, unsound
from connector.evaluation.statistics import mean
from connector.evaluation.systems import depth_systems, file_system
from connector.evaluation.thresholds import missed, parse_threshold
from tests.connector.evaluation.cases import SETTINGS, judgments, lists, system

MEASURES = ("nDCG@10", "RR")


def compared(
    order: tuple[str, ...] = ("good", "fair", "x"), judged: Judgments | None = None, baseline: str = "fused"
) -> Results:
    """Fused puts the good document second; `order` is the reranked one."""
    judged = judged or judgments()
    systems = [system("fused"), system("reranked")]
    deep = depth_systems(systems[1], [10, 50], SETTINGS)
    answers = {
        "fused": lists("fused", judged, ("fair", "good", "x")),
        "reranked": lists("reranked", judged, order, state="applied", ms=5.0),
        **{one.name: lists(one.name, judged, order, state="applied", ms=3.0) for one in deep},
    }
    return summarise_answers("shop", judged, [*systems, *deep], answers, MEASURES, baseline)


def test_figures_and_differences() -> None:
    found = compared()
    assert found.measures == ("nDCG@10", "RR", "Judged@10")
    assert found.found["reranked"].means["nDCG@10"].value == pytest.approx(1.0)
    gap = found.found["reranked"].difference
    assert gap is not None
    assert (gap.wins, gap.losses, gap.significant) == (12, 0, True)
    assert gap.p == pytest.approx(2 / 4096, abs=0.001)
    assert found.found["fused"].difference is None
    assert [one.system.policy.window for one in found.depth] == [10, 50]
    assert found.warnings == ()


def test_an_adaptive_depth_says_how_much_it_scored() -> None:
    judged, settled = judgments(), system("settled: stop_margin=0.75")
    answers = {
        "reranked": lists("reranked", judged, ("good", "fair"), state="applied", scored=100),
        "settled": lists("settled", judged, ("good", "fair"), state="applied", scored=40),
    }
    found = summarise_answers("shop", judged, [system("reranked"), settled], answers, MEASURES, "reranked")
    assert (found.found["reranked"].pairs, found.found["settled"].pairs) == (None, 40.0)
    console = Console(record=True, width=160)
    show(found, console)
    assert "settled: 12 applied; 40.0 of 100 candidates scored a query" in console.export_text()
    assert as_json(found, "")["systems"]["settled"]["scored"] == 40.0


def test_the_documents_that_moved() -> None:
    change = compared().found["reranked"].changes[0]
    assert [(move.label, move.grade, move.before, move.after) for move in change.moves] == [
        ("good thing", 3, 2, 1),
        ("fair thing", 1, 1, 2),
    ]


def test_a_model_that_harms_is_said_with_the_next_step() -> None:
    (warning,) = compared(("x", "fair", "good")).warnings
    assert warning.startswith("reranked is worse than fused: nDCG@10 -")
    assert "take this index out of policy shop" in warning
    assert "secondpass train" in warning


def test_many_unjudged_documents_are_said() -> None:
    (warning,) = [one for one in compared(("good", "y", "z")).warnings if "nobody judged" in one]
    assert "nobody judged 67% of its first ten (fused: 33%)" in warning
    assert measure_name(warning.partition("--measure '")[2].partition("'")[0]) == LEFT_OUT


def test_ids_of_another_world_are_said() -> None:
    judged = judgments()
    systems = [system("fused"), system("reranked")]

    def warnings(fused: tuple[str, ...], reranked: tuple[str, ...]) -> str:
        answers = {
            "fused": lists("fused", judged, fused),
            "reranked": lists("reranked", judged, reranked, state="applied"),
        }
        found = summarise_answers("shop", judged, systems, answers, MEASURES, "fused")
        assert all(str(escape(one)) in report.render(found, [], "") for one in found.warnings)
        return " ".join(found.warnings)

    nobody = "no system found a graded document for any query"
    assert f"{nobody}, so figures are 0: are the document ids of the judgments those of shop?" in warnings(
        ("x",), ("y",)
    )
    assert "not one of reranked found a graded document" in warnings(("x", "good"), ("y",))
    assert "reranked has no hit for any of the 12 queries" in warnings(("good",), ())
    assert "found a graded" not in warnings(("good",), ("x", "fair"))


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        (
            ("good",),
            ("y",),
            "theirs has not found a graded document for any query, .* ids of its file those of the jud",
        ),
        (("x",), ("y",), "no system found a graded .* document ids of the judgments those of the files"),
        (("good",), (), "theirs has no hit for any of the 12 queries: are the file's query ids those of the judgments"),
    ],
)
def test_a_file_of_another_world_is_said_of_that_file(mine: tuple[str], theirs: tuple[str], said: str) -> None:
    judged = judgments()
    answers = {"mine": lists("mine", judged, mine), "theirs": lists("theirs", judged, theirs)}
    systems = [file_system(name) for name in answers]
    (warning,) = summarise_answers("runs", judged, systems, answers, MEASURES, "mine").warnings[:1]
    assert re.match(said, warning)
    assert "runs" not in warning


def test_answers_that_were_not_reranked_whole() -> None:
    judged = judgments(8)
    bad = unsound({"reranked": lists("reranked", judged, ("x",), state="partial", reason="timeout", knn="late")})
    lines = unsound_lines(bad)
    assert lines[:2] == [
        "8 answers were not reranked whole; a table would not be the model's:",
        "  reranked, query q0: partial: timeout, vectors late",
    ]
    assert lines[-1] == "  and 3 more"
    assert "raise it there, or leave --url away" in unsound_lines(bad, running=True)[-1]


def test_stated_skips_are_counted() -> None:
    judged = judgments()
    systems = [system("fused"), system("reranked")]
    answers = {
        "fused": lists("fused", judged, ("fair", "good")),
        "reranked": lists("reranked", judged, ("fair", "good"), state="skipped", reason="language"),
    }
    found = summarise_answers("shop", judged, systems, answers, MEASURES, "fused")
    assert found.found["reranked"].outcomes == {"skipped: language": 12}
    assert "reranked: 12 skipped: language" in shown(found)


def test_what_guards_let_through_is_also_compared_alone() -> None:
    judged = judgments()
    systems = [system("fused"), system("reranked")]
    guarded = lists("reranked", judged, ("fair", "good"), state="skipped", reason="length")
    through = lists("reranked", judged, ("x", "fair", "good"), state="applied")
    answers = {
        "fused": lists("fused", judged, ("fair", "good")),
        "reranked": {**guarded, **{query: through[query] for query in ("q1", "q2", "q3")}},
    }
    found = summarise_answers("shop", judged, systems, answers, MEASURES, "fused")
    one = found.found["reranked"]
    assert one.difference is not None
    assert one.applied is not None
    assert one.applied.mean.value == pytest.approx(one.difference.mean.value * 4)
    assert (one.applied.mean.n, one.applied.losses) == (3, 3)
    line = r"reranked: 9 skipped: length, 3 applied; gain over the applied alone -0\.\d{3} \[-"
    assert re.search(line, " ".join(shown(found).split()))
    assert re.search(line.removeprefix("reranked: "), report.render(found, [], "secondpass evaluate"))
    assert as_json(found, "")["systems"]["reranked"]["applied"]["lost"] == 3
    assert "applied" not in as_json(compared(), "")["systems"]["reranked"]


def shown(results: Results) -> str:
    console = Console(width=80, no_color=True, legacy_windows=False)
    with console.capture() as capture:
        show(results, console)
    return capture.get()


def test_the_terminal_shows_all_of_it_in_80_columns() -> None:
    text = shown(compared())
    assert max(map(len, text.splitlines())) <= 80
    for part in (
        "shop (12 queries, 95 % intervals)",
        "nDCG@10 against fused",
        "Depth, without a score cache",
        "most won",
    ):
        assert part in text
    assert re.search(r"grade 3\s+2 → 1\s+good thing", text)


def test_a_table_that_is_worse_says_so() -> None:
    assert "Warning: reranked is worse than fused" in " ".join(shown(compared(("x", "fair", "good"))).split())


NASTY = "<script>alert('&')</script>"


def test_the_report_is_one_file_that_nothing_can_break_out_of(tmp_path: Path) -> None:
    judged = Judgments((Query(NASTY, NASTY, {NASTY: 2, "b": 0}), Query("2", 'a "b" $x_1$', {"c": 1})), (NASTY,))
    systems = [system("fused"), system(f"{NASTY}: by=bm25")]
    answers = {
        "fused": {query.id: _answered("fused", query, list(query.grades)) for query in judged.queries},
        NASTY: {query.id: _answered(NASTY, query, ["z", *query.grades]) for query in judged.queries},
    }
    found = summarise_answers(NASTY, judged, systems, answers, MEASURES, "fused")
    html = report.render(found, plots.draw(found, tmp_path), f"secondpass evaluate {NASTY}")
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;" in html
    assert not re.search(r'(src|href)="(?!data:)', html)
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", html)
    assert {path.name for path in tmp_path.iterdir()} == {"quality.svg", "quality.png", "gains.svg", "gains.png"}


def _answered(name: str, query: Query, ids: list[str]) -> Answered:
    return Answered("k", name, query.id, ids, {key: f"{NASTY} {key}" for key in ids}, took_ms=1.0)


def test_plots_of_everything(tmp_path: Path) -> None:
    drawn = plots.draw(compared(), tmp_path)
    assert [path.name for path in drawn] == ["quality.svg", "gains.svg", "depth.svg"]
    assert all(path.with_suffix(".png").read_bytes().startswith(b"\x89PNG") for path in drawn)
    html = report.render(compared(), drawn, "secondpass evaluate")
    assert html.count("data:image/svg+xml;base64,") == 3
    assert "Queries won (12 shown)" in html


def test_a_window_may_be_the_baseline(tmp_path: Path) -> None:
    found = compared(baseline="window 50")
    assert found.base is found.depth[1]
    assert [one.difference is None for one in found.depth] == [False, True]
    drawn = plots.draw(found, tmp_path)
    assert [path.name for path in drawn] == ["quality.svg", "gains.svg", "depth.svg"]
    assert "fused against window 50" in report.render(found, drawn, "secondpass evaluate")
    assert "nDCG@10 against window 50" in shown(found)
    assert as_json(found, "")["baseline"] == "window 50"


def test_the_json_holds_every_figure() -> None:
    found = as_json(compared(), "secondpass evaluate x")
    assert found["systems"]["reranked"]["means"]["nDCG@10"]["mean"] == 1.0
    assert found["systems"]["reranked"]["difference"]["won"] == 12
    assert found["systems"]["reranked"]["values"]["RR"]["q3"] == 1.0
    assert found["systems"]["fused"]["settings"]["window"] == 100
    assert [row["ms"]["added"] for row in found["depth"]] == [3.0, 3.0]


def test_thresholds() -> None:
    results = compared(("fair", "x", "good"))
    assert missed([parse_threshold("nDCG@10=0.1"), parse_threshold("fused:MRR=1")], results) == []
    (said,) = missed([parse_threshold("reranked:nDCG@10=0.99")], results)
    assert re.fullmatch(r"reranked: nDCG@10 0\.\d{4} is under 0.99", said)
    for written in ("nDCG@10", "nDCG@10=high", "=0.5", "nDCG@10=nan"):
        with pytest.raises(ConfigError):
            parse_threshold(written)
    with pytest.raises(ConfigError, match="names 'gone'; there is fused, reranked"):
        missed([parse_threshold("gone:RR=1")], results)


def test_a_mean_of_just_the_threshold_is_not_under_it() -> None:
    results = compared()
    one = results.found["reranked"]
    exact = replace(one, means={"RR": mean([0.7, 0.7, 0.7])})
    assert exact.means["RR"].value < 0.7
    assert missed([parse_threshold("RR=0.7")], replace(results, found={"reranked": exact})) == []


def test_a_document_without_a_title_is_shown_by_its_beginning() -> None:
    old, new = (Answered("k", "s", "q", ids, {"a": "x" * 5000}) for ids in (["b", "a"], ["a", "b"]))
    (move, _) = moves(Query("q", "words", {"a": 1}), old, new)
    assert move.label == "x" * LABEL_CHARACTERS


@pytest.mark.parametrize(
    "changed",
    [
        "exclusion=1.5",
        "agreement=1, agreement_field=category",
        "stop_margin=0.75",
        "template={name}",
        "candidates=fused",
    ],
)
def test_the_report_tells_systems_apart(changed: str) -> None:
    judged = judgments()
    systems = [system("one: by=reranked"), system(f"two: {changed}")]
    answers = {one.name: lists(one.name, judged, ("good", "fair"), state="applied") for one in systems}
    found = summarise_answers("shop", judged, systems, answers, MEASURES, "one")
    for setting in changed.split(", "):
        assert setting.partition("=")[2] in report.render(found, [], "")
    assert report._settings(found.found["one"])[2] != report._settings(found.found["two"])[2]
