"""The training loop: any loss over pairs or lists, one process, one device.

Rule: the order of the pairs, the weights of a new head and therefore the result follow from the seed alone (on one
device and library version), whether the run was killed and resumed in between or not.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connector.errors import ConfigError
from workers.training.batches import Batch, Example, add_strangers, cut, deal_lists, easy_first, known_texts
from workers.training.encoder import Encoded, device_name, encode, has_bf16, load, longest, pad_rows, precise, scores
from workers.training.losses import Loss, find
from workers.training.state import SAVE_S, Keeper, Place, name_run, trained_weights

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

__all__ = ["Example", "Pass", "Progress", "Watch", "device_name", "fit", "has_bf16", "load", "scores"]

WARMUP = 0.06


@dataclass(frozen=True, slots=True)
class Pass:
    """How to learn from some examples: peak rate (linear warm-up, then linear decay to 0), batches, loss.

    Losses over lists take examples in a row with the same query as one list, dealt into lists of `list_size`.
    """

    learning_rate: float
    batch: int = 32  # pairs
    max_tokens: int = 128
    weight_decay: float = 0.01
    loss: str = "bce"  # a name of workers.training.losses.LOSSES
    shares: bool = False  # labels are relevance from 0 to 1, to be put on the loss's own scale
    epochs: int = 1
    list_size: int = 16
    strangers: int = 0  # in-batch negatives a list: documents of the batch's other queries
    accumulate: int = 1  # batches a step
    micro: int = 0  # pairs in memory at once, by computing logits twice; 0: the whole batch
    checkpointing: bool = False  # activations are computed again instead of kept: half the memory, a third slower
    precision: str = "auto"  # auto | fp32 | bf16
    curriculum: bool = False  # the first epoch goes from easy to hard

    def check(self) -> None:
        """Raise ConfigError for settings that do not fit each other, or that there are not."""
        find(self.loss)
        precise(self.precision, "cpu")
        if self.strangers and self.loss != "contrastive":
            raise ConfigError(f"in-batch negatives belong to the contrastive loss, not to {self.loss}")
        if self.curriculum and self.loss == "cross-entropy":
            raise ConfigError("labels without an order have no easy and hard: no curriculum with cross-entropy")


@dataclass(frozen=True, slots=True)
class Watch:
    """Early stopping: `measure` gives a figure on dev, better when higher; the best weights are kept at the end."""

    measure: Callable[[], float]
    evaluations: int = 8  # spread evenly over the run
    patience: int = 3  # evaluations without a new best before the run ends


Progress = Callable[[int, int, float], None]  # examples done, of how many, mean loss of the last 100 steps


@dataclass(frozen=True, slots=True)
class Course:
    """Everything a run will read, in order: rows of tokens, their labels, and batches of places in both."""

    rows: list[Encoded]
    labels: list[float]
    batches: list[Batch]
    longest: int  # tokens of a row

    @property
    def pairs(self) -> int:
        return sum(len(unit) for batch in self.batches for unit in batch)


def fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    examples: Sequence[Example],
    how: Pass,
    seed: int,
    device: str = "cpu",
    minutes: float = 0.0,
    progress: Progress | None = None,
    state: Path | None = None,
    watch: Watch | None = None,
    save_s: float = SAVE_S,
) -> float:
    """Train the model in place and return the mean loss of the last 100 steps.

    `minutes` > 0 ends the run early: the learning rate then decays with the time used instead of the steps done,
    whichever is further. `state` is a file that is written every `save_s` seconds; where it is there already, the run
    goes on from it, and the caller removes it once the model is safe. Raises ConfigError for settings that do not fit
    each other or the state.
    """
    import torch

    loss = find(how.loss)
    course = lay_out(tokenizer, examples, how, seed)
    model.train()
    model.get_input_embeddings().weight.requires_grad_(False)  # half of all weights; rare words would drift for little
    if how.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[no-untyped-call]
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=how.learning_rate, weight_decay=how.weight_decay, fused=True)
    keeper = Keeper(state, name_run(how, seed, examples), save_s) if state else None
    found = keeper.restore(model, optimizer) if keeper else None
    place, best = found or (Place(), {})
    learner = Learner(model, course, loss, how, tokenizer.pad_token_id or 0, device)
    steps = -(-len(course.batches) // how.accumulate)
    looks = {round(number * steps / watch.evaluations) for number in range(1, watch.evaluations)} if watch else set()
    began = time.monotonic() - place.seconds
    while place.step < steps and not (watch and place.waited >= watch.patience):
        used = (time.monotonic() - began) / (60 * minutes) if minutes else 0.0
        done = max(place.step / steps, used)
        if done >= 1:
            break
        rate = how.learning_rate * min(1.0, (place.step + 1) / (WARMUP * steps + 1)) * (1 - done)
        for group in optimizer.param_groups:
            group["lr"] = rate
        first = place.step * how.accumulate
        batches = course.batches[first : first + how.accumulate]
        value = sum(learner.learn(batch, 1 / len(batches)) for batch in batches)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        place.note(value, sum(len(unit) for batch in batches for unit in batch))
        if watch and place.step in looks:
            best = look(model, watch, place, best)
        place.seconds = time.monotonic() - began
        if keeper and keeper.due:
            keeper.save(model, optimizer, place, best)
        if progress:
            progress(place.seen, course.pairs, place.loss)
    if watch:
        if place.step not in looks:
            best = look(model, watch, place, best)
        model.load_state_dict(best, strict=False)
    if how.checkpointing:
        model.gradient_checkpointing_disable()  # type: ignore[no-untyped-call]
    model.train(False)
    return place.loss


def look(model: PreTrainedModel, watch: Watch, place: Place, best: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Measure on dev; note a new best in `place`, and return the weights that are best now."""
    figure = watch.measure()
    if place.best is None or figure > place.best:
        place.best, place.waited = figure, 0
        return trained_weights(model)
    place.waited += 1
    return best


def lay_out(tokenizer: PreTrainedTokenizerFast, examples: Sequence[Example], how: Pass, seed: int) -> Course:
    """Return the tokens and the batches of all epochs. Raises ConfigError for settings that do not fit the loss."""
    how.check()
    loss = find(how.loss)
    if not examples:
        raise ConfigError("nothing to learn from: no examples")
    rows = _encode(tokenizer, examples, how.max_tokens)
    lengths = [len(row["input_ids"]) for row in rows]
    everything, known, rng = list(examples), known_texts(examples), random.Random(seed)
    batches: list[Batch] = []
    for epoch in range(how.epochs):
        dealer = random.Random(f"lists {seed} {epoch}")
        units = deal_lists(examples, how.list_size, dealer) if loss.lists else [[i] for i in range(len(examples))]
        easy = how.curriculum and epoch == 0
        ordered = cut(easy_first(units, examples) if easy else units, lengths, how.batch, rng, mixed=not easy)
        if how.strangers:
            ordered, new = add_strangers(ordered, everything, known, how.strangers, dealer)
            everything += new
        batches += ordered
    rows += _encode(tokenizer, everything[len(examples) :], how.max_tokens)
    scale = loss.of_share if how.shares else float
    return Course(rows, [scale(example.label) for example in everything], batches, longest(rows))


def _encode(tokenizer: PreTrainedTokenizerFast, examples: Sequence[Example], max_tokens: int) -> list[Encoded]:
    queries, texts = [example.query for example in examples], [example.document for example in examples]
    return encode(tokenizer, queries, texts, max_tokens)


@dataclass(frozen=True, slots=True)
class Learner:
    """Turns a batch into gradients."""

    model: PreTrainedModel
    course: Course
    loss: Loss
    how: Pass
    pad: int
    device: str

    def learn(self, batch: Batch, share: float) -> float:
        """Add `share` of the batch's gradient to the model's and return that share of its loss."""
        import torch

        places = [place for unit in batch for place in unit]
        sizes = [len(unit) for unit in batch]
        labels = torch.tensor([self.course.labels[place] for place in places], device=self.device)
        micro = self.how.micro
        if not micro or len(places) <= micro:
            value = self.loss.compute(self.logits(places), labels, sizes) * share
            torch.autograd.backward(value)
            return value.item()
        # Logits first, without a graph; then the loss's gradient on them; then each part again, with a graph. Lists
        # may so be longer than memory; the price is a second forward pass (Gao et al. 2021, "gradient cache").
        parts = [places[start : start + micro] for start in range(0, len(places), micro)]
        with torch.no_grad():
            free = torch.cat([self.logits(part) for part in parts])
        free.requires_grad_()
        value = self.loss.compute(free, labels, sizes) * share
        (wanted,) = torch.autograd.grad(value, free)
        for part, gradient in zip(parts, torch.split(wanted, micro), strict=True):
            torch.autograd.backward(self.logits(part), gradient)
        return value.item()

    def logits(self, places: Sequence[int]) -> torch.Tensor:
        """Return float32 logits [n], or [n, labels] of several labels."""
        inputs = pad_rows([self.course.rows[place] for place in places], self.pad, self.device, self.course.longest)
        with precise(self.how.precision, self.device):
            found: torch.Tensor = self.model(**inputs).logits
        return found.float().squeeze(-1) if found.shape[1] == 1 else found.float()
