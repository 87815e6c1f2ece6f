"""The command line as a whole: listing costs nothing, one command is imported, errors are one plain message."""

import gzip
import os
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from connector.cli.main import GROUP, summary
from connector.extras import OPTIONAL, lacks
from workers.cli import EXIT_CONFIG

ROOT = Path(__file__).parents[3]
IMPORTED = {  # modules, and the extras that the README and docs/evaluate.md name for them
    "connector.proxy.compose": "proxy",
    "connector.cli.evaluate": "evaluate,opensearch",
    "workers.worker, workers.catalogue, workers.quantize.make, workers.runtimes.openvino": "worker-cpu",
}
HEAVY = ("torch", "transformers", "openvino", "numpy", "celery", "opensearchpy", "elasticsearch", "ir_measures")


def run(*arguments: str, folder: Path | None = None, columns: int = 80) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "connector.cli.main", *arguments]
    env = os.environ | {"COLUMNS": str(columns)}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env)


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
    if command != "models":  # which has commands of its own
        assert f"secondpass {command}" in examples(command)


@pytest.mark.parametrize("command", ["calibrate", "export", "list", "remove", "verify"])
def test_every_command_for_models_has_an_example(command: str) -> None:
    assert f"secondpass models {command}" in examples("models", command)


def examples(*command: str) -> str:
    """What stands under `Examples` in a command's help, which 80 columns hold as it was written: it can be copied."""
    narrow, wide = (
        run(*command, "--help", columns=columns).stdout.partition("Example")[2].partition("╭")[0]
        for columns in (80, 200)
    )
    assert [line.strip() for line in narrow.splitlines()] == [line.strip() for line in wide.splitlines()]
    return narrow


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


def small_files() -> None:
    """As a full disk: no file may be longer than 20 kB."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))


@pytest.mark.parametrize(
    "build",
    [
        "shutil.copytree(MODELS / 'products-en', 'm')",
        "safetensors.numpy.save_file({'a': numpy.zeros(9999)}, 'model.safetensors')",
    ],
)
def test_a_full_disk_is_one_plain_message_whoever_writes(build: str, tmp_path: Path) -> None:
    """shutil.copytree tells it in a list of its own, safetensors in an error that is no OSError."""
    script = (
        "import shutil, numpy, safetensors.numpy, connector.cli.main as m\n"
        "from workers.sources import MODELS\n"
        f"m.build = lambda called: {build}\n"
        "m.main()"
    )
    command = [sys.executable, "-c", script]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, preexec_fn=small_files)
    assert found.returncode == 1
    assert re.fullmatch(r"File too large.*: make room and run the same again; what goes on, goes on\n", found.stderr)


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


def without(packages: Iterable[str], *words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A call where these packages are not installed."""
    script = (
        "import sys, connector.cli.main as m\n"
        f"sys.modules |= dict.fromkeys({sorted(packages)!r})\n"
        f"sys.argv = ['secondpass', *{words!r}]\n"
        "m.main()"
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=folder)


TRAINING = "needs torch, transformers, sentence_transformers, sklearn, ir_measures"


@pytest.mark.parametrize(
    ("words", "lacking", "extra"),
    [
        (["proxy"], "proxy needs httptools, uvloop", "proxy"),
        (["worker"], "worker needs numpy", "worker-cpu"),
        (["worker", "--role", "embed"], "worker needs numpy", "worker-cpu"),
        (["evaluate", "judged.jsonl", "--index", "i"], "evaluate needs numpy", "evaluate"),
        (["models", "list"], "models needs numpy", "worker-cpu"),
        (["train", "--out", "m"], f"train {TRAINING}", "train"),
        (["distil", "--teacher", "t", "--out", "m"], f"distil {TRAINING}", "train"),
        (["demo", "--once"], "demo needs numpy", "demo"),
        (["quantize", "bundled:products-en", "--out", "m"], "quantize needs ml_dtypes", "worker-cpu"),
    ],
)
def test_a_bare_installation_is_one_line_that_says_what_to_do(
    words: list[str], lacking: str, extra: str, tmp_path: Path
) -> None:
    found = without(OPTIONAL, *words, folder=tmp_path)
    assert found.returncode == 2
    assert found.stderr.strip() == f"{lacking}: pip install -e '.[{extra}]' in the clone of secondpass"


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [("doctor", "numpy", "evaluate"), ("worker", "torch", "worker"), ("worker", "tokenizers.models", "worker-cpu")],
)
def test_what_brings_a_package_depends_on_the_command(command: str, package: str, extra: str) -> None:
    assert f"'.[{extra}]'" in lacks(command, ModuleNotFoundError(name=package))


def test_an_unknown_package_keeps_its_place() -> None:
    found = without({"orjson"}, "search", "lamp", "--index", "i")
    assert found.returncode == 1
    assert "Traceback" in found.stderr


def test_the_extras_bring_what_the_commands_import() -> None:
    """`pip install -e '.[evaluate,opensearch]'` is all that docs/evaluate.md asks for."""
    brought = extras()
    for modules, names in IMPORTED.items():
        given = set[str]().union(*(brought[name] for name in names.split(",")))
        code = f"import sys; sys.modules |= dict.fromkeys({sorted(OPTIONAL - given)!r}); import {modules}"
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert found.returncode == 0, f"{modules} with {names}: {found.stderr[-500:]}"


def test_every_package_of_an_extra_is_known() -> None:
    assert set().union(*extras().values()) == OPTIONAL


def extras() -> dict[str, set[str]]:
    """What each extra of pyproject.toml brings by itself, as it is imported."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {
        extra: {re.split(r"[^\w-]", one)[0].replace("-", "_") for one in listed if not one.startswith("secondpass")}
        for extra, listed in declared.items()
        if extra != "dev"
    }
    spelt = {"scikit_learn": "sklearn", "opensearch_py": "opensearchpy"}
    return {extra: {spelt.get(name, name) for name in found} for extra, found in names.items()}


@pytest.mark.parametrize("command", [["proxy"], ["worker"], ["search", "lamp", "--index", "i"]])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('[broker]\nurl = "kafka://x"', "broker.url: kafka:// is not supported; use redis://"),
        ('[broker]\nurl = "redis://:secret@h:1x/0"', "broker.url cannot be read; use redis://"),
        ('[broker]\nurl = "amqp://me:secret@h:1x//"', "broker.url cannot be read; use amqp://"),
        ('[redis]\nurl = "redis://:sec/ret@h:6379/0"', "redis.url cannot be read; use redis://"),
    ],
)
def test_a_wrong_address_is_one_line_without_its_password(
    settings: str, said: str, command: list[str], tmp_path: Path
) -> None:
    (tmp_path / "secondpass.toml").write_text(settings)
    found = run(*command, folder=tmp_path)
    assert found.returncode == (EXIT_CONFIG if command == ["worker"] else 2)
    assert said in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert "sec" not in found.stderr.replace("secondpass", "")


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
