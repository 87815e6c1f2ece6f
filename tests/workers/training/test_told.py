"""A folder of runs belongs to one command."""

import json
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from connector.errors import ConfigError
from workers.training.told import claim, command_line

app = typer.Typer()


@app.command()
def train(
    context: typer.Context,
    out: Path,
    loss: str = "bce",
    seed: Annotated[list[int] | None, typer.Option()] = None,
    teacher: str = "",
) -> None:
    claim(context, out)
    typer.echo(command_line(context))


def told(*words: object) -> str:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False).stdout


def test_the_same_options_go_on_and_more_seeds_may_follow(tmp_path):
    told(tmp_path / "m", "--loss", "lambda")
    assert "--seed 2" in told(tmp_path / "m", "--loss", "lambda", "--seed", 2)
    assert json.loads((tmp_path / "m" / "run.json").read_text())["loss"] == "lambda"


def test_an_option_of_a_later_version_is_no_other_run(tmp_path):
    told(tmp_path / "m")
    path = tmp_path / "m" / "run.json"
    path.write_text(
        json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != "teacher"})
    )
    told(tmp_path / "m", "--teacher", "t")
    assert json.loads(path.read_text())["teacher"] == "t"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--loss", "bce"], "--loss lambda, and this is bce"),
        (["--loss", "lambda", "--teacher", "t"], "--teacher not given, and this is t"),
    ],
)
def test_other_options_are_refused_and_named(words, said, tmp_path):
    told(tmp_path / "m", "--loss", "lambda")
    with pytest.raises(ConfigError, match=said):
        told(tmp_path / "m", *words)
