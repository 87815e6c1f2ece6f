"""Which runtime classes a model's folder offers.

Rule: `auto` takes a class of rounded numbers only where the folder holds the figures that allow it, measured on graded
queries when it was made; a short look at start cannot show a loss of a thousandth. Weights of four bits are one class,
whatever computes with them, unless int8 does: a folder may hold ranges for that beside them.
"""

from pathlib import Path

from workers import int4
from workers.quantize.record import allows, read_record
from workers.runtimes import inputs
from workers.runtimes.base import RuntimeRefused

AUTO = ("fp32", "bf16")
MAKE = "secondpass quantize MODEL --precision {precision} --texts FILE --out FOLDER"


def offered(folder: Path, precision: str) -> tuple[str, ...]:
    """The classes to try, in order, for a setting. Raises RuntimeRefused where the folder cannot meet it."""
    packed = (folder / int4.FILE).exists() and not list(folder.glob("model*.safetensors"))
    ranges = (folder / inputs.FILE).exists()
    if packed and precision not in ("auto", "int4") and not (precision == "int8" and ranges):
        raise RuntimeRefused(f"{folder.name} holds weights of four bits: set precision = int4 or auto, not {precision}")
    if precision == "int4" and not packed:
        raise RuntimeRefused(f"{folder.name} holds no weights of four bits: {MAKE.format(precision='int4')}")
    if precision != "auto":
        return (precision,)
    record = read_record(folder)
    plain = ("int4",) if packed else AUTO
    return (*plain, "int8") if record is not None and allows(record, folder) else plain
