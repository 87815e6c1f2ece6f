"""`secondpass models`: what is whole is said to be, what is not is named, what came with the package stays."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.errors import ConfigError
from workers import catalogue
from workers.catalogue import Damaged
from workers.manifest import write_manifest

run = CliRunner()


@pytest.fixture
def folder(tiny: dict[str, Path], tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(tiny["bert"], tmp_path / "model"))
    write_manifest(folder, languages=["en"], max_tokens=48)
    return folder


def test_list_names_bundled_ones_and_those_of_a_folder(folder: Path) -> None:
    said = run.invoke(catalogue.app, ["list", str(folder.parent)], env={"COLUMNS": "300"}).output
    assert "bundled:products-en" in said
    assert str(folder) in said.replace("\n", "")


@pytest.mark.parametrize("model", ["bundled:products-en", "folder"])
def test_a_whole_model_is_verified(model: str, folder: Path) -> None:
    found = run.invoke(catalogue.app, ["verify", model.replace("folder", str(folder))])
    assert found.exit_code == 0, found.exception
    assert "files as published" in found.output


def test_damage_is_named(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"other")
    (folder / "more.safetensors").write_bytes(b"")
    (folder / "config.json").unlink()
    error = run.invoke(catalogue.app, ["verify", str(folder)]).exception
    assert isinstance(error, Damaged)
    for line in ("config.json: is missing", "more.safetensors: is not in the list", "model.safetensors: has another"):
        assert line in str(error)


def test_export_and_remove(folder: Path, tmp_path: Path) -> None:
    assert run.invoke(catalogue.app, ["export", str(folder), str(tmp_path / "copy")]).exit_code == 0
    assert run.invoke(catalogue.app, ["verify", str(tmp_path / "copy")]).exit_code == 0
    assert run.invoke(catalogue.app, ["remove", str(tmp_path / "copy")], input="n\n").exit_code == 1
    assert (tmp_path / "copy").exists()
    assert run.invoke(catalogue.app, ["remove", str(tmp_path / "copy"), "--yes"]).exit_code == 0
    assert not (tmp_path / "copy").exists()


def test_bundled_models_and_other_folders_stay(tmp_path: Path) -> None:
    for named in ("bundled:products-en", str(tmp_path), "owner/unknown"):
        assert isinstance(run.invoke(catalogue.app, ["remove", named, "--yes"]).exception, ConfigError)
    assert tmp_path.exists()
