"""`secondpass models`: what is whole is said to be, what is not is named, what came with the package stays."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.errors import ConfigError
from workers import catalogue
from workers.catalogue import Damaged
from workers.manifest import differences, write_manifest

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


def test_a_damaged_record_is_a_row_like_any_other(folder: Path) -> None:
    (folder / "quantization.json").write_text("{")
    found = run.invoke(catalogue.app, ["list", str(folder.parent)], env={"COLUMNS": "400"})
    assert found.exit_code == 0, found.exception
    assert "damaged: " in found.output
    assert "bundled:products-en" in found.output


def test_bundled_models_and_other_folders_stay(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = tmp_path / "package"
    shutil.copytree(folder, shelf / "products")
    monkeypatch.setattr(catalogue, "MODELS", shelf)
    (tmp_path / "linked").symlink_to(shelf / "products")
    for name in ("empty", "unnamed", "bare", "more"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}" if name == "unnamed" else '{"model_type": "bert"}')
    (tmp_path / "empty" / "config.json").unlink()
    for name in ("unnamed", "more"):
        shutil.copy(folder / "model.safetensors", tmp_path / name)
    (tmp_path / "more" / "notes").mkdir()
    folders = [tmp_path / name for name in ("empty", "unnamed", "bare", "more", "linked", "package/products")]
    for named in ("bundled:products-en", "owner/unknown", *map(str, folders)):
        assert isinstance(run.invoke(catalogue.app, ["remove", named, "--yes"]).exception, ConfigError), named
    assert all(one.exists() for one in folders)
    assert (shelf / "products" / "config.json").exists()


def test_an_export_that_is_ended_leaves_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, out: Path) -> None:
        out.mkdir()
        raise OSError("no space left")

    monkeypatch.setattr(catalogue.shutil, "copytree", full)
    there = sorted(tmp_path.iterdir())
    assert run.invoke(catalogue.app, ["export", str(folder), str(tmp_path / "copy")]).exit_code == 1
    assert sorted(tmp_path.iterdir()) == there


def test_a_manifest_is_whole_or_the_one_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / "secondpass.json").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_manifest(folder, languages=["de"])
    assert (folder / "secondpass.json").read_bytes() == before
    assert not differences(folder)
