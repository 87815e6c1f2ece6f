"""`secondpass models calibrate` on a tiny model: what is written, announced, refused, and no longer believed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from connector.errors import ConfigError
from workers import Reranker, catalogue
from workers.manifest import differences, read_manifest, write_manifest
from workers.probability.record import forget, read_folder, read_record

SCORED = ["--precision", "fp32"]


@pytest.fixture
def folder(tiny: dict[str, Path], tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(tiny["bert"], tmp_path / "model"))
    write_manifest(folder, max_query_chars=20)
    return folder


@pytest.fixture
def pairs(folder: Path, tmp_path: Path) -> Path:
    """Forty pairs of eight queries, graded as the model's own logits are, with every eighth grade wrong."""
    words = [f"{color} {thing}" for color in ("red", "blue", "waterproof", "brown") for thing in ("jacket", "belt")]
    asked = [(query, f"a {query} number {number}, hooded" * number) for query in words for number in range(1, 6)]
    logits = Reranker(str(folder), runtime="openvino", precision="fp32").score(asked)
    rows = []
    for place, ((query, document), logit) in enumerate(zip(asked, logits, strict=True)):
        right = (logit > np.median(logits)) ^ (place % 8 == 0)
        rows.append({"query": query, "document": document, "grade": 3 if right else 0})
    path = tmp_path / "graded.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def calibrate(*words: object) -> str:
    done = CliRunner().invoke(catalogue.app, ["calibrate", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_folder_learns_what_its_logits_mean(folder: Path, pairs: Path, method: str) -> None:
    before = Reranker(str(folder), runtime="openvino", precision="fp32")
    with pytest.raises(ConfigError, match="models calibrate"):
        before.probabilities([("red belt", "a red belt")])
    said = calibrate(folder, "--pairs", pairs, "--method", method, *SCORED)
    assert "8 queries, 40 graded pairs, relevant from grade 2 on" in said
    for figure in ("brier", "log loss", "calibration error", "for F1: probability from"):
        assert figure in said
    assert differences(folder) == []
    assert read_manifest(folder)["max_query_chars"] == 20
    after = Reranker(str(folder), runtime="openvino", precision="fp32")
    assert after.longest_query == 20
    assert after.scorer.info.fingerprint == before.scorer.info.fingerprint  # scores in caches stay right
    asked = [("red belt", "a red belt"), ("red belt", "x"), ("a query of more than twenty characters", "x")]
    logits, found = after.score(asked), after.probabilities(asked)
    assert ((found >= 0) & (found <= 1)).all()
    assert np.all(np.diff(found[np.argsort(logits)]) >= 0)
    assert "queries of up to 20 characters; calibrated" in listed(folder)


def listed(folder: Path) -> str:
    done = CliRunner().invoke(catalogue.app, ["list", str(folder)], env={"COLUMNS": "300"})
    return " ".join(done.output.split())


def test_it_belongs_to_the_weights(folder: Path, pairs: Path, tiny: dict[str, Path]) -> None:
    assert "written" not in calibrate(folder, "--pairs", pairs, *SCORED, "--dry-run")
    assert read_folder(folder) is None
    said = calibrate(folder, "--pairs", pairs, *SCORED)
    assert read_folder(folder) is not None
    known = read_record(folder)
    assert known is not None
    assert [line for line in known.lines() if line not in said] == []
    shutil.copy(tiny["roberta"] / "model.safetensors", folder)
    assert read_folder(folder) is None
    assert read_record(folder) is None
    assert "queries of up to 20 characters; calibrated" not in listed(folder)
    (folder / "model.safetensors").unlink()
    assert read_folder(folder) is None


def test_what_is_of_other_weights_is_forgotten(folder: Path, pairs: Path, tiny: dict[str, Path]) -> None:
    calibrate(folder, "--pairs", pairs, *SCORED)
    known = read_record(folder)
    assert known is not None
    said = [f"- {line}" for line in known.lines()]
    (folder / "README.md").write_text("\n".join(["# Shop", *said, "- English only."]))
    assert not forget(folder)
    assert read_folder(folder) is not None
    shutil.copy(tiny["roberta"] / "model.safetensors", folder)
    assert forget(folder)
    assert (folder / "README.md").read_text() == "# Shop\n- English only."
    assert (read_manifest(folder)["max_query_chars"], differences(folder)) == (20, [])
    assert not forget(folder)
    write_manifest(folder, calibration={"slope": 1, "intercept": 0, "weights": "others"})  # by hand, without figures
    assert forget(folder)


def test_what_cannot_be_calibrated(folder: Path, pairs: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"query": "a", "document": "b"}\n')
    shares = tmp_path / "shares.jsonl"
    shares.write_text('{"query": "a", "document": "b", "grade": 1}\n{"query": "a", "document": "c", "grade": 0.7}\n')
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    for words, message in (
        ([folder], "--graded FOLDER or --pairs"),
        ([folder, "--pairs", broken], "line 1: not"),
        ([folder, "--pairs", shares], "line 2: grade 0.7; grades are whole"),
        ([folder, "--pairs", empty], "no graded pairs"),
        ([folder, "--pairs", tmp_path / "absent"], "No such file"),
        (["BAAI/bge-reranker-base", "--pairs", pairs], "models export"),
        ([folder, "--pairs", pairs, "--relevant", 4], "relevant and documents that are not"),
    ):
        with pytest.raises(ConfigError, match=message):
            calibrate(*words, *SCORED)


def test_a_folder_of_graphs_is_sent_to_its_weights(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model.onnx")
    with pytest.raises(ConfigError, match="calibrate the folder that the graphs were made from"):
        calibrate(folder, "--pairs", tmp_path / "p.jsonl")
