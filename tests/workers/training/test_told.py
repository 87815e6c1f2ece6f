"""A folder of runs belongs to one command."""

import json
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from connector.errors import ConfigError
from workers.training.told import claim, command_line, inherited

app = typer.Typer()


@app.command()
def train(
    context: typer.Context,
    out: Path,
    loss: str = "bce",
    seed: Annotated[list[int] | None, typer.Option()] = None,
    teacher: str = "",
    fields: str = "",
    engine_url: str = "",
) -> None:
    read = inherited(context, out, "fields") or "name,brand"  # what the index would say
    data = out.with_name("data")
    found = {"fields": ",".join(part.strip() for part in read.split(","))}
    claim(context, out, found, data.read_text() if data.exists() else "")
    (out / "seed1").mkdir(exist_ok=True)
    if teacher != "broken":
        (out / "seed1" / "examples.jsonl").touch()
    typer.echo(command_line(context))


def told(*words: object) -> str:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False).stdout


def test_the_same_options_go_on_and_more_seeds_may_follow(tmp_path):
    told(tmp_path / "m", "--loss", "lambda")
    assert "--seed 2" in told(tmp_path / "m", "--loss", "lambda", "--seed", 2)
    assert json.loads((tmp_path / "m" / "run.json").read_text())["loss"] == "lambda"


def test_no_password_stands_in_the_line(tmp_path):
    line = told(tmp_path / "m", "--engine-url", "https://elastic:hunter@2@engine:9200")
    assert line.strip().endswith("--engine-url https://engine:9200")


def test_a_run_from_before_an_option_did_as_its_default_says(tmp_path):
    told(tmp_path / "m")
    path = tmp_path / "m" / "run.json"
    path.write_text(
        json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != "teacher"})
    )
    with pytest.raises(ConfigError, match="--teacher not given, and this is t"):
        told(tmp_path / "m", "--teacher", "t")
    told(tmp_path / "m")
    assert json.loads(path.read_text())["teacher"] == ""


def test_a_folder_keeps_its_fields_where_none_are_given(tmp_path):
    """The first version's defaults were title,brand,color,text; later ones note what the default came to."""
    told(tmp_path / "m")
    path = tmp_path / "m" / "run.json"
    assert json.loads(path.read_text())["fields"] == "name,brand"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"fields": "title,brand,color,text"}))
    told(tmp_path / "m")
    told(tmp_path / "m", "--fields", "title, brand, color, text")
    assert json.loads(path.read_text())["fields"] == "title,brand,color,text"
    with pytest.raises(ConfigError, match="--fields title,brand,color,text, and this is name"):
        told(tmp_path / "m", "--fields", "name")


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


def test_a_folder_belongs_to_the_data_that_its_runs_learnt_from(tmp_path):
    told(tmp_path / "m")
    path = tmp_path / "m" / "run.json"
    before = {name: value for name, value in json.loads(path.read_text()).items() if name != "data_sha256"}
    (tmp_path / "data").write_text("some")
    with pytest.raises(ConfigError, match=r"other data: .* put back what it began with, or take another --out"):
        told(tmp_path / "m")
    path.write_text(json.dumps(before))  # of a version that noted no data
    told(tmp_path / "m", "--seed", 2)
    assert json.loads(path.read_text())["data_sha256"] == "some"


def test_a_command_that_failed_before_it_left_anything_binds_nobody(tmp_path):
    told(tmp_path / "m", "--teacher", "broken", "--loss", "lambda")
    (tmp_path / "data").write_text("mended")
    told(tmp_path / "m")
    assert json.loads((tmp_path / "m" / "run.json").read_text())["loss"] == "bce"
