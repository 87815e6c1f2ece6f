"""Tiny models, made once a run."""

from pathlib import Path

import pytest

from tests.workers.shapes import KINDS, make


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One random one-label classifier an architecture."""
    root = tmp_path_factory.mktemp("tiny")
    return {kind: make(kind, root / kind) for kind in KINDS}
