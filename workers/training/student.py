"""A student made from its teacher: some of the layers, some of the units within, everything else as it was.

Rule: the layers that stay are spread evenly and end with the last one, whose output the head was trained to read; the
units that stay are those whose weights, in and out, are the largest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel


def choose_layers(there: int, wanted: int) -> list[int]:
    """Return which of `there` layers stay: 2 of 6 are 2 and 5, 3 are 1, 3 and 5. Raises ConfigError."""
    if not 1 <= wanted <= there:
        raise ConfigError(f"--layers {wanted}: the teacher has {there}")
    return [round((place + 1) * there / wanted) - 1 for place in range(wanted)]


def check_sizes(config: PretrainedConfig, layers: int, units: int) -> None:
    """Raise ConfigError for more layers or units than the model has; 0: all of them."""
    if layers:
        choose_layers(config.num_hidden_layers, layers)
    if units and not 1 <= units <= config.intermediate_size:
        raise ConfigError(f"--units {units}: the teacher has {config.intermediate_size} in a layer")


def keep_layers(model: PreTrainedModel, wanted: int) -> list[int]:
    """Take layers out of the model in place; return the numbers of those that stayed. Raises ConfigError."""
    import torch

    layers = encoder_layers(model)
    chosen = choose_layers(len(layers), wanted)
    parent, name = _home(model, layers)
    setattr(parent, name, torch.nn.ModuleList(layers[place] for place in chosen))
    model.config.num_hidden_layers = wanted
    return chosen


def keep_units(model: PreTrainedModel, wanted: int) -> None:
    """Narrow each layer's feed-forward part to `wanted` units in place. Raises ConfigError for a model whose layers do
    not have the two parts that BERT's have (so have RoBERTa's and XLM-R's), or no more units than are wanted.
    """
    import torch

    check_sizes(model.config, 0, wanted)
    for layer in encoder_layers(model):
        into: Any
        out: Any
        try:
            into, out = layer.get_submodule("intermediate.dense"), layer.get_submodule("output.dense")
        except AttributeError as error:
            raise ConfigError(f"--units: layers of {type(model).__name__} are not known well enough") from error
        weight = into.weight.norm(dim=1) * out.weight.norm(dim=0)
        stay = weight.topk(wanted).indices.sort().values
        into.weight = torch.nn.Parameter(into.weight.detach()[stay].clone())
        into.bias = torch.nn.Parameter(into.bias.detach()[stay].clone())
        out.weight = torch.nn.Parameter(out.weight.detach()[:, stay].clone())
        into.out_features = out.in_features = wanted
    model.config.intermediate_size = wanted


def encoder_layers(model: PreTrainedModel) -> torch.nn.ModuleList:
    """Return the model's list of transformer layers: its only list as long as the configuration says."""
    import torch

    count = model.config.num_hidden_layers
    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == count:
            return module
    raise ConfigError(f"{type(model).__name__}: no list of {count} layers found to take some out of")


def _home(model: PreTrainedModel, layers: torch.nn.ModuleList) -> tuple[Any, str]:
    """Return the module that holds the list, and its name there."""
    for module in model.modules():
        for name, child in module.named_children():
            if child is layers:
                return module, name
    raise ConfigError(f"{type(model).__name__}: its layers are not inside it")


def megabytes(model: torch.nn.Module) -> float:
    """Return the size of the weights in fp16, as they are shipped, in millions of bytes."""
    return sum(weight.numel() for weight in model.parameters()) * 2 / 1e6
