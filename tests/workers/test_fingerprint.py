"""Whatever changes a score changes the fingerprint; nothing else does."""

import shutil
from pathlib import Path

import pytest

from connector.errors import ConfigError
from tests.workers.shapes import make
from workers import load
from workers.fingerprint import fingerprint, hash_files
from workers.load import open_scorer


@pytest.fixture
def folder(tiny: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny["bert"], tmp_path / "model"))


def test_a_retrained_model_in_the_same_folder_is_another(folder: Path) -> None:
    def loaded() -> str:
        return open_scorer(str(folder), runtime="openvino", precision="fp32").info.fingerprint

    before = loaded()
    assert before == loaded()
    make("bert", folder, seed=1)
    assert loaded() != before


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "tokenizer_config.json"])
def test_tokenizer_and_config_count(folder: Path, name: str) -> None:
    before = hash_files(folder)
    (folder / name).write_text((folder / name).read_text() + " ")
    assert hash_files(folder) != before


def test_all_modules_of_an_embedder_count_and_weights_that_nobody_reads_do_not(folder: Path) -> None:
    found = {hash_files(folder)}
    for name in ("1_Pooling/config.json", "2_Dense/model.safetensors", "2_Dense/config.json", "0_Static/a.safetensors"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("1")
        found.add(hash_files(folder))
    assert len(found) == 5
    (folder / "pytorch_model.bin").write_text("1")
    assert hash_files(folder) in found


def test_the_model_card_does_not_count(folder: Path) -> None:
    before = hash_files(folder)
    (folder / "README.md").write_text("about this model")
    assert hash_files(folder) == before


@pytest.mark.parametrize("change", [{"max_tokens": 20}, {"precision": "bf16"}])
def test_tokens_and_class_count_but_not_the_runtime(folder: Path, change: dict[str, object]) -> None:
    settings: dict[str, object] = {"runtime": "torch", "precision": "fp32", "device": "cpu"}
    here = open_scorer(str(folder), **settings).info.fingerprint  # type: ignore[arg-type]
    assert open_scorer(str(folder), **settings | {"runtime": "openvino"}).info.fingerprint == here  # type: ignore[arg-type]
    assert open_scorer(str(folder), **settings | change).info.fingerprint != here  # type: ignore[arg-type]


def test_parts_are_kept_apart() -> None:
    assert fingerprint("a", "b", "c") != fingerprint("a", "bc") != fingerprint("ab", "c")


def test_files_that_change_while_loading_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = iter(["before", "after"])
    monkeypatch.setattr(load, "hash_files", lambda _: next(hashes))
    with pytest.raises(ConfigError, match="changed while"):
        open_scorer(str(folder), runtime="openvino", precision="fp32")
