"""The files of each model, as far as this machine holds them: complete, and the ones that the bundle's hashes are of.

Standard library only: nothing is loaded. Workers may run elsewhere; what is not here is not judged.
"""

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

from connector.doctor.finding import Finding, error, ok, warning
from connector.settings import Model, Settings

HEADER_BYTES = 8  # of a safetensors file: the length of its JSON header, little-endian
NEEDED = ("config.json", "tokenizer.json")


def check(settings: Settings) -> list[Finding]:
    """Of every model that a policy names; where the rerank API is served, or nothing names any, of every model."""
    named = {policy.model for policy in settings.policy}
    served = settings.rerank_api.enabled or not named
    return [_model(model) for model in settings.model if served or model.name in named]


def _model(model: Model) -> Finding:
    about, folder = f"model {model.name}", _folder(model.source)
    if folder is None:
        if "/" in model.source and not model.revision and not model.source.startswith((".", "/", "~")):
            fix = "pin the files: set `revision` to a commit of the model's page"
            return warning(about, f"{model.source} has no revision: its newest files are used, whatever they are", fix)
        return ok(about, f"{model.source} is not on this machine; its workers judge it")
    if not folder.is_dir():
        return error(about, f"{folder} is no folder", "correct `source`: bundled:NAME, a folder, or a Hub id")
    return check_folder(about, folder)


def check_folder(about: str, folder: Path) -> Finding:
    """Reads the whole of the weights where there are hashes to compare with."""
    if missing := [name for name in NEEDED if not (folder / name).is_file()]:
        return error(about, f"{folder} lacks {', '.join(missing)}", "copy the whole folder again")
    weights = sorted(folder.glob("*.safetensors"))
    if cut := [path.name for path in weights if not _complete(path)]:
        return error(about, f"{', '.join(cut)} is cut short or no safetensors file", "copy the file again")
    try:
        hashes = _hashes(folder / "secondpass.json")
        changed = [name for name, known in hashes.items() if _sha256(folder / name) != known]
    except (ValueError, AttributeError) as damaged:
        fix = "copy the file again; `secondpass models verify` then looks at all of them"
        return error(about, f"{folder / 'secondpass.json'} is damaged: {damaged}", fix)
    if changed:
        fix = "copy the files again, or `secondpass train` anew if they were changed on purpose"
        return error(about, f"not the files that were released: {', '.join(changed)}", fix)
    if not weights:
        return ok(about, f"{folder}: no safetensors file; its worker judges it")
    return ok(
        about, f"{len(hashes)} files have their hashes" if hashes else f"{len(weights)} complete files of weights"
    )


def _hashes(manifest: Path) -> dict[str, str]:
    """By file name; none where there is no manifest. Raises ValueError, AttributeError for a damaged one."""
    found: dict[str, str] = json.loads(manifest.read_bytes()).get("sha256", {}) if manifest.is_file() else {}
    return found


def _folder(source: str) -> Path | None:
    """Where the files are, or None for a Hub id. The bundled ones are found without importing their package."""
    if source.startswith("bundled:"):
        package = find_spec("workers")
        if package is None or not package.submodule_search_locations:
            return None
        return Path(package.submodule_search_locations[0]) / "models" / source.removeprefix("bundled:")
    folder = Path(source).expanduser()
    return folder if folder.is_dir() or source.startswith((".", "/", "~")) else None


def _complete(path: Path) -> bool:
    """Whether the file is as long as its header says."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(HEADER_BYTES), "little")
        size = path.stat().st_size
        if not 0 < length <= size - HEADER_BYTES:
            return False
        try:
            header = json.loads(file.read(length))
            ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, AttributeError, KeyError, IndexError, TypeError):
            return False
    return bool(size == HEADER_BYTES + length + max(ends, default=0))


def _sha256(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
