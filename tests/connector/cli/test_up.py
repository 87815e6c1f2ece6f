from pathlib import Path

from rich.console import Console

from connector.cli.up import welcome
from connector.local.processes import Supervisor
from connector.local.stack import Stack
from connector.settings import Policy, Redis, Settings


def shown(settings: Settings, run: str) -> str:
    console = Console(width=60, no_color=True)
    with Supervisor() as nothing, console.capture() as capture:
        welcome(Stack(settings, nothing, Path(run), Path("/data")), console)
    return capture.get()


def test_brackets_stay_and_passwords_do_not() -> None:
    said = shown(Settings(redis=Redis(url="redis://:secret@cache:6379/0")), "/runs/[up]/[/x]")
    assert "No [[policy]] in the settings" in said
    assert "/runs/[up]/[/x]" in said
    assert "redis://cache:6379/0" in said
    assert "secret" not in said


def test_a_policy_is_not_missed_and_long_places_are_whole() -> None:
    policy = Policy(name="shop", indices=["shop"], fields=["name"])
    said = shown(Settings(policy=[policy]), "/" + "r" * 90)
    assert "[[policy]]" not in said
    assert said.count("r") >= 90
    assert "…" not in said
