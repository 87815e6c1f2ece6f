"""Scoring and embedding: Celery workers, the runtimes behind them, and `Reranker` for use in Python.

Importing this package imports nothing heavy; `Reranker` is loaded when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.reranker import Reranker

__all__ = ["Reranker"]


def __getattr__(name: str) -> Any:
    if name == "Reranker":
        from workers.reranker import Reranker

        return Reranker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
