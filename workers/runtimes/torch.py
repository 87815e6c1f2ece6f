"""torch and transformers: any architecture that transformers can classify with, on CPU or CUDA.

Rule: code from a model's folder is never run (`trust_remote_code` is False) and weights are never unpickled.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification

from workers import int4
from workers.checkpoint import read_config, read_weights, weight_files
from workers.runtimes.base import DeviceLost, Ids, Logits, OutOfMemory, RuntimeRefused, threads

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16, "int4": torch.float32}


class Torch:
    """A transformers classifier, or (`classifier=False`) a mean-pooling encoder."""

    name = "torch"

    def __init__(self, folder: Path, precision: str, device: str = "cpu", *, classifier: bool = True) -> None:
        """Raises RuntimeRefused where precision, device or architecture does not allow it."""
        if precision not in DTYPES:
            raise RuntimeRefused(f"runtime torch computes in {', '.join(DTYPES)}, not {precision}; set one")
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise RuntimeRefused(f"device = {device!r}: torch sees no CUDA device; set device = cpu")
        self.precision, self.device = precision, device
        self.types = read_config(folder).types
        self.classifier = classifier
        packed = weight_files(folder)[0].name == int4.FILE
        if device == "cpu":
            torch.set_num_threads(threads())
        auto = AutoModelForSequenceClassification if classifier else AutoModel
        try:
            if packed:
                config = AutoConfig.from_pretrained(str(folder), local_files_only=True)
                model = auto.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
                model.load_state_dict({name: torch.from_numpy(each) for name, each in read_weights(folder).items()})
            else:
                model = auto.from_pretrained(
                    str(folder),
                    dtype=DTYPES[precision],
                    trust_remote_code=False,
                    use_safetensors=True,
                    local_files_only=True,
                )
        except (ValueError, KeyError, OSError, RuntimeError) as error:
            raise RuntimeRefused(f"runtime torch cannot load {folder}: {error}") from error
        self.model = model.eval().to(device, DTYPES[precision])  # transformers 4 leaves fp8 as it is stored

    @torch.inference_mode()
    def forward(self, ids: Ids, mask: Ids, types: Ids) -> Logits:
        with device_errors():
            inputs = {"input_ids": self._tensor(ids), "attention_mask": self._tensor(mask)}
            if self.types > 1:
                inputs["token_type_ids"] = self._tensor(types)
            found = self.model(**inputs)
            rows = found.logits.float() if self.classifier else _mean(found.last_hidden_state, inputs["attention_mask"])
            return np.asarray(rows.cpu().numpy(), np.float32)

    def _tensor(self, values: Ids) -> torch.Tensor:
        tensor = torch.from_numpy(values)
        if self.device == "cpu":
            return tensor
        return tensor.pin_memory().to(self.device, non_blocking=True)


@contextmanager
def device_errors() -> Iterator[None]:
    """What torch says of a device in our words. Raises OutOfMemory, DeviceLost."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise OutOfMemory(str(error)) from error
    except RuntimeError as error:
        if "CUDA error" in str(error):  # the context is gone, whatever comes next fails as well
            raise DeviceLost(str(error)) from error
        if "can't allocate memory" in str(error):
            raise OutOfMemory(str(error)) from error
        raise


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Unit vectors: the mean over real tokens, divided by its length."""
    weight = mask.unsqueeze(-1).float()
    total = (hidden.float() * weight).sum(1) / weight.sum(1)
    return torch.nn.functional.normalize(total, dim=1)
