"""`secondpass quantize`: a model in fewer bits, measured against itself, refused where it loses too much."""

import tempfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """
Examples:

  secondpass quantize bundled:products-en --precision int8 \\
    --texts pairs.jsonl --out models/products-int8

  secondpass quantize models/shop --precision int4 --graded shop \\
    --parts dev --out models/shop-int4 --max-loss 0.02

A line of pairs.jsonl is {"query": "...", "document": "..."}; --graded is a
folder as `secondpass train` reads it. For int8 on OpenVINO --out may be the
model's own folder: its weights stay, ranges are put beside them.
"""


class Precision(StrEnum):
    INT8 = "int8"
    INT4 = "int4"
    FP8 = "fp8"
    BF16 = "bf16"
    FP16 = "fp16"
    FP32 = "fp32"


class Runtime(StrEnum):
    OPENVINO = "openvino"
    ONNX = "onnx"
    TORCH = "torch"


def quantize(
    model: Annotated[str, typer.Argument(help="bundled:NAME, a folder or a Hub id")],
    out: Annotated[Path, typer.Option(help="folder to write")],
    precision: Annotated[Precision, typer.Option(help="fp32 is for --runtime onnx only: its graph")] = Precision.INT8,
    runtime: Annotated[Runtime, typer.Option(help="what the folder is made for and measured with")] = Runtime.OPENVINO,
    texts: Annotated[Path | None, typer.Option(help="JSONL of pairs to calibrate and compare on")] = None,
    graded: Annotated[Path | None, typer.Option(help="folder of graded queries: measures nDCG@10")] = None,
    parts: Annotated[str, typer.Option(help="parts of its split to measure on, comma-separated")] = "dev",
    max_pairs: Annotated[int, typer.Option(min=1, help="graded pairs to measure on, about")] = 4000,
    max_loss: Annotated[float, typer.Option(help="refuse where the 95 % bound of the nDCG@10 loss is above")] = 0.01,
    min_tau: Annotated[float, typer.Option(help="refuse where Kendall's tau against fp32 is below")] = 0.9,
    revision: Annotated[str, typer.Option(help="Hub revision")] = "",
) -> None:
    """Round a cross-encoder to fewer bits, measure it against itself, and write it where it loses little."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from connector.errors import ConfigError
    from workers.manifest import write_manifest
    from workers.probability.record import forget
    from workers.quantize.make import ADDED, make
    from workers.quantize.record import write_record
    from workers.quantize.report import refusal, show, weigh
    from workers.quantize.texts import gather
    from workers.sources import locate

    source = locate(model, revision).resolve()
    inside = out.resolve() == source and (runtime, precision) == (Runtime.OPENVINO, Precision.INT8)
    if out.exists() and not inside:
        raise ConfigError(f"--out {out}: is there already")
    found = gather(texts, graded, parts, max_pairs)
    console = Console(stderr=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        tempfile.TemporaryDirectory(dir=out.parent, prefix=".quantize-") as staged,
        Progress(*columns, console=console) as bar,
    ):
        stage = Path(staged) / out.name

        def stepper(name: str, total: int) -> Callable[[int], None]:
            task = bar.add_task(name, total=total, visible=False)  # int4 calibrates nothing
            return lambda done: bar.update(task, completed=done, visible=True)

        make(source, stage, runtime, precision, found.calibration, stepper("calibrating", len(found.calibration)))
        record = weigh(source, stage, runtime, precision, found, stepper("measuring", len(found.measured)))
        show(record, console)
        if why := refusal(record, max_loss, min_tau):
            raise why
        write_record(stage, record)
        forgot = not inside and forget(stage)
        if inside:
            for name in ADDED:
                (stage / name).replace(source / name)
            write_manifest(source)
        else:
            write_manifest(stage)
            stage.rename(out)
    console.print(f"written: {out}", markup=False, highlight=False, soft_wrap=True)
    if forgot and runtime is Runtime.ONNX:
        console.print(
            "without its calibration: that belongs to weights, and a folder of graphs has none", soft_wrap=True
        )
    elif forgot:
        on = f"--graded {graded} --parts {parts}" if graded else "--graded FOLDER"
        said = f"without its calibration, which was of other weights; next: secondpass models calibrate {out} {on}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)


quantize.__doc__ = f"{quantize.__doc__}\n{EXAMPLES}"
