"""The engine that the suite may empty: one of its own, whatever the environment says others use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from tests.services import Services

ENGINES = ("opensearch", "elasticsearch")


@contextmanager
def own_engine(name: str, url: str = "") -> Iterator[str]:
    """Its URL; `url` is one that runs already, and that nobody else uses."""
    with patch.dict(os.environ, {f"SECONDPASS_TEST_{name.upper()}_URL": url}):
        services = Services()
        try:
            yield services.opensearch() if name == "opensearch" else services.elasticsearch("9.5.3")
        finally:
            services.stop()
