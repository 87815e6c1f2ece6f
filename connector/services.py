"""All that stands between a search and the workers, opened from the settings and closed in one place."""

from dataclasses import dataclass

from connector.addresses import check_addresses
from connector.broker import open_broker
from connector.cache import ScoreCache, VectorCache
from connector.dispatch import Dispatcher
from connector.embedding import MODEL, EmbedClient
from connector.keys import Keys, cache_secret
from connector.live import Live
from connector.orders import Orders
from connector.rerank import Rerank
from connector.servers import is_redis, refuse_eviction, reply_url
from connector.settings import Settings
from connector.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """What the searches of a process share. `open` needs no server to be there: each may come and go."""

    keys: Keys
    store: Store
    live: Live
    dispatcher: Dispatcher
    orders: Orders
    rerank: Rerank
    embedder: EmbedClient

    @classmethod
    async def open(cls, settings: Settings) -> "Services":
        """Raises ConfigError for a URL that cannot be used or a broker that may evict queues, OSError for a secret."""
        check_addresses(settings)
        if is_redis(settings.broker.url):
            await refuse_eviction(settings.broker.url)
        url = reply_url(settings)
        keys = Keys(cache_secret(settings))
        store = Store(settings.redis.url)
        live = Live(url, [*(("score", model.name) for model in settings.model), ("embed", MODEL)])
        dispatcher = Dispatcher(
            open_broker(settings.broker.url),
            live,
            url,
            most_pairs=settings.broker.task_max_pairs,
            most_bytes=settings.broker.queue_max_mb * 1_000_000 // settings.proxy.processes,
        )
        await live.start()
        dispatcher.start()
        ttl = settings.redis.cache_ttl_s
        return cls(
            keys,
            store,
            live,
            dispatcher,
            Orders(store),
            Rerank(live, ScoreCache(store, keys, ttl), dispatcher, keys),
            EmbedClient(live, dispatcher, VectorCache(store, keys, ttl)),
        )

    async def close(self) -> None:
        await self.rerank.close()
        await self.embedder.close()
        await self.dispatcher.close()
        await self.live.close()
        await self.store.close()
