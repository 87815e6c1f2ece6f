"""The command line as a whole: listing costs nothing, one command is imported, errors are one plain message."""

import gzip
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evaluate", "judged.jsonl", "--run", "a=nope.trec"], "No such file or directory (nope.trec)"),
        (["evaluate", "judged.jsonl", "--run", "good.trec", "--out", "good.trec"], "File exists (good.trec)"),
        (["evaluate", "judged.jsonl", "--run", "cut.trec.gz"], "cut.trec.gz: not text in UTF-8"),
        (["evaluate", "q.qrels", "--queries", "plain.txt.gz", "--run", "good.trec"], "Not a gzipped file"),
        (["doctor", "--config", "."], "Is a directory (.)"),
        (["doctor", "--config", "latin.toml"], "not text in UTF-8"),
        (["models", "list", "nope"], "nope: no such folder"),
        (["train", "--index", "i", "--device", "gpu", "--out", "m"], "device 'gpu': one of auto, cpu, cuda, cuda:1"),
    ],
)
def test_a_wrong_file_or_word_is_one_plain_message(words: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "judged.jsonl").write_text('{"query": "lamp", "grades": {"a": 1}}\n')
    (tmp_path / "good.trec").write_text("lamp Q0 a 1 2.0 me\n")
    (tmp_path / "cut.trec.gz").write_bytes(gzip.compress(b"lamp Q0 a 1 2.0 me\n")[:-9])
    (tmp_path / "q.qrels").write_text("lamp 0 a 1\n")
    (tmp_path / "plain.txt.gz").write_text("<top>")
    (tmp_path / "latin.toml").write_bytes(b'[proxy]\nhost = "\xe4"\n')
    found = run(*words, folder=tmp_path)
    assert found.returncode in (1, 2)
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_a_fault_that_names_no_file_keeps_its_place() -> None:
    script = (
        "import sys, connector.cli.main as m\n"
        "def refuse(called): raise ConnectionRefusedError(111, 'Connection refused')\n"
        "m.build = refuse\n"
        "m.main()"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.returncode == 1
    assert "in refuse" in found.stderr


@pytest.mark.parametrize(
    ("words", "lacking"),
    [
        (["train", "--labels", "l.jsonl", "--out", "m"], "train needs torch, sklearn"),
        (["distil", "--teacher", "t", "--out", "m"], "distil needs torch, sklearn"),
        (["models", "calibrate", "bundled:products-en", "--pairs", "p.jsonl"], "models calibrate needs sklearn"),
    ],
)
def test_a_light_installation_names_the_extra(words: list[str], lacking: str, tmp_path: Path) -> None:
    script = (
        "import sys, connector.cli.main as m\n"
        "sys.modules |= {'torch': None, 'sklearn': None}\n"
        f"sys.argv = ['secondpass', *{words!r}]\n"
        "m.main()"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert found.returncode == 2
    assert found.stderr.strip() == f"{lacking}: pip install -e '.[train]' in the clone of secondpass"


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
