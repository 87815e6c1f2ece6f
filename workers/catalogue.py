"""`secondpass models`: what is on this machine, whether it is whole, and how it gets out or away.

Rule: nothing is removed that is not named, and never what came with the package.
"""

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from connector.errors import ConfigError, SecondpassError
from workers import int4
from workers.manifest import differences, longest_query, read_manifest
from workers.probability.cli import calibrate
from workers.probability.record import read_folder
from workers.quantize.record import Record, read_record
from workers.sources import MODELS, bundled, locate

app = typer.Typer(help="List, verify, calibrate, export and remove models.", no_args_is_help=True)
app.command()(calibrate)
Named = Annotated[str, typer.Argument(help="bundled:NAME, a folder or a Hub id")]
Revision = Annotated[str, typer.Option(help="Hub revision")]


WEIGHTS = ("*.safetensors", "*.bin", "*.onnx", "onnx/*.onnx")
PARTS = re.compile(r"\..*|onnx|openvino|\d+_\w+")
"""Folders in a model's folder: hidden ones, graphs, modules of sentence-transformers (`1_Pooling`)."""


class Damaged(SecondpassError):
    """Raised when a model's files are not those that were published."""


@app.command("list")
def list_models(
    folders: Annotated[list[Path] | None, typer.Argument(help="folders to look for models in, besides")] = None,
) -> None:
    """List the models of this package, of the Hub's cache and of the folders given.

    Examples:

      secondpass models list

      secondpass models list models           # and those in ./models
    """
    from rich.console import Console
    from rich.table import Column, Table

    source = Column("source", no_wrap=True)  # it is to be copied
    table = Table(source, "MB", "classes", "made for", "measured")
    for name in bundled():
        table.add_row(f"bundled:{name}", *_described(MODELS / name))
    for name, revision, folder in _cached():
        table.add_row(f"{name} @ {revision[:12]}", *_described(folder))
    for root in folders or []:
        if not root.is_dir():
            raise ConfigError(f"{root}: no such folder")
        for path in sorted({found.parent for found in (*root.glob("config.json"), *root.glob("*/config.json"))}):
            table.add_row(escape(str(path)), *_described(path))
    Console().print(table)


@app.command()
def verify(model: Named, revision: Revision = "") -> None:
    """Check every file of a model against the hashes it was published with; exit status 1 where one differs.

    Examples:

      secondpass models verify bundled:products-en

      secondpass models verify cross-encoder/ms-marco-MiniLM-L6-v2 --revision COMMIT
    """
    folder = locate(model, revision)
    if read_manifest(folder).get("sha256"):
        if found := differences(folder):
            raise Damaged(f"{model} is damaged:\n" + "\n".join(f"  {line}" for line in found))
        typer.echo(f"{model}: {len(read_manifest(folder)['sha256'])} files as published")
        return
    if folder.parent.name != "snapshots":
        raise ConfigError(f"{folder}: has no secondpass.json with hashes, and is not of the Hub's cache")
    typer.echo(f"{model}: revision {folder.name}, {_whole(folder)} files as the Hub named them")


@app.command()
def export(model: Named, out: Annotated[Path, typer.Argument(help="folder to write")], revision: Revision = "") -> None:
    """Copy a model's files into a folder, which then is a source of its own.

    Example, for a machine without the Hub, or to calibrate a copy:

      secondpass models export bundled:products-en models/shop
    """
    folder = locate(model, revision)
    if out.exists():
        raise ConfigError(f"{out}: is there already")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as staged:
        shutil.copytree(folder, Path(staged) / out.name).rename(out)
    typer.echo(out)


@app.command()
def remove(
    model: Named,
    revision: Revision = "",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Delete a model's folder, or its revisions in the Hub's cache; bundled ones stay.

    Examples:

      secondpass models remove models/shop

      secondpass models remove cross-encoder/ms-marco-MiniLM-L6-v2 \\
        --revision COMMIT --yes
    """
    if model.startswith("bundled:"):
        raise ConfigError(f"{model} is part of the package; it goes with it")
    folder = Path(model).expanduser()
    if folder.is_dir():
        _refuse(folder)
        _ask(f"delete {folder}?", yes)
        shutil.rmtree(folder)
        return
    hashes = [found for name, found, _ in _cached() if name == model and found.startswith(revision)]
    if not hashes:
        raise ConfigError(f"{model}: neither a folder nor in the Hub's cache")
    _ask(f"delete {model}, {len(hashes)} revisions, from the Hub's cache?", yes)
    from huggingface_hub import scan_cache_dir

    scan_cache_dir().delete_revisions(*hashes).execute()


def _refuse(folder: Path) -> None:
    """Raises ConfigError where a folder holds anything but one model, or a bundled one."""
    if folder.resolve().is_relative_to(MODELS.resolve()):
        raise ConfigError(f"{folder} is part of the package; it goes with it")
    if not _names_a_model(folder / "config.json"):
        raise ConfigError(f"{folder}: not a model's folder (no config.json that names a model_type)")
    if not any(path for pattern in WEIGHTS for path in folder.glob(pattern)):
        raise ConfigError(f"{folder}: not a model's folder (no weights); delete it by hand if it is to go")
    if others := sorted(path.name for path in folder.iterdir() if path.is_dir() and not PARTS.fullmatch(path.name)):
        raise ConfigError(f"{folder}: holds {', '.join(others)}, too: move that elsewhere, or delete all of it by hand")


def _names_a_model(config: Path) -> bool:
    try:
        return bool(json.loads(config.read_bytes())["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _ask(question: str, yes: bool) -> None:
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)


def _described(folder: Path) -> tuple[str, str, str, str]:
    """What a row says of a folder; of a damaged one, how."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    try:
        return f"{size:.0f}", *_read(folder)
    except ConfigError as error:
        return f"{size:.0f}", "", escape(f"damaged: {error}"), ""


def _read(folder: Path) -> tuple[str, str, str]:
    purpose: dict[str, Any] = read_manifest(folder)
    made_for = ", ".join(purpose.get("languages", []))
    if purpose.get("max_tokens"):
        made_for += f"; {purpose['max_tokens']} tokens"
    if longest := longest_query(folder):
        made_for += f"; queries of up to {longest} characters"
    if read_folder(folder):
        made_for += "; calibrated"
    record = read_record(folder)
    return ", ".join(_classes(folder, record)), made_for, _figures(record)


def _classes(folder: Path, record: Record | None) -> list[str]:
    whole = ["fp32", "bf16", "fp16"] if list(folder.glob("model*.safetensors")) else []
    whole += ["int4"] if (folder / int4.FILE).exists() else []
    return whole + ([record.precision] if record and record.precision not in whole else [])


def _figures(record: Record | None) -> str:
    if record is None:
        return ""
    faster = record.pairs_per_s / record.reference_pairs_per_s
    loss = f", nDCG@10 loss {record.quality.loss:+.4f}" if record.quality else ""
    return f"{record.precision}: {faster:.1f} times fp32, tau {record.tau:.3f}{loss}"


def _cached() -> list[tuple[str, str, Path]]:
    """(Hub id, revision, folder) of each model in the Hub's cache."""
    try:
        from huggingface_hub import scan_cache_dir
        from huggingface_hub.errors import CacheNotFound
    except ImportError:
        return []
    try:
        repos = sorted(scan_cache_dir().repos, key=lambda repo: repo.repo_id)
    except CacheNotFound:
        return []
    return [
        (repo.repo_id, found.commit_hash, found.snapshot_path)
        for repo in repos
        if repo.repo_type == "model"
        for found in repo.revisions
    ]


def _whole(folder: Path) -> int:
    """Number of files; large ones are kept under the SHA-256 that the Hub names them by, which is computed again."""
    from workers.manifest import sha256

    count = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        blob = path.resolve().name
        if len(blob) == 64 and sha256(path) != blob:
            raise Damaged(f"{path}: its SHA-256 is not {blob}")
        count += 1
    return count
