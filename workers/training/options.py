"""How `train` and `distil` are told to learn, in the same words."""

from pathlib import Path
from typing import Annotated

import typer

ENGINE, LEARNING = "The live engine", "How to learn"
LIBRARIES = ("torch", "transformers", "sentence_transformers", "sklearn", "ir_measures")
"""What both import, of the extra `train`."""

Config = Annotated[
    Path | None,
    typer.Option(
        help="Settings: the engine's address, account, authority; default: $SECONDPASS_CONFIG, else ./secondpass.toml.",
        rich_help_panel=ENGINE,
    ),
]
Dialect = Annotated[
    str,
    typer.Option(
        help="opensearch or elasticsearch; default: the settings', where that is auto, opensearch.",
        rich_help_panel=ENGINE,
    ),
]
TextField = Annotated[
    str,
    typer.Option(
        help="Analysed field that BM25 reads, or several, comma-separated; default: --fields.", rich_help_panel=ENGINE
    ),
]
VectorField = Annotated[str, typer.Option(help="Vector field.", rich_help_panel=ENGINE)]
Embedder = Annotated[
    str,
    typer.Option(
        help="Embedder of the index's vectors; default: the settings'; none: BM25 alone.", rich_help_panel=ENGINE
    ),
]

Epochs = Annotated[int, typer.Option(min=1, help="Times every pair is seen.", rich_help_panel=LEARNING)]
Batch = Annotated[int, typer.Option(min=1, help="Pairs in a batch.", rich_help_panel=LEARNING)]
MaxTokens = Annotated[int, typer.Option(min=8, help="Tokens of a pair.", rich_help_panel=LEARNING)]
MaxQueryChars = Annotated[
    int,
    typer.Option(
        min=0,
        help="Longest query it is for; 0: the longest it learns from, rounded up to ten.",
        rich_help_panel=LEARNING,
    ),
]
Precision = Annotated[str, typer.Option(help="auto, fp32 or bf16.", rich_help_panel=LEARNING)]
Seeds = Annotated[
    list[int] | None, typer.Option(help="Give it several times for several runs.", rich_help_panel=LEARNING)
]
SaveEvery = Annotated[float, typer.Option(min=0, help="Seconds between saved states.", rich_help_panel=LEARNING)]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.", rich_help_panel=LEARNING)]
