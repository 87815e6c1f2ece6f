"""BERT and RoBERTa as an OpenVINO graph, built from the weights: no torch, no ONNX, no tracing.

Rule: the graph computes exactly what transformers' `BertForSequenceClassification`, `RobertaForSequenceClassification`
and their encoders compute in evaluation mode. The last layer of a classifier works on the first token alone, because
its head reads nothing else (exact; 1.16 times faster at 6 layers, docs: performance).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from workers.checkpoint import Config, Weights
from workers.runtimes.base import RuntimeRefused

BERTS = ("bert",)
ROBERTAS = ("roberta", "xlm-roberta", "camembert")
ACTIVATIONS = {"gelu": "erf", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh", "relu": "relu"}
MASKED = -1e9  # added to the attention score of padding; exp() of it is 0 in float32 and bfloat16

Node = Any  # openvino's own nodes are untyped


def _ints(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def check(config: Config) -> None:
    """Raise RuntimeRefused unless this file can build the architecture."""
    if config.kind not in BERTS + ROBERTAS:
        raise RuntimeRefused(f"runtime openvino builds BERT and RoBERTa/XLM-R, not {config.kind}; use runtime = torch")
    if config.raw.get("position_embedding_type", "absolute") != "absolute":
        raise RuntimeRefused("runtime openvino builds absolute positions only; use runtime = torch")
    if config.raw.get("hidden_act", "gelu") not in ACTIVATIONS:
        raise RuntimeRefused(f"runtime openvino has no activation {config.raw['hidden_act']!r}; use runtime = torch")


def build(config: Config, weights: Weights, *, classifier: bool) -> ov.Model:
    """The graph: inputs ids, mask, types, positions [n, tokens] (int64); output logits [n, labels], or for an encoder
    mean-pooled unit vectors [n, hidden]. Raises RuntimeRefused, also where a tensor is missing.
    """
    check(config)
    return _Builder(config, weights).build(classifier)


class _Builder:
    """The few things every layer needs: the weights under one prefix and the shape of a head."""

    def __init__(self, config: Config, weights: Weights) -> None:
        ends = "embeddings.word_embeddings.weight"
        self.config, self.weights = config, weights
        self.prefix = next((name[: -len(ends)] for name in weights if name.endswith(ends)), "")
        self.act = ACTIVATIONS[config.raw.get("hidden_act", "gelu")]
        self.eps = float(config.raw.get("layer_norm_eps", 1e-12))

    def build(self, classifier: bool) -> ov.Model:
        names = ("ids", "mask", "types", "positions")
        inputs = [op.parameter([-1, -1], np.int64, name=name) for name in names]
        ids, mask, types, positions = inputs
        hidden = self.embeddings(ids, types, positions)
        visible = op.convert(mask, "f32")
        bias = op.multiply(op.subtract(op.unsqueeze(visible, _ints([1, 2])), np.float32(1)), np.float32(-MASKED))
        for number in range(self.config.layers):
            last = number == self.config.layers - 1
            hidden = self.layer(f"encoder.layer.{number}.", hidden, bias, first_only=last and classifier)
        result = self.head(hidden) if classifier else self.mean(hidden, visible)
        return ov.Model([op.result(result)], inputs, self.config.kind)

    def weight(self, name: str) -> Node:
        for key in (name, name.replace("LayerNorm.weight", "LayerNorm.gamma"), name.replace("m.bias", "m.beta")):
            if key in self.weights:
                return op.constant(self.weights[key])
        raise RuntimeRefused(f"runtime openvino misses the tensor {name} of {self.config.kind}; use runtime = torch")

    def linear(self, node: Node, name: str) -> Node:
        product = op.matmul(node, self.weight(f"{name}.weight"), False, True)
        return op.add(product, self.weight(f"{name}.bias"))

    def norm(self, node: Node, name: str) -> Node:
        flat = op.mvn(node, _ints([-1]), True, self.eps, "inside_sqrt")
        return op.add(op.multiply(flat, self.weight(f"{name}.weight")), self.weight(f"{name}.bias"))

    def embeddings(self, ids: Node, types: Node, positions: Node) -> Node:
        base = f"{self.prefix}embeddings."
        axis = np.int64(0)
        words = op.gather(self.weight(f"{base}word_embeddings.weight"), ids, axis)
        places = op.gather(self.weight(f"{base}position_embeddings.weight"), positions, axis)
        kinds = op.gather(self.weight(f"{base}token_type_embeddings.weight"), types, axis)
        return self.norm(op.add(op.add(words, kinds), places), f"{base}LayerNorm")

    def split(self, node: Node) -> Node:
        """[n, tokens, hidden] to [n, heads, tokens, hidden / heads]."""
        heads, width = self.config.heads, self.config.hidden // self.config.heads
        return op.transpose(op.reshape(node, _ints([0, 0, heads, width]), True), _ints([0, 2, 1, 3]))

    def layer(self, name: str, hidden: Node, bias: Node, *, first_only: bool) -> Node:
        base = f"{self.prefix}{name}"
        asking = op.slice(hidden, _ints([0]), _ints([1]), _ints([1]), _ints([1])) if first_only else hidden
        query = self.split(self.linear(asking, f"{base}attention.self.query"))
        key = self.split(self.linear(hidden, f"{base}attention.self.key"))
        value = self.split(self.linear(hidden, f"{base}attention.self.value"))
        # spelled out: OpenVINO 2026.4 fuses this form itself, 5 % faster in bf16 than its own attention node
        scale = np.float32((self.config.hidden // self.config.heads) ** -0.5)
        seen = op.add(op.multiply(op.matmul(query, key, False, True), scale), bias)
        mixed = op.matmul(op.softmax(seen, 3), value, False, False)
        joined = op.reshape(op.transpose(mixed, _ints([0, 2, 1, 3])), _ints([0, 0, self.config.hidden]), True)
        attended = self.linear(joined, f"{base}attention.output.dense")
        asking = self.norm(op.add(attended, asking), f"{base}attention.output.LayerNorm")
        wide = self.activate(self.linear(asking, f"{base}intermediate.dense"))
        return self.norm(op.add(self.linear(wide, f"{base}output.dense"), asking), f"{base}output.LayerNorm")

    def activate(self, node: Node) -> Node:
        return op.relu(node) if self.act == "relu" else op.gelu(node, self.act)

    def head(self, hidden: Node) -> Node:
        """[n, 1, hidden] to [n, labels]: BERT's pooler and classifier, or RoBERTa's classification head."""
        first = op.squeeze(hidden, _ints([1]))
        if self.config.kind in BERTS:
            return self.linear(op.tanh(self.linear(first, f"{self.prefix}pooler.dense")), "classifier")
        return self.linear(op.tanh(self.linear(first, "classifier.dense")), "classifier.out_proj")

    def mean(self, hidden: Node, visible: Node) -> Node:
        """[n, tokens, hidden] to unit vectors: the mean over real tokens, divided by its length."""
        weight = op.unsqueeze(visible, _ints([2]))
        total = op.reduce_sum(op.multiply(hidden, weight), _ints([1]), False)
        count = op.reduce_sum(weight, _ints([1]), False)
        return op.normalize_l2(op.divide(total, count), _ints([1]), 1e-24, "max")
