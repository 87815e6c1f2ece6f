"""The command line as a whole: listing costs nothing, one command is imported, errors are one plain message."""

import subprocess
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from connector.cli.main import GROUP, summary

HEAVY = ("torch", "transformers", "openvino", "numpy", "celery", "opensearchpy", "elasticsearch", "ir_measures")


def run(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "connector.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def imported(*arguments: str) -> set[str]:
    """Names of the modules that a call leaves imported."""
    script = (
        "import sys, connector.cli.main as m\n"
        f"sys.argv = ['secondpass', *{arguments!r}]\n"
        "try: m.main()\n"
        "except SystemExit: pass\n"
        "print('MODULES', *sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    return set(out.rpartition("MODULES ")[2].split())


def test_help_lists_every_command_with_a_line() -> None:
    listed = run("--help").stdout
    for entry in entry_points(group=GROUP):
        assert entry.name in listed
        assert summary(entry).rstrip(".").split()[0] in listed, entry.name


def test_listing_imports_no_command_and_nothing_heavy() -> None:
    names = imported("--help")
    assert not names.intersection(HEAVY)
    assert not names.intersection(entry.module for entry in entry_points(group=GROUP))


def test_a_call_imports_its_own_command_alone() -> None:
    names = imported("proxy", "--help")
    others = {entry.module for entry in entry_points(group=GROUP)} - {"connector.cli.proxy"}
    assert "connector.cli.proxy" in names
    assert not names.intersection({"torch", "transformers", "openvino"})
    assert not names.intersection(others)


@pytest.mark.parametrize("command", [entry.name for entry in entry_points(group=GROUP)])
def test_every_command_explains_itself(command: str) -> None:
    found = run(command, "--help")
    assert found.returncode == 0
    assert "--help" in found.stdout


def test_wrong_settings_are_one_plain_message(tmp_path: Path) -> None:
    (tmp_path / "secondpass.toml").write_text('[proxy]\nport = "many"\n')
    found = run("proxy", folder=tmp_path)
    assert found.returncode == 2
    assert found.stderr.startswith("secondpass.toml, line 2: proxy.port: ")
    assert "Traceback" not in found.stderr


def test_the_version_is_that_of_the_distribution() -> None:
    assert run("--version").stdout.strip() == "0.1.0"


def test_an_unknown_command_says_so() -> None:
    found = run("rerank")
    assert found.returncode == 2
    assert "No such command 'rerank'" in found.stderr


def test_a_help_line_is_read_without_importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loud.py").write_text('raise RuntimeError\ndef shout():\n    """Say it loudly.\n\n    More."""\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert summary(EntryPoint("shout", "loud:shout", GROUP)) == "Say it loudly."
