"""Names of devices: `auto`, `cpu`, `cuda`, and `cuda:1` for the second card."""

import re

from connector.errors import ConfigError


def checked(device: str) -> str:
    """The name as it is. Raises ConfigError for one that there is not."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise ConfigError(f"device {device!r}: one of auto, cpu, cuda, cuda:1 (the second card)")
    return device
