"""Every runtime against sentence-transformers on every architecture: within 1e-4 at fp32, or its stated refusal."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder

from tests.workers.shapes import KINDS, MAX_TOKENS, PAIRS, make, reference
from workers import Reranker
from workers.runtimes.base import RuntimeRefused
from workers.sources import bundled, locate

GRAPHS = ("bert", "roberta", "xlm-roberta", "mpnet")
BUNDLED = "products-en"


@pytest.mark.parametrize("max_tokens", [MAX_TOKENS, 17])
@pytest.mark.parametrize("kind", KINDS)
def test_torch_gives_the_scores_of_sentence_transformers(kind: str, max_tokens: int, tiny: dict[str, Path]) -> None:
    reranker = Reranker(str(tiny[kind]), max_tokens=max_tokens, runtime="torch", precision="fp32", device="cpu")
    assert np.abs(reranker.score(PAIRS) - reference(tiny[kind], max_tokens)).max() < 1e-4
    assert np.ptp(reference(tiny[kind], max_tokens)) > 0.1


@pytest.mark.parametrize("max_tokens", [MAX_TOKENS, 17])
@pytest.mark.parametrize("kind", GRAPHS)
def test_openvino_gives_the_scores_of_sentence_transformers(kind: str, max_tokens: int, tiny: dict[str, Path]) -> None:
    reranker = Reranker(str(tiny[kind]), max_tokens=max_tokens, runtime="openvino", precision="fp32", batch_tokens=128)
    assert np.abs(reranker.score(PAIRS) - reference(tiny[kind], max_tokens)).max() < 1e-4


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(GRAPHS)))
def test_openvino_refuses_what_it_cannot_build_and_names_torch(kind: str, tiny: dict[str, Path]) -> None:
    with pytest.raises(RuntimeRefused, match="use runtime = torch"):
        Reranker(str(tiny[kind]), runtime="openvino", precision="fp32")


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(GRAPHS)))
def test_auto_falls_back_to_the_runtime_that_can(kind: str, tiny: dict[str, Path]) -> None:
    reranker = Reranker(str(tiny[kind]), precision="fp32", device="cpu")
    assert reranker.scorer.info.runtime == "torch"


@pytest.mark.parametrize(
    ("runtime", "precision", "said"),
    [
        ("onnx", "fp32", "no ONNX graph of fp32: secondpass quantize"),
        ("onnx", "fp16", "no ONNX graph of fp16; set precision = fp32 or int8"),
        ("onnx", "bf16", "fp32, fp16, int8, not bf16"),
        ("openvino", "int8", "secondpass quantize"),
        ("openvino", "fp16", "fp32, bf16, int8"),
        ("torch", "int8", "fp32, bf16, fp16, int4, not int8"),
        ("torch", "int4", "no weights of four bits: secondpass quantize"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(
    runtime: str, precision: str, said: str, tiny: dict[str, Path]
) -> None:
    with pytest.raises(RuntimeRefused, match=said):
        Reranker(str(tiny["bert"]), runtime=runtime, precision=precision)


def test_openvino_refuses_cuda(tiny: dict[str, Path]) -> None:
    with pytest.raises(RuntimeRefused, match="use runtime = torch"):
        Reranker(str(tiny["bert"]), runtime="openvino", precision="fp32", device="cuda")


def test_torch_in_half_precision_stays_near(tiny: dict[str, Path]) -> None:
    half = Reranker(str(tiny["bert"]), runtime="torch", precision="bf16", device="cpu").score(PAIRS)
    assert half.dtype == np.float32
    assert np.abs(half - reference(tiny["bert"], MAX_TOKENS)).max() < 0.1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_weights_stored_in_half_precision_are_widened(runtime: str, dtype: torch.dtype, tmp_path: Path) -> None:
    folder = make("bert", tmp_path / "half", dtype=dtype)
    scores = Reranker(str(folder), runtime=runtime, precision="fp32", device="cpu").score(PAIRS)
    model = CrossEncoder(
        str(folder), device="cpu", activation_fn=torch.nn.Identity(), model_kwargs={"dtype": torch.float32}
    )
    assert np.abs(scores - model.predict(PAIRS, show_progress_bar=False)).max() < 1e-4


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_the_bundled_model_scores_as_sentence_transformers(runtime: str) -> None:
    assert BUNDLED in bundled()
    ours = Reranker(f"bundled:{BUNDLED}", max_tokens=128, runtime=runtime, precision="fp32", device="cpu").score(PAIRS)
    theirs = reference(locate(f"bundled:{BUNDLED}"), 128)
    assert np.abs(ours - theirs).max() < 1e-4
