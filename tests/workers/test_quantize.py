"""Fewer bits: near to fp32, another class, refused where they lose too much or belong to other weights."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from connector.calibration import Calibration
from connector.errors import ConfigError
from tests.workers.shapes import MAX_TOKENS, PAIRS, reference
from tests.workers.shapes import make as make_model
from workers import Reranker, int4
from workers.agreement import kendall
from workers.classes import offered
from workers.load import open_scorer
from workers.manifest import differences, read_manifest
from workers.probability import record as probability
from workers.probes import PROBES
from workers.quantize.cli import Precision, Runtime, quantize
from workers.quantize.make import METHODS, make
from workers.quantize.measure import quality
from workers.quantize.record import Quality, read_record, write_record
from workers.quantize.report import TooLossy
from workers.quantize.texts import gather, read_pairs
from workers.runtimes.base import RuntimeRefused
from workers.runtimes.inputs import FILE, read_inputs
from workers.runtimes.onnx import MADE
from workers.sources import locate

BUNDLED = "bundled:products-en"


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps({"query": query, "document": text}) + "\n" for query, text in PAIRS))
    return path


@pytest.fixture
def int8(tiny: dict[str, Path], tmp_path: Path, texts: Path) -> Path:
    quantize(str(tiny["bert"]), tmp_path / "int8", texts=texts, min_tau=0.5)
    return tmp_path / "int8"


@pytest.fixture(scope="module")
def bundled_int8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("int8") / "model"
    make(locate(BUNDLED), folder, "openvino", "int8", PROBES[:16])
    return folder


def test_int8_of_the_bundled_model_keeps_the_order(bundled_int8: Path) -> None:
    pairs = PROBES[16:]
    whole = Reranker(BUNDLED, runtime="openvino", precision="fp32").score(pairs)
    rounded = Reranker(str(bundled_int8), runtime="openvino", precision="int8").score(pairs)
    assert kendall(whole, rounded) > 0.9
    assert 0 < np.abs(whole - rounded).max() < 0.3 * whole.std()


def test_each_class_has_its_own_fingerprint(int8: Path) -> None:
    found = {open_scorer(str(int8), runtime="openvino", precision=name).info.fingerprint for name in ("fp32", "int8")}
    assert len(found) == 2
    assert open_scorer(str(int8), runtime="openvino", precision="int8").info.precision == "int8"


@pytest.mark.parametrize("kind", ["roberta", "xlm-roberta", "mpnet"])
def test_int8_of_the_other_architectures(kind: str, tiny: dict[str, Path], tmp_path: Path) -> None:
    make(tiny[kind], tmp_path / kind, "openvino", "int8", PAIRS)
    whole = Reranker(str(tiny[kind]), runtime="openvino", precision="fp32").score(PAIRS)
    rounded = Reranker(str(tmp_path / kind), runtime="openvino", precision="int8").score(PAIRS)
    assert np.abs(whole - rounded).max() < 0.5 * whole.std()


def test_a_model_that_loses_too_much_is_refused_and_not_written(tiny: dict[str, Path], texts: Path) -> None:
    out = texts.parent / "refused"
    with pytest.raises(TooLossy, match=r"Kendall's tau .* below --min-tau 1.1; nothing was written"):
        quantize(str(tiny["bert"]), out, texts=texts, min_tau=1.1)
    assert [path.name for path in texts.parent.iterdir()] == [texts.name]


def test_a_loss_on_graded_queries_is_refused(tiny: dict[str, Path], graded: Path, tmp_path: Path) -> None:
    with pytest.raises(TooLossy, match="95 % bound of the loss"):
        quantize(str(tiny["bert"]), tmp_path / "out", graded=graded, parts="train", max_loss=-1.0, min_tau=-1)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def graded(tmp_path: Path) -> Path:
    folder = tmp_path / "graded"
    folder.mkdir()
    rows = [json.dumps({"id": f"d{number}", "title": text}) for number, (_, text) in enumerate(PAIRS)]
    (folder / "corpus.jsonl").write_text("\n".join(rows))
    (folder / "queries.jsonl").write_text('{"id": "q1", "text": "rain jacket"}\n{"id": "q2", "text": "belt"}')
    (folder / "qrels.tsv").write_text("".join(f"q{n % 2 + 1}\td{n}\t{n % 3}\n" for n in range(len(PAIRS))))
    (folder / "split.json").write_text('{"train": ["q1"], "dev": ["q2"]}')
    return folder


def test_what_ranges_come_from_is_not_measured(graded: Path) -> None:
    found = gather(None, graded, "train,dev", 100)
    assert {query for query, _ in found.places} == {"q2"}
    assert not set(found.calibration) & set(found.measured)


def test_ranges_of_other_weights_are_refused(int8: Path) -> None:
    make_model("bert", int8, seed=1)
    with pytest.raises(ConfigError, match="other weights than those beside it; make it again with"):
        open_scorer(str(int8), runtime="openvino", precision="int8")


def test_a_damaged_file_is_named(int8: Path) -> None:
    whole = (int8 / FILE).read_bytes()
    (int8 / FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match=f"{FILE}: not readable"):
        read_inputs(int8)
    assert differences(int8) == [f"{FILE}: has another SHA-256 than secondpass.json says"]


GOOD = Quality("dev", 50, 2000, 0.75, 0.7495, 0.0005, (-0.002, 0.003), 0.0025)


@pytest.mark.parametrize(
    ("found", "taken"),
    [(GOOD, True), (None, False), (replace(GOOD, loss=0.003), False), (replace(GOOD, loss_bound=0.02), False)],
)
def test_auto_tries_int8_only_where_the_figures_allow_it(found: Quality | None, taken: bool, int8: Path) -> None:
    record = read_record(int8)
    assert record is not None
    write_record(int8, replace(record, quality=found))
    assert offered(int8, "auto") == (("fp32", "bf16", "int8") if taken else ("fp32", "bf16"))
    make_model("bert", int8, seed=1)
    assert offered(int8, "auto") == ("fp32", "bf16")


def test_quality_is_the_paired_loss() -> None:
    places = [("q", "a"), ("q", "b")]
    up, down = np.array([[1.0], [0.0]], np.float32), np.array([[0.0], [1.0]], np.float32)
    found = quality("made", places, {"q": {"a": 1, "b": 0}}, up, down)
    assert (found.reference, round(found.quantised, 3), round(found.loss, 3)) == (1.0, 0.631, 0.369)
    assert found.loss_bound == pytest.approx(found.loss)


@pytest.mark.parametrize("shape", [(4, 32), (3, 128)])
def test_four_bits_are_within_half_a_step(shape: tuple[int, int]) -> None:
    weight = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    packed, steps = int4.pack(weight)
    assert packed.nbytes + steps.nbytes == weight.size * 4.5 / 8
    back = int4.unpack(packed, steps)
    largest = np.abs(weight.reshape(-1, int4.GROUP)).max(axis=1)
    # half of largest / 8; at the side away from the largest weight there are only seven steps
    assert (np.abs(back - weight).reshape(-1, int4.GROUP).max(axis=1) < 0.26 * largest).all()
    again, _ = int4.pack(np.zeros(shape, np.float32))
    assert not int4.unpack(again, np.zeros_like(steps)).any()


def test_int4_is_small_and_one_class_on_both_runtimes(tmp_path: Path, texts: Path) -> None:
    quantize(BUNDLED, tmp_path / "int4", precision=Precision.INT4, texts=texts, min_tau=0)
    record = read_record(tmp_path / "int4")
    assert record is not None
    assert (tmp_path / "int4" / int4.FILE).stat().st_size < 0.3e6 * record.fp16_mb
    assert record.mb < 0.3 * record.fp16_mb
    ours, theirs = (Reranker(str(tmp_path / "int4"), runtime=name, device="cpu") for name in ("openvino", "torch"))
    assert ours.scorer.info.fingerprint == theirs.scorer.info.fingerprint
    assert ours.scorer.info.precision == "int4"
    assert np.abs(ours.score(PAIRS) - theirs.score(PAIRS)).max() < 0.15
    with pytest.raises(RuntimeRefused, match="set precision = int4 or auto"):
        open_scorer(str(tmp_path / "int4"), precision="fp32")


def test_int8_computes_with_weights_of_four_bits(tiny: dict[str, Path], tmp_path: Path, texts: Path) -> None:
    packed = tmp_path / "packed"
    quantize(str(tiny["bert"]), packed, precision=Precision.INT4, texts=texts, min_tau=0)
    with pytest.raises(RuntimeRefused, match="set precision = int4 or auto"):
        offered(packed, "int8")
    quantize(str(packed), packed, precision=Precision.INT8, texts=texts, min_tau=0)
    assert differences(packed) == []
    assert offered(packed, "auto") == ("int4",)
    record = read_record(packed)
    assert record is not None
    write_record(packed, replace(record, quality=GOOD))
    assert offered(packed, "auto") == ("int4", "int8")
    four, eight = (Reranker(str(packed), precision=name, runtime="openvino") for name in ("int4", "int8"))
    assert 0 < np.abs(four.score(PAIRS) - eight.score(PAIRS)).max() < four.score(PAIRS).std()


@pytest.mark.parametrize("precision", [Precision.BF16, Precision.FP16])
def test_halves_load_everywhere(precision: Precision, tiny: dict[str, Path], tmp_path: Path, texts: Path) -> None:
    quantize(str(tiny["bert"]), tmp_path / "half", precision=precision, runtime=Runtime.TORCH, texts=texts, min_tau=0.5)
    assert (tmp_path / "half" / "model.safetensors").stat().st_size < 0.6 * (
        tiny["bert"] / "model.safetensors"
    ).stat().st_size
    whole = Reranker(str(tiny["bert"]), runtime="openvino", precision="fp32").score(PAIRS)
    half = Reranker(str(tmp_path / "half"), runtime="openvino", precision="fp32").score(PAIRS)
    assert 0 < np.abs(whole - half).max() < 0.05


@pytest.mark.parametrize("runtime", [Runtime.OPENVINO, Runtime.TORCH])
def test_eight_bits_load_everywhere(runtime: Runtime, tiny: dict[str, Path], tmp_path: Path, texts: Path) -> None:
    out = tmp_path / "eight"
    quantize(str(tiny["bert"]), out, precision=Precision.FP8, runtime=runtime, texts=texts, min_tau=0)
    assert (out / "model.safetensors").stat().st_size < 0.35 * (tiny["bert"] / "model.safetensors").stat().st_size
    assert offered(out, "auto") == ("fp32", "bf16")
    whole, stored = (
        Reranker(str(each), runtime="openvino", precision="fp32").score(PAIRS) for each in (tiny["bert"], out)
    )
    assert 0 < np.abs(whole - stored).max() < whole.std()
    assert np.abs(reference(out, MAX_TOKENS) - stored).max() < 1e-4


def test_a_weight_beyond_eight_bits_is_refused(tiny: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny["bert"], tmp_path / "large"))
    weights = load_file(folder / "model.safetensors")
    weights["bert.encoder.layer.0.output.dense.weight"][0, 0] = 500  # E4M3 ends at 448
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"layer.0.output.dense.weight holds 500, more than fp8 can"):
        make(folder, tmp_path / "out", "openvino", "fp8", [])


@pytest.mark.parametrize("kind", ["bert", "deberta-v2"])
def test_onnx_graphs_score_as_the_model_does(kind: str, tiny: dict[str, Path], tmp_path: Path) -> None:
    make(tiny[kind], tmp_path / "onnx", "onnx", "int8", [])
    whole = Reranker(str(tiny[kind]), runtime="torch", precision="fp32", device="cpu").score(PAIRS)
    graph = Reranker(str(tmp_path / "onnx"), runtime="onnx", precision="fp32").score(PAIRS)
    rounded = Reranker(str(tmp_path / "onnx"), runtime="onnx", precision="int8")
    assert np.abs(whole - graph).max() < 1e-4
    assert rounded.scorer.info.runtime == "onnx"
    assert 0 < np.abs(whole - rounded.score(PAIRS)).max() < whole.std()


def test_a_graph_is_made_of_four_bits_too(tiny: dict[str, Path], tmp_path: Path, texts: Path) -> None:
    make(tiny["bert"], tmp_path / "packed", "openvino", "int4", [])
    quantize(str(tmp_path / "packed"), tmp_path / "onnx", precision=Precision.FP32, runtime=Runtime.ONNX, texts=texts)
    whole = Reranker(str(tmp_path / "packed"), runtime="torch", device="cpu").score(PAIRS)
    graph = Reranker(str(tmp_path / "onnx"), runtime="onnx", precision="fp32").score(PAIRS)
    assert np.abs(whole - graph).max() < 1e-4


def test_onnx_names_the_classes_that_can_be_made() -> None:
    assert tuple(precision for runtime, precision in METHODS if runtime == "onnx") == MADE


@pytest.fixture
def calibrated(tiny: dict[str, Path], tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(tiny["bert"], tmp_path / "calibrated"))
    probability.write_record(folder, probability.Record("platt", Calibration(2.0), "shop", 2, 9, 90, 0.5, {}, ()))
    return folder


@pytest.mark.parametrize(
    ("runtime", "precision", "said"),
    [
        (Runtime.ONNX, Precision.INT8, "a folder of graphs has none"),
        (Runtime.OPENVINO, Precision.FP8, "next: secondpass models calibrate {out} --graded FOLDER"),
        (Runtime.OPENVINO, Precision.INT8, ""),
    ],
)
def test_a_calibration_goes_with_the_weights_it_is_of(
    runtime: Runtime,
    precision: Precision,
    said: str,
    calibrated: Path,
    texts: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = calibrated.with_name("out")
    quantize(str(calibrated), out, precision=precision, runtime=runtime, texts=texts, min_tau=0)
    told = capsys.readouterr().err
    assert said.format(out=out) in told
    assert ("without its calibration" in told) == bool(said)
    assert ("calibration" in read_manifest(out)) == (not said)
    computed = "fp32" if precision is Precision.FP8 else precision
    found = open_scorer(str(out), runtime=runtime, precision=computed).info
    assert found.calibration == (None if said else Calibration(2.0))
    assert differences(out) == []


def test_ranges_beside_the_model_keep_its_calibration(
    calibrated: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quantize(str(calibrated), calibrated, texts=texts, min_tau=0)
    assert probability.read_folder(calibrated) == Calibration(2.0)
    assert "calibration" not in capsys.readouterr().err.replace(str(calibrated), "")


def test_auto_opens_a_folder_of_graphs_with_good_figures(tiny: dict[str, Path], tmp_path: Path, texts: Path) -> None:
    out = tmp_path / "onnx"
    quantize(str(tiny["bert"]), out, runtime=Runtime.ONNX, texts=texts, min_tau=0)
    record = read_record(out)
    assert record is not None
    write_record(out, replace(record, quality=GOOD))
    assert open_scorer(str(out), runtime="onnx").info.precision == "fp32"


def test_what_cannot_be_made_is_refused(tiny: dict[str, Path], tmp_path: Path, texts: Path) -> None:
    with pytest.raises(RuntimeRefused, match="no way to make int4 for onnx; there is"):
        make(tiny["bert"], tmp_path / "out", "onnx", "int4", [])
    with pytest.raises(ConfigError, match="is there already"):
        quantize(str(tiny["bert"]), tmp_path, texts=texts)
    with pytest.raises(ConfigError, match="give --texts"):
        quantize(str(tiny["bert"]), tmp_path / "out")
    texts.write_text('{"query": "a"}\n')
    with pytest.raises(ConfigError, match="line 1: not "):
        read_pairs(texts)


def test_ranges_can_be_put_beside_the_model_itself(tiny: dict[str, Path], tmp_path: Path, texts: Path) -> None:
    folder = Path(shutil.copytree(tiny["bert"], tmp_path / "own"))
    before = (folder / "model.safetensors").read_bytes()
    quantize(str(folder), folder, texts=texts, min_tau=0.5)
    assert (folder / "model.safetensors").read_bytes() == before
    assert read_inputs(folder)
    assert not differences(folder)


def test_a_folder_is_there_with_its_hashes_or_not_at_all(
    tiny: dict[str, Path], tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("workers.manifest.write_manifest", full)
        with pytest.raises(OSError, match="no space left"):
            quantize(str(tiny["bert"]), tmp_path / "out", texts=texts, min_tau=0.5)
    assert not (tmp_path / "out").exists()
    quantize(str(tiny["bert"]), tmp_path / "out", texts=texts, min_tau=0.5)
    assert not differences(tmp_path / "out")
