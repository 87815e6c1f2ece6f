"""Kept page orders: the first proxy that keeps one for a search decides for all of them."""

from connector.errors import RerankError
from connector.store import Store


class Orders:
    """Values by key with an expiry. Nothing here raises: None says that the server cannot be asked."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def load(self, key: bytes, wait_s: float) -> bytes | None:
        """What is kept under `key`; None where there is nothing, or no server within `wait_s`. One round trip."""
        try:
            (value,) = await self.store.ask(("GET", key), wait_s=wait_s)
        except RerankError:
            return None
        return value if isinstance(value, bytes) else None

    async def keep(self, key: bytes, value: bytes, ttl_s: int, wait_s: float) -> bytes | None:
        """Keep `value` unless something is kept already; returns what is kept, None without a server within `wait_s`.
        One round trip (two commands: SET with both NX and GET needs Redis 7).
        """
        try:
            _, kept = await self.store.ask(("SET", key, value, "EX", ttl_s, "NX"), ("GET", key), wait_s=wait_s)
        except RerankError:
            return None
        return kept if isinstance(kept, bytes) else None
