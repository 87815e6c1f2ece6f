"""BERT, RoBERTa and MPNet as an OpenVINO graph, built from the weights: no torch, no ONNX, no tracing.

Rule: the graph computes exactly what transformers' `BertForSequenceClassification`, `RobertaForSequenceClassification`,
`MPNetForSequenceClassification` and their encoders compute in evaluation mode. The last layer of a classifier works on
the first token alone, because its head reads nothing else (exact; 1.16 times faster at 6 layers, docs: performance).

With `inputs`, the layers over all tokens multiply in int8: OpenVINO turns a FakeQuantize before a product of int8
weights into one integer product. The head and what the last layer does for one token stay as they are: they are a
hundredth of the work.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from workers.checkpoint import Config, Weights
from workers.runtimes import relative
from workers.runtimes.base import RuntimeRefused
from workers.runtimes.families import BERTS, FAMILIES, MPNETS, names_of
from workers.runtimes.inputs import LEVELS, Inputs, rounded

ACTIVATIONS = {"gelu": "erf", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh", "relu": "relu"}
ONE = np.ones(1, np.float32)
MASKED = -1e9  # added to the attention score of padding; exp() of it is 0 in float32 and bfloat16

Node = Any  # openvino's own nodes are untyped


def _ints(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def check(config: Config) -> None:
    """Raise RuntimeRefused unless this file can build the architecture."""
    if config.kind not in FAMILIES:
        raise RuntimeRefused(
            f"runtime openvino builds BERT, RoBERTa/XLM-R and MPNet, not {config.kind}; use runtime = torch"
        )
    if config.raw.get("position_embedding_type", "absolute") != "absolute":
        raise RuntimeRefused("runtime openvino builds absolute positions only; use runtime = torch")
    if config.raw.get("hidden_act", "gelu") not in ACTIVATIONS:
        raise RuntimeRefused(f"runtime openvino has no activation {config.raw['hidden_act']!r}; use runtime = torch")


def build(config: Config, weights: Weights, *, classifier: bool, inputs: Inputs | None = None) -> ov.Model:
    """The graph: inputs ids, mask, types, positions [n, tokens] (int64); output logits [n, labels], or for an encoder
    mean-pooled unit vectors [n, hidden]. Raises RuntimeRefused, also where a tensor is missing.
    """
    check(config)
    builder = _Builder(config, weights, inputs or {})
    result, parameters = builder.build(classifier)
    return ov.Model([op.result(result)], parameters, config.kind)


def watched(config: Config, weights: Weights) -> tuple[ov.Model, list[str]]:
    """A classifier whose outputs are what its int8 layers would read, [n, tokens, channels] each, and their names."""
    check(config)
    builder = _Builder(config, weights, {})
    _, parameters = builder.build(classifier=True)
    return ov.Model([op.result(node) for node in builder.read.values()], parameters, config.kind), list(builder.read)


class _Builder:
    """The few things every layer needs: the weights under one prefix and the shape of a head."""

    def __init__(self, config: Config, weights: Weights, inputs: Inputs) -> None:
        ends = "embeddings.word_embeddings.weight"
        self.config, self.weights = config, weights
        self.prefix = next((name[: -len(ends)] for name in weights if name.endswith(ends)), "")
        self.act = ACTIVATIONS[config.raw.get("hidden_act", "gelu")]
        self.eps = float(config.raw.get("layer_norm_eps", 1e-12))
        self.names = names_of(config.kind)
        self.inputs = inputs
        self.read: dict[str, Node] = {}  # what each layer over all tokens reads, by its name in Inputs
        self.rounded: dict[str, Node] = {}

    def build(self, classifier: bool) -> tuple[Node, list[Node]]:
        """The result and the graph's parameters."""
        names = ("ids", "mask", "types", "positions")
        inputs = [op.parameter([-1, -1], np.int64, name=name) for name in names]
        ids, mask, types, positions = inputs
        hidden = self.embeddings(ids, types, positions)
        visible = op.convert(mask, "f32")
        bias = op.multiply(op.subtract(op.unsqueeze(visible, _ints([1, 2])), np.float32(1)), np.float32(-MASKED))
        if self.config.kind in MPNETS:
            bias = op.add(bias, self.distances(ids))
        for number in range(self.config.layers):
            last = classifier and number == self.config.layers - 1
            seen = self.first(bias, 2) if last and self.config.kind in MPNETS else bias
            hidden = self.layer(number, hidden, seen, first_only=last)
        return self.head(hidden) if classifier else self.mean(hidden, visible), inputs

    def array(self, name: str) -> NDArray[np.float32]:
        for key in (name, name.replace("LayerNorm.weight", "LayerNorm.gamma"), name.replace("m.bias", "m.beta")):
            if key in self.weights:
                return self.weights[key]
        raise RuntimeRefused(f"runtime openvino misses the tensor {name} of {self.config.kind}; use runtime = torch")

    def scale(self, read: str) -> NDArray[np.float32]:
        """What the tensor that int8 layers know as `read` is divided by, [channels] or [1]."""
        return self.inputs[read].scale if read in self.inputs else ONE

    def linear(self, node: Node, name: str, read: str = "", feeds: str = "", *, exact: bool = False) -> Node:
        """A linear layer. `read`: its input is the tensor of that name, divided by its scale, and the product is of
        int8 unless `exact`; `feeds`: so is its result.
        """
        weight = self.array(f"{name}.weight") * self.scale(read)
        bias = self.array(f"{name}.bias")
        if feeds in self.inputs:
            weight, bias = weight / self.scale(feeds)[:, None], bias / self.scale(feeds)
        if read and not exact:
            self.read[read] = node
            if read in self.inputs:
                return op.add(self.integer(node, weight, read), op.constant(bias))
        return op.add(op.matmul(node, op.constant(weight), False, True), op.constant(bias))

    def integer(self, node: Node, weight: NDArray[np.float32], read: str) -> Node:
        """The product of int8; channels that are computed aside count 0 in it."""
        known = self.inputs[read]
        if read not in self.rounded:  # one rounding for query, key and value
            ends = np.float32(known.low), np.float32(known.high)
            self.rounded[read] = op.fake_quantize(node, *ends, *ends, LEVELS)
        weight[:, known.aside] = 0
        whole, step = rounded(weight)
        return op.matmul(self.rounded[read], op.multiply(op.convert(op.constant(whole), "f32"), step), False, True)

    def norm(self, node: Node, name: str, feeds: str = "") -> Node:
        flat = op.mvn(node, _ints([-1]), True, self.eps, "inside_sqrt")
        weight, bias = (self.array(f"{name}.{end}") / self.scale(feeds) for end in ("weight", "bias"))
        return op.add(op.multiply(flat, op.constant(weight)), op.constant(bias))

    def whole(self, node: Node, read: str) -> Node:
        """The tensor that was divided by its scale, as it was."""
        return op.multiply(node, op.constant(self.inputs[read].scale)) if read in self.inputs else node

    def embeddings(self, ids: Node, types: Node, positions: Node) -> Node:
        base = f"{self.prefix}embeddings."
        axis = np.int64(0)
        read = [("word", ids), ("token_type", types), ("position", positions)]
        tables = [
            op.gather(op.constant(self.array(f"{base}{name}_embeddings.weight")), rows, axis)
            for name, rows in read
            if name != "token_type" or self.config.kind not in MPNETS
        ]
        return self.norm(reduce(op.add, tables), f"{base}LayerNorm", "encoder.layer.0.attention")

    def distances(self, ids: Node) -> Node:
        """[1, heads, tokens, tokens]: what MPNet adds to attention, the same in every layer."""
        table = self.array(f"{self.prefix}encoder.relative_attention_bias.weight")
        every = op.constant(relative.bias(table, self.config.max_tokens))
        tokens = op.gather(op.shape_of(ids), _ints([1]), np.int64(0))
        return op.slice(every, _ints([0, 0]), op.concat([tokens, tokens], 0), _ints([1, 1]), _ints([2, 3]))

    def first(self, node: Node, axis: int) -> Node:
        """Of the first token alone."""
        return op.slice(node, _ints([0]), _ints([1]), _ints([1]), _ints([axis]))

    def split(self, node: Node) -> Node:
        """[n, tokens, hidden] to [n, heads, tokens, hidden / heads]."""
        heads, width = self.config.heads, self.config.hidden // self.config.heads
        return op.transpose(op.reshape(node, _ints([0, 0, heads, width]), True), _ints([0, 2, 1, 3]))

    def layer(self, number: int, hidden: Node, bias: Node, *, first_only: bool) -> Node:
        name = f"encoder.layer.{number}."
        base, read = f"{self.prefix}{name}", f"{name}attention"
        asking = self.first(hidden, 1) if first_only else hidden
        query = self.split(self.linear(asking, f"{base}{self.names.query}", read, exact=first_only))
        key = self.split(self.linear(hidden, f"{base}{self.names.key}", read))
        value = self.split(self.linear(hidden, f"{base}{self.names.value}", read, f"{name}context"))
        # spelled out: OpenVINO 2026.4 fuses this form itself, 5 % faster in bf16 than its own attention node
        scale = np.float32((self.config.hidden // self.config.heads) ** -0.5)
        seen = op.add(op.multiply(op.matmul(query, key, False, True), scale), bias)
        mixed = op.matmul(op.softmax(seen, 3), value, False, False)
        joined = op.reshape(op.transpose(mixed, _ints([0, 2, 1, 3])), _ints([0, 0, self.config.hidden]), True)
        attended = self.linear(joined, f"{base}{self.names.out}", f"{name}context", exact=first_only)
        asked = op.add(attended, self.whole(asking, read))
        asking = self.norm(asked, f"{base}{self.names.norm}", f"{name}intermediate")
        fed = op.add(self.feed_forward(asking, name, exact=first_only), self.whole(asking, f"{name}intermediate"))
        return self.norm(fed, f"{base}output.LayerNorm", f"encoder.layer.{number + 1}.attention")

    def feed_forward(self, node: Node, name: str, *, exact: bool) -> Node:
        first, second = (f"{self.prefix}{name}{part}" for part in (self.names.wide, self.names.narrow))
        wide = self.activate(self.linear(node, first, f"{name}intermediate", exact=exact))
        result = self.linear(wide, second, f"{name}output", exact=exact)
        if exact or f"{name}output" not in self.inputs:
            return result
        aside = self.inputs[f"{name}output"].aside
        weight = self.array(f"{first}.weight")[aside] * self.scale(f"{name}intermediate")
        some = op.add(op.matmul(node, weight, False, True), self.array(f"{first}.bias")[aside])
        back = np.ascontiguousarray(self.array(f"{second}.weight")[:, aside])
        return op.add(result, op.matmul(self.activate(some), back, False, True))

    def activate(self, node: Node) -> Node:
        return op.relu(node) if self.act == "relu" else op.gelu(node, self.act)

    def head(self, hidden: Node) -> Node:
        """[n, 1, hidden] to [n, labels]: BERT's pooler and classifier, or RoBERTa's and MPNet's head."""
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
