from rich.console import Console, RenderableType

from connector.cli.search import describe, label
from connector.cli.tables import Entry, lists_table, measures_table
from connector.client import Reranking
from connector.evaluation import Difference, Mean


def shown(table: RenderableType, width: int = 100) -> list[str]:
    console = Console(width=width, no_color=True, legacy_windows=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get().splitlines()


def test_figures_come_with_intervals_and_what_was_won() -> None:
    bm25 = {"nDCG@10": Mean(0.7171, 0.68, 0.75, 60), "RR": Mean(0.8, 0.7, 0.9, 60)}
    reranked = {"nDCG@10": Mean(0.77, 0.74, 0.8, 60), "RR": Mean(0.9, 0.8, 0.95, 60)}
    gain = Difference(Mean(0.0529, 0.01, 0.09, 60), 30, 12)
    lines = shown(measures_table("Test", {"BM25": bm25, "reranked": reranked}, {"reranked": gain}, "BM25"))
    assert lines[0].strip() == "Test (60 queries, 95 % intervals)"
    assert "MRR" in lines[2]
    assert "nDCG@10 against BM25" in lines[2]
    assert "0.717 [0.680, 0.750]" in lines[4]
    assert "+0.053* (30 won, 12 lost)" in lines[5]


def test_a_gain_that_may_be_chance_has_no_star() -> None:
    means = {"nDCG@10": Mean(0.7, 0.6, 0.8, 9)}
    chance = Difference(Mean(-0.01, -0.05, 0.03, 9), 4, 5)
    text = "\n".join(shown(measures_table("T", {"a": means, "b": means}, {"b": chance}, "a")))
    assert "-0.010 (4 won, 5 lost)" in text


def test_lists_side_by_side_show_what_moved() -> None:
    engine = [Entry("case [small]", 1), Entry("laptop", 2)]
    reranked = [Entry("laptop", 2), Entry("tablet", None), Entry("case [small]", 1)]
    lines = shown(lists_table("lap[top]", {"engine": engine, "reranked": reranked}, ["a [note]"]))
    assert lines[0].strip() == "lap[top]"
    assert [word in lines[4] for word in ("1", "case [small]", "↑1 laptop")] == [True] * 3
    assert "new tablet" in lines[5]
    assert "↓2 case [small]" in lines[6]
    assert lines[-1] == "a [note]"


def test_a_name_without_spaces_is_shown_whole() -> None:
    lines = shown(lists_table("冲锋衣", {"engine": [Entry("男款三层压胶防水冲锋衣黑色加厚防风登山服", 1)]}), width=30)
    assert "登山服" in "".join(lines)
    assert "…" not in "".join(lines)


def test_a_document_is_called_by_its_name() -> None:
    assert label({"id": "7", "brand": "Acme", "name": "Kettle"}, "7") == "Kettle"
    assert label({"id": "7", "price": 3, "text": "A page"}, "7") == "A page"
    assert label({"name": ["no", "text"]}, "7") == "7"
    assert label(None, "7") == "7"


def test_what_was_done_in_one_line() -> None:
    assert describe(Reranking("skipped", "language")) == "skipped: language"
    assert describe(Reranking("partial", "timeout", 32, 2, 100, 41.2, "products-en", "fused")) == (
        "partial (timeout): 32 of 100 scored, 2 from the cache, 41 ms, model products-en, vectors fused"
    )
