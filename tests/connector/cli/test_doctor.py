"""The command: findings with their fixes, its exit status, and a replay on a real engine."""

from pathlib import Path

import orjson
from typer.testing import CliRunner, Result

from connector.cli.main import build
from tests.connector.cli.conftest import Bench

DOWN = """
[engine]
url = ["http://127.0.0.1:9"]

[redis]
url = "redis://127.0.0.1:9/0"

[broker]
url = "redis://127.0.0.1:9/1"

[proxy]
port = 9

[[policy]]
name = "shop"
indices = ["shop"]
fields = ["name"]
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build("doctor"), ["doctor", *arguments])


def test_every_part_that_is_down_is_named_with_what_to_do(tmp_path: Path) -> None:
    config = tmp_path / "secondpass.toml"
    config.write_text(DOWN)
    done = run("--config", str(config))
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    for part in (
        "engine: no engine node",
        "cache: no answer",
        "broker: no answer",
        "workers: announcements",
        "proxy: no",
    ):
        assert part in said
    assert said.count("→") == 5 + 1  # and one server for cache and broker
    assert "4 errors, 2 warnings" in said
    found = orjson.loads(run("--config", str(config), "--json").stdout)
    errors = {one["about"] for one in found["findings"] if one["level"] == "error"}
    assert errors == {"engine", "cache", "broker", "workers"}
    assert all(one["fix"] for one in found["findings"] if one["level"] != "ok")


def test_a_whole_installation_and_its_logged_queries(bench: Bench) -> None:
    log = bench.folder / "log.txt"
    log.write_text("red thing\nblue thing\nred thing\n")
    typed = ("--config", str(bench.folder / "secondpass.toml"), "--queries", str(log), "--index", bench.index, "--json")
    done = run(*typed)
    assert done.exit_code == 0, done.output
    found = orjson.loads(done.stdout)
    assert {one["about"]: one["level"] for one in found["findings"]}["policy things"] == "ok"
    assert found["replay"]["outcomes"] == {"applied": 2}
    assert 0 <= found["replay"]["overlap"] <= 1
    assert found["replay"]["added_p50_ms"] > 0
    assert {one["query"] for one in found["replay"]["most_changed"]} == {"red thing", "blue thing"}
    assert "overlap@10" in run(*typed[:-1]).output


def test_a_query_that_the_engine_refuses_is_counted(bench: Bench) -> None:
    log = bench.folder / "long.txt"
    log.write_text(" ".join(f"word{n}" for n in range(1100)) + "\nred thing\n")
    config = ("--config", str(bench.folder / "secondpass.toml"))
    done = run(*config, "--queries", str(log), "--index", bench.index, "--json")
    assert done.exit_code == 0, done.output
    assert orjson.loads(done.stdout)["replay"]["outcomes"] == {"refused": 1, "applied": 1}


def test_an_address_of_all_interfaces(tmp_path: Path) -> None:
    config = tmp_path / "secondpass.toml"
    config.write_text(DOWN.replace("[proxy]", '[proxy]\nhost = "::"'))
    assert "no proxy answers at http://[::]:9 " in " ".join(run("--config", str(config)).output.split())


def test_queries_need_an_index() -> None:
    assert "--queries and --index go together" in str(run("--index", "shop").exception)


def test_settings_that_are_not_there() -> None:
    assert "no such file" in str(run("--config", "nowhere.toml").exception)
