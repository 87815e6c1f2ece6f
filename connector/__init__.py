"""The proxy's side of secondpass: plan, retrieve, fuse, rerank, page. Light: no torch, never imports `workers`.

`Client` and `AsyncClient` are loaded on first use, because a worker executes this file too.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from connector import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
