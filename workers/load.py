"""From settings to a loaded scorer. Rule: the fingerprint is of the files that were loaded, or nothing is loaded."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from connector.errors import ConfigError
from workers import choose
from workers.activations import label_number
from workers.batching import Batches
from workers.checkpoint import read_config
from workers.classes import offered
from workers.crossencoder import CrossEncoderScorer
from workers.fingerprint import fingerprint, hash_files
from workers.manifest import longest_query
from workers.probability.record import read_folder
from workers.scorer import Scorer, ScorerInfo, StubScorer
from workers.sources import locate
from workers.tokens import Tokens

STUB = "stub"


def open_scorer(
    source: str,
    *,
    max_tokens: int | None = None,
    runtime: str = "auto",
    precision: str = "auto",
    device: str = "auto",
    activation: str = "sigmoid",
    label: str = "",
    batch_tokens: int = 0,
    revision: str = "",
    living: Collection[str] = (),
) -> Scorer:
    """Load and warm a model. `living` holds fingerprints of workers that already run: with `precision = "auto"` a
    class under which this model would have one of them is the only one tried.

    Raises ConfigError (RuntimeRefused where no runtime can meet the class).
    """
    if source == STUB:
        return StubScorer()
    folder = locate(source, revision, graphs=runtime == "onnx")
    config = read_config(folder)
    if not config.classifier:
        raise ConfigError(f"{folder}: not a cross-encoder (architectures has no ...ForSequenceClassification)")
    tokens = Tokens(folder, config, max_tokens)
    number = label_number(config.labels, label) if label else None
    if len(config.labels) == 1:
        number = None  # its only logit ranks anyway
    files = hash_files(folder)
    rest = (label, activation == "softmax" and number is not None, tokens.max_tokens)
    classes = offered(folder, precision)
    taken = [name for name in classes if fingerprint(files, name, *rest) in living]
    load, runtimes = choose.opener(folder, device), choose.names(runtime, device)
    if precision == "auto" and taken:
        found = choose.join(load, tokens, runtimes, classes[0], taken[0])
    else:
        found = choose.choose(load, tokens, runtimes, classes)
    size = batch_tokens or choose.budget(found.runtime, tokens)
    _unchanged(folder, files)
    joined = f"class of the workers that run: {taken[0]}; " if precision == "auto" and taken else ""
    info = ScorerInfo(
        runtime=found.runtime.name,
        precision=found.runtime.precision,
        device=found.runtime.device,
        max_tokens=tokens.max_tokens,
        fingerprint=fingerprint(files, found.runtime.precision, *rest),
        labels=config.labels,
        why=f"{joined}{found.why}; {size} tokens a batch",
        max_query_chars=longest_query(folder),
        calibration=read_folder(folder) if len(config.labels) == 1 else None,
    )
    if number is not None:
        info = replace(info, labels=(label,))
    return CrossEncoderScorer(tokens, found.runtime, Batches(size), info, label=number, activation=activation)


def _unchanged(folder: Path, files: str) -> None:
    if hash_files(folder) != files:
        raise ConfigError(f"{folder}: the files changed while they were loaded; start again when they are complete")
