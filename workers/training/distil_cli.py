"""`secondpass distil`: one or more teachers to a smaller, faster student."""

from pathlib import Path
from typing import Annotated

import typer

from connector.errors import ConfigError
from connector.extras import need
from workers.sources import locate
from workers.training.options import (
    ENGINE,
    LEARNING,
    LIBRARIES,
    Batch,
    Config,
    Device,
    Dialect,
    Embedder,
    Epochs,
    MaxQueryChars,
    MaxTokens,
    Precision,
    SaveEvery,
    Seeds,
    TextField,
    VectorField,
)
from workers.training.told import INHERITED, claim, command_line, inherited

EXAMPLES = """
Examples:

  secondpass distil --teacher bundled:products-en --layers 3 --data shop \\
    --index products --out models/small

  secondpass distil --teacher models/a --teacher models/b \\
    --teacher embed:all-MiniLM-L6-v2 --weight 2 --weight 2 --weight 1 \\
    --layers 2 --vocabulary --loss margin-mse --index products \\
    --fields name,brand,description --out models/small

The student starts as the first teacher (or --start) with some of its layers,
with --units narrower ones, and with --vocabulary only the tokens that the
corpus uses. No grades are needed; where there are dev queries (--dev, or the
folder's part), teacher and student are compared on them.
"""

DATA, STUDENT = "Documents", "The student"


def distil(
    context: typer.Context,
    teacher: Annotated[list[str], typer.Option(help="bundled:NAME, folder, Hub id, or embed:NAME; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Folder for the student and its checkpoints.")],
    weight: Annotated[
        list[float] | None, typer.Option(help="Weight of each teacher in their order; else all the same.")
    ] = None,
    layers: Annotated[int, typer.Option(min=0, help="Layers it keeps; 0: all.", rich_help_panel=STUDENT)] = 3,
    units: Annotated[
        int, typer.Option(min=0, help="Feed-forward units it keeps in each; 0: all.", rich_help_panel=STUDENT)
    ] = 0,
    vocabulary: Annotated[bool, typer.Option(help="Keep only tokens of the corpus.", rich_help_panel=STUDENT)] = False,
    least: Annotated[int, typer.Option(min=1, help="Times a token must occur.", rich_help_panel=STUDENT)] = 1,
    start: Annotated[
        str, typer.Option(help="Model to make it from; else the first teacher.", rich_help_panel=STUDENT)
    ] = "",
    data: Annotated[Path | None, typer.Option(help="Folder of corpus and queries.", rich_help_panel=DATA)] = None,
    dev: Annotated[
        Path | None, typer.Option(help="Grades to compare by, in any form of train's --grades.", rich_help_panel=DATA)
    ] = None,
    queries: Annotated[
        Path | None, typer.Option(help="Query texts, where --dev is qrels.", rich_help_panel=DATA)
    ] = None,
    fields: Annotated[
        str,
        typer.Option(
            help="Fields of the index's documents, title first; default: its policy's, else its texts.",
            rich_help_panel=DATA,
        ),
    ] = "",
    engine_url: Annotated[
        str,
        typer.Option(
            help="Engine that candidates come from, which is sent engine.service_auth; default: the settings'.",
            rich_help_panel=ENGINE,
        ),
    ] = "",
    config: Config = None,
    index: Annotated[str, typer.Option(help="Index with the documents.", rich_help_panel=ENGINE)] = "",
    dialect: Dialect = "",
    text_field: TextField = "",
    vector_field: VectorField = "embedding",
    embedder: Embedder = "",
    made: Annotated[int, typer.Option(min=1, help="Queries to make from the catalogue.", rich_help_panel=DATA)] = 3200,
    per_query: Annotated[int, typer.Option(min=2, help="Documents a query.", rich_help_panel=DATA)] = 8,
    languages: Annotated[str, typer.Option(help="Languages the texts are in.", rich_help_panel=DATA)] = "en",
    loss: Annotated[str, typer.Option(help="mse, margin-mse or listwise.", rich_help_panel=LEARNING)] = "mse",
    rate: Annotated[float, typer.Option(help="Peak learning rate.", rich_help_panel=LEARNING)] = 1e-4,
    epochs: Epochs = 1,
    batch: Batch = 32,
    max_tokens: MaxTokens = 128,
    max_query_chars: MaxQueryChars = 0,
    precision: Precision = "auto",
    seed: Seeds = None,
    minutes: Annotated[float, typer.Option(min=0, help="Limit; 0: none.", rich_help_panel=LEARNING)] = 0.0,
    save_every: SaveEvery = 60.0,
    device: Device = "auto",
) -> None:
    """Distil one or more teachers into a smaller, faster cross-encoder."""
    if loss not in ("mse", "margin-mse", "listwise"):
        raise ConfigError(f"--loss {loss}: a student learns scores by mse, margin-mse or listwise")
    if not start and teacher[0].startswith("embed:"):
        raise ConfigError("--start: name the model to make the student from; the first teacher is no cross-encoder")
    need("distil", "train", *LIBRARIES)
    from transformers import AutoConfig

    from connector.settings import load
    from workers.training import run as runs
    from workers.training.digest import digest
    from workers.training.distil import Distillation, distil_seeds
    from workers.training.encoder import device_name
    from workers.training.gather import languages_of, with_dev
    from workers.training.open import open_documents, open_index, shown_progress
    from workers.training.student import check_sizes
    from workers.training.teachers import check_weights, open_teacher
    from workers.training.trainer import Pass
    from workers.training.vectors import check_vectors

    weights, begun = weight or [1.0] * len(teacher), locate(start or teacher[0])
    check_weights(weights, len(teacher))
    check_sizes(AutoConfig.from_pretrained(str(begun)), layers, units)
    settings = load(config)
    chosen = device_name(device)
    how = Pass(rate, batch, max_tokens, loss=loss, epochs=epochs, precision=precision, list_size=per_query)
    how.check()
    with shown_progress() as (say, progress):
        run = runs.Run(
            out=out,
            seeds=tuple(seed or [1]),
            start=begun,
            how=how,
            device=chosen,
            minutes=minutes,
            evaluations=0,
            patience=1,
            save_s=save_every,
            languages=languages_of(languages),
            command=command_line(context),
            max_query_chars=max_query_chars,
            say=say,
            progress=progress,
        )
        read, words, vectors = (inherited(context, out, name) for name in INHERITED)
        found = open_index(settings, data, engine_url, index, read, words, vector_field, dialect, vectors, chosen, say)
        wanted = Distillation(
            teachers=[open_teacher(source, chosen, settings.embedder) for source in teacher],
            weights=weights,
            layers=layers,
            units=units,
            vocabulary=vocabulary,
            least=least,
            made=made,
            per_query=per_query,
        )
        shop = open_documents(data, found, say)
        check_vectors(found, shop)
        shop = with_dev(shop, dev, queries) if dev else shop
        claim(context, out, found.told, digest(shop, data is not None))
        folder = distil_seeds(run, wanted, shop, found.engine, found.embed)
    typer.echo(folder)


distil.__doc__ = f"{distil.__doc__}\n{EXAMPLES}"
