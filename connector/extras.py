"""Packages that an installation may lack, and the command that adds them."""

import importlib.util

from connector.errors import ConfigError


def adds(extra: str) -> str:
    """The command, for a hint: the distribution is on no registry yet, so it is typed where it was cloned."""
    return f"pip install -e '.[{extra}]' in the clone of secondpass"


def need(what: str, extra: str, *packages: str) -> None:
    """Raise ConfigError where one of the packages (as they are imported) is not installed; nothing is imported."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise ConfigError(f"{what} needs {', '.join(missing)}: {adds(extra)}")
