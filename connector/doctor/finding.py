"""What a check says: how bad, about what, and the next step."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # searches are served, but not as they could be
    ERROR = "error"  # something that the settings ask for does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` names the part ("engine", "policy shop", "worker products-en"); `fix` is "" where all is well."""

    level: Level
    about: str
    said: str
    fix: str = ""


def ok(about: str, said: str) -> Finding:
    return Finding(Level.OK, about, said)


def warning(about: str, said: str, fix: str) -> Finding:
    return Finding(Level.WARNING, about, said, fix)


def error(about: str, said: str, fix: str) -> Finding:
    return Finding(Level.ERROR, about, said, fix)
