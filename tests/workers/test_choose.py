"""Speed decides only among candidates that agree with fp32."""

import math
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from connector.errors import ConfigError
from workers.agreement import kendall
from workers.checkpoint import read_config
from workers.choose import choose, join, names, opener
from workers.fingerprint import fingerprint, hash_files
from workers.load import open_scorer
from workers.runtimes.base import Ids, Logits, RuntimeRefused
from workers.tokens import Tokens


class Fake:
    """A runtime that takes `seconds` a batch and whose logits are wrong by `error`."""

    device = "cpu"

    def __init__(self, name: str, precision: str, seconds: float, error: float) -> None:
        self.name, self.precision, self.seconds, self.error = name, precision, seconds, error

    def forward(self, ids: Ids, mask: Ids, types: Ids) -> Logits:
        ends = time.process_time() + self.seconds
        while time.process_time() < ends:
            pass
        right = np.sin(ids.sum(axis=1, keepdims=True)).astype(np.float32)
        return right + self.error * np.cos(7 * right)


@pytest.fixture
def tokens(tiny: dict[str, Path]) -> Tokens:
    return Tokens(tiny["bert"], read_config(tiny["bert"]))


def load(name: str, precision: str) -> Fake:
    known = {
        ("slow", "fp32"): (0.03, 0.0),
        ("fast", "fp32"): (0.004, 0.0),
        ("fast", "bf16"): (0.0005, 0.001),
        ("wrong", "fp32"): (0.03, 0.0),
        ("wrong", "bf16"): (0.0005, 0.9),
        ("even", "fp32"): (0.01, 0.0),
        ("even", "bf16"): (0.01, 0.001),
    }
    if (name, precision) not in known:
        raise RuntimeRefused(f"{name} has no {precision}")
    return Fake(name, precision, *known[name, precision])


@pytest.mark.parametrize(
    ("runtimes", "classes", "chosen"),
    [
        (["slow", "fast"], ["fp32"], ("fast", "fp32")),
        (["slow", "fast"], ["fp32", "bf16"], ("fast", "bf16")),
        (["wrong"], ["fp32", "bf16"], ("wrong", "fp32")),
        (["even"], ["fp32", "bf16"], ("even", "fp32")),
        (["slow"], ["fp32", "bf16"], ("slow", "fp32")),
        (["none", "slow"], ["fp32"], ("slow", "fp32")),
        (["fast"], ["bf16"], ("fast", "bf16")),
    ],
)
def test_the_fastest_right_one_is_taken(
    runtimes: list[str], classes: list[str], chosen: tuple[str, str], tokens: Tokens
) -> None:
    found = choose(load, tokens, runtimes, classes)
    assert (found.runtime.name, found.runtime.precision) == chosen
    assert "\n" not in found.why


def test_the_reason_names_what_was_refused(tokens: Tokens) -> None:
    assert "wrong bf16" in choose(load, tokens, ["wrong"], ["fp32", "bf16"]).why
    with pytest.raises(RuntimeRefused, match="none has no fp32; nil has no fp32"):
        choose(load, tokens, ["none", "nil"], ["fp32"])


@pytest.mark.parametrize("device", ["gpu", "CPU", "cuda:", "cuda:one", ""])
def test_a_device_that_there_is_not_is_named(device: str, tiny: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="one of auto, cpu, cuda, cuda:1"):
        opener(tiny["bert"], device)


def test_a_folder_of_graphs_names_its_runtime(tiny: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny["bert"], tmp_path / "graphs"))
    (folder / "model.safetensors").unlink()
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"")
    with pytest.raises(ConfigError, match=r'graphs and no weights: set runtime = "onnx"$'):
        open_scorer(str(folder))


def test_kendall_counts_pairs() -> None:
    up = np.arange(5, dtype=np.float32)
    assert kendall(up, 3 * up) == 1
    assert kendall(up, -up) == -1
    assert kendall(up, np.full(5, np.nan, np.float32)) < 0


def test_a_class_that_runs_already_is_joined(tiny: dict[str, Path]) -> None:
    folder = tiny["bert"]
    files = hash_files(folder)
    for precision in ("fp32", "bf16"):
        living = [fingerprint(files, precision, "", False, 48), "another model"]
        if precision == "bf16":
            try:
                opener(folder, "cpu")("openvino", "bf16")
            except RuntimeRefused:
                continue  # this CPU has none: such a worker is refused below
        info = open_scorer(str(folder), runtime="openvino", living=living).info
        assert info.precision == precision
        assert info.fingerprint in living


def test_a_class_that_this_machine_computes_wrong_is_not_joined(tokens: Tokens) -> None:
    assert join(load, tokens, ["fast"], "fp32", "bf16").runtime.precision == "bf16"
    assert join(load, tokens, ["even"], "fp32", "bf16").runtime.precision == "bf16"  # no faster, but shared
    with pytest.raises(RuntimeRefused, match=r"in bf16, which this machine computes wrong .* set precision = fp32"):
        join(load, tokens, ["wrong"], "fp32", "bf16")


def test_a_class_that_cannot_be_met_is_refused(tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    living = [fingerprint(hash_files(tiny["deberta-v2"]), "bf16", "", False, 48)]
    with pytest.raises(RuntimeRefused, match="use runtime = torch"):
        open_scorer(str(tiny["deberta-v2"]), runtime="openvino", living=living)


def test_cuda_leaves_torch_alone() -> None:
    assert names("auto", "cuda") == ["torch"]
    assert names("openvino", "cuda") == ["openvino"]


@pytest.mark.parametrize("classes", [["fp32"], ["fp32", "bf16"]])
def test_a_model_that_gives_no_score_is_refused(tokens: Tokens, classes: list[str]) -> None:
    with pytest.raises(RuntimeRefused, match="gives no score for ordinary texts"):
        choose(lambda name, precision: Fake(name, precision, 0.0, math.nan), tokens, ["broken"], classes)
