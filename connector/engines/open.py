"""The one place where a concrete engine is chosen."""

from connector.credentials import authorization
from connector.engines.base import Engine
from connector.engines.detect import detect
from connector.errors import ConfigError
from connector.extras import adds
from connector.settings import Engine as EngineSettings
from connector.types import EngineInfo


async def open_engine(settings: EngineSettings) -> Engine:
    """Ask the cluster what it is and open it under the service account. Raises EngineError and its kinds, and
    ConfigError where the client package of that engine is not installed. Close it when done.
    """
    return engine_of(settings, await detect(settings))


def engine_of(settings: EngineSettings, info: EngineInfo) -> Engine:
    """Open what is known already; nothing is asked. Raises ConfigError as `open_engine`."""
    auth = authorization(settings.service_auth)
    try:
        if info.dialect == "opensearch":
            from connector.engines.opensearch import OpenSearchEngine

            return OpenSearchEngine(settings, info, auth)
        from connector.engines.elasticsearch import ElasticsearchEngine

        return ElasticsearchEngine(settings, info, auth)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the engine is {info.dialect}, whose client is not installed: {adds(info.dialect)}"
        ) from error
