"""What quantising cost, as a record, as lines for a person, and as a refusal.

Rule: with graded queries the loss decides (its one-sided 95 % bound, since a mean over few queries can be luck),
without them the order of the texts does.
"""

from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from connector.errors import SecondpassError
from workers.checkpoint import read_config, read_weights
from workers.choose import opener
from workers.quantize.make import COMPUTED, METHODS
from workers.quantize.measure import compare, in_turns, quality
from workers.quantize.record import Record
from workers.quantize.texts import Texts
from workers.runtimes.inputs import hash_weights
from workers.tokens import Tokens


class TooLossy(SecondpassError):
    """Raised when a quantised model loses more than the user allows; nothing was written."""


def weigh(
    source: Path, made: Path, runtime: str, precision: str, texts: Texts, progress: Callable[[int], None]
) -> Record:
    """Score the measured texts with both models in turns. Blocks. Raises RuntimeRefused."""
    kind = COMPUTED.get((runtime, precision), precision)
    first = ("openvino", source) if (runtime, precision) == ("onnx", "fp32") else (runtime, source)
    if (runtime, precision) == ("onnx", "int8"):
        first = ("onnx", made)  # its graph of fp32 was exported along with it
    reference = opener(first[1], "cpu")(first[0], "fp32")
    tokens = Tokens(source, read_config(source))
    sides = in_turns([reference, opener(made, "cpu")(runtime, kind)], tokens, texts.measured, progress)
    tau, difference = compare(*sides)
    weights = read_weights(source)
    return Record(
        precision=precision,
        runtime=runtime,
        method=METHODS[runtime, precision],
        texts=texts.name,
        weights=hash_weights(source),
        pairs=len(texts.measured),
        tau=round(tau, 4),
        difference=round(difference, 4),
        pairs_per_s=round(sides[1].rate, 1),
        reference_pairs_per_s=round(sides[0].rate, 1),
        mb=round(sum(path.stat().st_size for path in numbers(made, runtime, precision)) / 1e6, 1),
        fp16_mb=round(2 * sum(weight.size for weight in weights.values()) / 1e6, 1),
        quality=quality(texts.name, texts.places, texts.grades, sides[0].logits, sides[1].logits)
        if texts.places
        else None,
    )


def numbers(folder: Path, runtime: str, precision: str) -> list[Path]:
    """The files that a runtime reads its numbers from."""
    if runtime == "onnx":
        from workers.runtimes.onnx import graph_file

        return [graph_file(folder, precision)]
    return sorted(folder.glob("*.safetensors"))


def refusal(record: Record, max_loss: float, min_tau: float) -> TooLossy | None:
    """Why the record's model must not be written, None where it may."""
    if record.quality is not None and record.quality.loss_bound > max_loss:
        found = record.quality
        return TooLossy(
            f"refused: nDCG@10 falls from {found.reference:.4f} to {found.quantised:.4f} on {found.data}, "
            f"95 % bound of the loss {found.loss_bound:.4f}, above --max-loss {max_loss:g}; nothing was written"
        )
    if record.tau < min_tau:
        return TooLossy(
            f"refused: Kendall's tau against fp32 is {record.tau:.3f} on {record.texts}, below --min-tau {min_tau:g}; "
            "nothing was written"
        )
    return None


def show(record: Record, console: Console) -> None:
    """Print the figures as a table."""
    table = Table("", "fp32", record.precision, title=f"{record.runtime}: {record.method}", title_justify="left")
    table.add_row("pairs/s of CPU", f"{record.reference_pairs_per_s}", f"{record.pairs_per_s}")
    table.add_row("MB (left: stored as fp16)", f"{record.fp16_mb}", f"{record.mb}")
    table.add_row(f"Kendall's tau, {record.pairs} pairs", "1", f"{record.tau}")
    table.add_row("largest difference, deviations", "0", f"{record.difference}")
    if found := record.quality:
        table.add_row(f"nDCG@10, {found.queries} queries", f"{found.reference}", f"{found.quantised}")
        low, high = found.loss_95
        table.add_row("loss, 95 % interval, bound", "", f"{found.loss} ({low} to {high}), {found.loss_bound}")
    console.print(table)
