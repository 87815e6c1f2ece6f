"""The addresses of cache and broker, looked at before anything starts. Rule: a password in one is never shown."""

from connector.errors import ConfigError
from connector.servers import is_redis, open_redis
from connector.settings import Settings

REDIS = "redis://:password@host:6379/0 (rediss:// with TLS, unix:///path for a socket)"
AMQP = "amqp://user:password@host:5672// (amqps:// with TLS)"


def check_addresses(settings: Settings) -> None:
    """Raises ConfigError for a redis.url or broker.url that no part could use. Nothing is connected to."""
    check_redis("redis.url", settings.redis.url)
    if is_redis(settings.broker.url):
        check_redis("broker.url", settings.broker.url)
    else:
        _check_amqp(settings.broker.url)


def check_redis(key: str, url: str) -> None:
    """Raises ConfigError for the address of a server under the setting `key` that redis-py cannot use."""
    if not is_redis(url):
        raise ConfigError(f"{key}: {_scheme(url)} is not a single Redis server; use {REDIS}")
    try:
        open_redis(url, 1.0).connection_pool.make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError):
        raise _unreadable(key, REDIS) from None


def _check_amqp(url: str) -> None:
    from kombu.utils.url import parse_url  # 0.1 s to import, and Redis users do not need it

    from connector.amqp import SCHEMES

    if not url.startswith(SCHEMES):
        raise ConfigError(f"broker.url: {_scheme(url)} is not supported; use {REDIS}, or {AMQP}")
    try:
        parse_url(url)
    except ValueError:
        raise _unreadable("broker.url", AMQP) from None


def _scheme(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    return scheme + separator if separator else "what is there"


def _unreadable(key: str, form: str) -> ConfigError:
    return ConfigError(f"{key} cannot be read; use {form}, with / : @ and # of a password as %2F %3A %40 and %23")
