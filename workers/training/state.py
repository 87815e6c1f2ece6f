"""Where a run stands, on disk: weights, optimizer, random numbers, place, so that a killed run goes on.

Rule: a file is written beside its final name, flushed to the disk and renamed, so that it is whole or absent; a state
names the run it belongs to, and another run refuses it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.errors import ConfigError
from workers.training.batches import Example
from workers.whole import write_whole

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

log = logging.getLogger("secondpass.training")

SAVE_S = 60.0
"""Seconds between saves: 130 MB for six MiniLM layers, 0.3 s on a laptop's disk; at most a minute is trained again."""

SAVING = 0.05
"""Share of a run's time that saves of more than a second may take: a base of 110 M weights saves 1 GB, which took a
sixth of the time on a slow disk."""


@dataclass(slots=True)
class Place:
    """How far a run has come: steps and examples done, seconds used, and the best figure on dev."""

    step: int = 0
    seen: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)  # of the last 100 steps
    best: float | None = None
    waited: int = 0  # evaluations on dev since the best

    def note(self, loss: float, seen: int) -> None:
        """Count a step."""
        self.step += 1
        self.seen += seen
        self.losses = [*self.losses[-99:], loss]

    @property
    def loss(self) -> float:
        """The mean loss of the last 100 steps; 0 before the first."""
        return sum(self.losses) / max(1, len(self.losses))


class Keeper:
    """Saves and restores one run's state in `path`."""

    def __init__(self, path: Path, run: str, every_s: float = SAVE_S) -> None:
        """`run` names settings and data; a state of another run is refused."""
        self.path, self.run, self.every_s = path, run, every_s
        self.saved = time.monotonic()
        self.took = 0.0  # seconds of the last save

    @property
    def due(self) -> bool:
        rest_s = self.took / SAVING if self.took > 1 else 0.0
        return time.monotonic() - self.saved >= max(self.every_s, rest_s)

    def save(
        self, model: PreTrainedModel, optimizer: torch.optim.Optimizer, place: Place, best: dict[str, torch.Tensor]
    ) -> None:
        """Write everything that the next step depends on. `best` are the weights of the best figure on dev.

        Where it cannot be written (a full disk) a warning says so: training goes on, from the state before if it ends.
        """
        import torch

        began = time.monotonic()
        content = {
            "run": self.run,
            "place": asdict(place),
            "weights": trained_weights(model),
            "best": best,
            "optimizer": optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
        try:
            write_whole(self.path, lambda part: torch.save(content, part))
        except (OSError, RuntimeError) as error:  # torch's writer raises the latter
            log.warning("state not saved, training goes on; make room at %s: %s", self.path.parent, error)
        self.saved = time.monotonic()
        self.took = self.saved - began

    def restore(
        self, model: PreTrainedModel, optimizer: torch.optim.Optimizer
    ) -> tuple[Place, dict[str, torch.Tensor]] | None:
        """Put a saved state back; return its place and best weights, or None where nothing was saved.

        Raises ConfigError for a state of another run.
        """
        import torch

        if not self.path.exists():
            return None
        content: dict[str, Any] = torch.load(self.path, map_location=model.device, weights_only=True)
        if content["run"] != self.run:
            raise ConfigError(f"{self.path} belongs to a run with other data or settings: remove it or change --out")
        model.load_state_dict(content["weights"], strict=False)
        optimizer.load_state_dict(content["optimizer"])
        torch.set_rng_state(content["random"].cpu())
        if content["cuda"]:
            torch.cuda.set_rng_state_all([state.cpu() for state in content["cuda"]])
        return Place(**content["place"]), content["best"]


def trained_weights(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return copies of the weights that training changes."""
    return {name: weight.detach().clone() for name, weight in model.named_parameters() if weight.requires_grad}


def kept(path: Path, make: Callable[[], list[Example]]) -> list[Example]:
    """Return the examples in `path`; where there is no such file, make them and write them to it.

    A run that goes on so learns from what it began with, whatever the engine would find today.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = "".join(json.dumps(asdict(example), ensure_ascii=False) + "\n" for example in make())
        write_whole(path, lambda part: part.write_text(rows, encoding="utf-8"))
    with path.open(encoding="utf-8") as stream:
        return [Example(**json.loads(line)) for line in stream]


def name_run(*parts: object) -> str:
    """Return a hash that settings and data share only with themselves."""
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()
