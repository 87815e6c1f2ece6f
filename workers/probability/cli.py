"""`secondpass models calibrate`: a model's logits as probabilities, fitted on graded pairs and kept in its folder."""

from pathlib import Path
from typing import Annotated

import typer

from connector.errors import ConfigError
from connector.extras import need
from workers.sources import locate

EXAMPLES = """
Examples:

  secondpass models calibrate models/shop/model --graded shop --parts dev

  secondpass models calibrate models/shop/model --pairs graded.jsonl \\
    --method isotonic --relevant 3

`shop` is a folder as `secondpass train` reads it; a line of graded.jsonl is
{"query": "...", "document": "...", "grade": 2}, the document as your policy's
template makes it. Use queries that the model has not learnt from. Orders and
cached scores stay as they are; workers that start afterwards announce the new
numbers.
"""


def calibrate(
    model: Annotated[str, typer.Argument(help="bundled:NAME or a folder")],
    graded: Annotated[Path | None, typer.Option(help="folder of graded queries")] = None,
    parts: Annotated[str, typer.Option(help="parts of its split, comma-separated")] = "dev",
    pairs: Annotated[Path | None, typer.Option(help="JSONL of graded pairs, in place of a folder")] = None,
    method: Annotated[str, typer.Option(help="platt, or isotonic from about a thousand pairs on")] = "platt",
    relevant: Annotated[
        int | None, typer.Option(help="grade from which a document counts; default: half of the highest")
    ] = None,
    precision: Annotated[str, typer.Option(help="runtime class to score with")] = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say the figures, write nothing")] = False,
) -> None:
    """Fit probabilities to a model's logits on graded pairs, and say how good they are and which thresholds follow."""
    need("models calibrate", "train", "sklearn")
    from transformers.utils import logging

    from workers.choose import graphs_alone
    from workers.probability.graded import calibrate as fitted
    from workers.probability.graded import from_folder, from_lines
    from workers.probability.record import write_record
    from workers.reranker import Reranker

    if (graded is None) == (pairs is None):
        raise ConfigError("give --graded FOLDER or --pairs FILE.jsonl")
    if not model.startswith("bundled:") and not Path(model).expanduser().is_dir():
        raise ConfigError(f"{model}: no folder to write to; `secondpass models export {model} FOLDER` makes one")
    folder = locate(model)
    if graphs_alone(folder):
        raise ConfigError(
            f"{folder} holds ONNX graphs alone, and a calibration is one of weights: calibrate the folder that the "
            "graphs were made from, and serve that where probabilities are wanted"
        )
    found = from_folder(graded, parts) if graded else from_lines(pairs) if pairs else None
    if found is None or not found.pairs:
        raise ConfigError(f"{graded or pairs}: no graded pairs" + (f" in {parts}" if graded else ""))
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # of loading weights
    reranker = Reranker(str(folder), precision=precision)
    if len(reranker.scorer.info.labels) > 1:
        raise ConfigError(f"{model} has several labels: their shares (softmax) are not calibrated")
    record = fitted(found, reranker.score(found.pairs).tolist(), method, relevant)
    for line in record.lines():
        typer.echo(line)
    if not dry_run:
        write_record(folder, record)
        typer.echo(f"written: {folder / 'secondpass.json'}")


calibrate.__doc__ = f"{calibrate.__doc__}\n{EXAMPLES}"
