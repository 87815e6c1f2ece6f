"""The command on a real engine, with workers whose scores are made up: the road, resuming, and what makes it fail."""

import tomllib
from pathlib import Path

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from connector.cli.main import build
from connector.settings import parse
from tests.connector.cli.conftest import DOCUMENTS, MODEL, WORDS, Bench
from tests.faithful.conftest import ready, serving
from tests.stub_worker import score


@pytest.mark.parametrize("before", ["bench", "bench_on_elasticsearch"])
def test_every_order_is_compared_and_the_reranked_one_is_the_models(
    request: pytest.FixtureRequest, before: str, tmp_path: Path
) -> None:
    bench: Bench = request.getfixturevalue(before)
    done = bench.run("--out", str(tmp_path), "--system", "bm25", "--system", "fused", "--system", "reranked")
    assert done.exit_code == 0, done.output
    answers = [orjson.loads(line) for line in (tmp_path / "answers.jsonl").read_bytes().splitlines() if line]
    assert len(answers) == 9
    for answer in answers:
        if answer["system"] == "reranked":
            assert (answer["state"], answer["knn"]) == ("applied", "fused")
            expected = sorted(answer["ids"], key=lambda key: -score(f"{answer['query']} thing", DOCUMENTS[key]))
            assert answer["ids"] == expected
    found = orjson.loads((tmp_path / "results.json").read_bytes())
    assert list(found["systems"]) == ["bm25", "fused", "reranked"]
    assert found["baseline"] == "fused"
    assert found["systems"]["reranked"]["outcomes"] == {"applied": 3}
    assert {path.name for path in tmp_path.iterdir()} >= {"report.html", "quality.svg", "gains.png"}


def test_nothing_is_asked_twice(bench: Bench, tmp_path: Path) -> None:
    arguments = ("--out", str(tmp_path), "--system", "reranked", "--system", "half: blend=1/1/0", "--json")
    first, kept = bench.run(*arguments), (tmp_path / "answers.jsonl").read_bytes()
    again = bench.run(*arguments)
    assert first.exit_code == again.exit_code == 0, first.output
    assert (tmp_path / "answers.jsonl").read_bytes().strip() == kept.strip()
    assert "6 from before" in again.stderr
    one, two = orjson.loads(first.stdout), orjson.loads(again.stdout)
    assert one["systems"]["half"]["values"] == two["systems"]["half"]["values"]
    assert bench.run(*arguments, "--restart").exit_code == 0
    assert (tmp_path / "answers.jsonl").read_bytes().strip() != kept.strip()  # other milliseconds, at least


def test_a_running_proxy_is_asked_for_what_is_reranked(bench: Bench, tmp_path: Path) -> None:
    arguments = ("--system", "fused", "--system", "reranked", "--system", "less: window=4", "--json")
    here = bench.run("--out", str(tmp_path / "here"), *arguments)
    config = bench.folder / "secondpass.toml"
    settings = parse(tomllib.loads(config.read_text()) | {"proxy": {"port": 0}})
    with serving(settings) as url:
        ready(lambda: httpx.get(f"{url}/_secondpass/ready?rerank=true", timeout=60).status_code == 200)
        asked = count_applied(url)
        there = bench.run("--out", str(tmp_path / "there"), "--url", url, *arguments)
        assert there.exit_code == here.exit_code == 0, there.output
        assert count_applied(url) - asked == 6  # three queries by two systems; what is fused comes from the engine
    mine, theirs = (orjson.loads(done.stdout)["systems"] for done in (here, there))
    assert {name: one["values"] for name, one in mine.items()} == {name: one["values"] for name, one in theirs.items()}
    assert theirs["reranked"]["outcomes"] == {"applied": 3}


def count_applied(url: str) -> float:
    """How many searches a proxy has counted as reranked."""
    lines = httpx.get(f"{url}/_secondpass/metrics", timeout=60).text.splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith("secondpass_searches_total{") and "applied" in line
    )


def test_depth_is_asked_without_the_cache(bench: Bench, tmp_path: Path) -> None:
    done = bench.run("--out", str(tmp_path), "--depth", "4,8")
    assert done.exit_code == 0, done.output
    answers = [orjson.loads(line) for line in (tmp_path / "answers.jsonl").read_bytes().splitlines() if line]
    cold = [answer for answer in answers if answer["system"].startswith("window")]
    assert [len(answer["ids"]) for answer in cold] == [4, 4, 4, 8, 8, 8]
    assert all(answer.get("cached", 0) == 0 for answer in cold)


def test_a_threshold_that_is_missed_fails(bench: Bench, tmp_path: Path) -> None:
    arguments = ("--out", str(tmp_path), "--system", "reranked", "--fail-under")
    assert bench.run(*arguments, "nDCG@10=0.01").exit_code == 0
    missed = bench.run(*arguments, "R@100=1.1")
    assert missed.exit_code == 1
    assert "is under 1.1" in missed.output.splitlines()[-1]


def test_answers_that_are_not_whole_fail_and_are_named(bench: Bench, tmp_path: Path) -> None:
    (bench.folder / "bad.jsonl").write_text('{"id": "b", "query": "refuse red thing", "grades": {"red-3": 1}}\n')
    done = bench.run("--out", str(tmp_path), judged="bad.jsonl")
    assert done.exit_code == 1
    assert "1 answers were not reranked whole" in done.output
    assert "reranked, query b: failed: model" in done.output
    assert not (tmp_path / "results.json").exists()


def test_a_query_in_another_language_is_a_stated_skip(bench: Bench, tmp_path: Path) -> None:
    (bench.folder / "zh.jsonl").write_text('{"id": "z", "query": "红色的东西 red", "grades": {"red-3": 1}}\n')
    done = bench.run("--out", str(tmp_path), judged="zh.jsonl")
    assert done.exit_code == 0, done.output
    assert "reranked: 1 skipped: language" in done.output


def test_files_of_others_need_no_engine(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, order in (("ours", (3, 5, 1)), ("theirs", (1, 5, 3))):
        rows = [f"{word} Q0 {word}-{n} {rank} {9 - rank} x" for word in WORDS for rank, n in enumerate(order)]
        (tmp_path / f"{name}.trec").write_text("\n".join(rows))
    typed = [str(bench.folder / "judged.jsonl"), "--out", str(tmp_path / "out")]
    for name in ("theirs", "ours"):
        typed += ["--run", f"{name}={tmp_path / name}.trec"]
    monkeypatch.setattr("sys.argv", ["secondpass", "evaluate", *typed, "--redis-url", "redis://:secret@cache:6379/0"])
    done = CliRunner().invoke(build("evaluate"), ["evaluate", *typed, "--fail-under", "ours:nDCG@10=1"])
    assert done.exit_code == 0, done.output
    assert "nDCG@10 against theirs" in done.output
    for name in ("results.json", "report.html"):
        said = (tmp_path / "out" / name).read_text()
        assert "--redis-url redis://cache:6379/0" in said
        assert "secret" not in said


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--system", "a: model=gone"], "no [[model]] 'gone'"),
        (["--system", "bm25", "--system", "bm25"], "two systems are called bm25"),
        (["--system", "bm25", "--baseline", "knn"], "'knn' is none of bm25"),
        (["--system", "bm25", "--depth", "10"], "--depth needs a reranked system"),
        (["--depth", "ten"], "write windows like 10,20"),
        (["--filter", "red"], "write a query clause as JSON"),
        (["--measure", "quality"], "'quality' is no measure"),
        (["--run", "theirs/a.trec", "--run", "ours/a.trec"], "two systems are called a; name them"),
        (["--run", "bm25=a.trec", "--system", "bm25"], "two systems are called bm25"),
        (["--url", "http://127.0.0.1:9", "--system", "a: blend=1/1/1"], "a running proxy"),
        (["--url", "http://127.0.0.1:9", "--depth", "4"], "a running proxy"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_asked(
    bench: Bench, tmp_path: Path, arguments: list[str], why: str
) -> None:
    done = bench.run("--out", str(tmp_path), *arguments)
    assert why in str(done.exception)


def test_no_worker_says_which_to_start(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.evaluation.roads.WAIT_BEATS", 1)
    config = (bench.folder / "secondpass.toml").read_text().replace(MODEL, "model-nobody")
    (bench.folder / "nobody.toml").write_text(config)
    typed = [str(bench.folder / "judged.jsonl"), "--index", bench.index, "--config", str(bench.folder / "nobody.toml")]
    done = CliRunner().invoke(build("evaluate"), ["evaluate", *typed, "--out", str(tmp_path)])
    assert "secondpass worker --role score --model model-nobody" in str(done.exception)
