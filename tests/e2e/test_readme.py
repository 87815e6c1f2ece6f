"""The README is true: its settings load, its Python runs, its curl commands answer."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from connector.settings import parse
from tests.e2e.conftest import Live, secondpass

README = (Path(__file__).parents[2] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)
    return ["\n".join(line.removeprefix(indent) for line in text.splitlines()) for indent, text in found]


def here(live: Live, text: str) -> str:
    """A command for the demo's stack, for this one."""
    return (
        text.replace("http://127.0.0.1:9280", live.url)
        .replace("index=products", "index=shop")
        .replace("/products/", "/shop/")
        .replace('"products"', '"shop"')
    )


def test_settings_load() -> None:
    (text,) = blocks("toml")
    assert parse(tomllib.loads(text), text).policy[0].name == "shop"


@pytest.mark.parametrize("code", blocks("python"), ids=["client", "reranker"])
def test_python_runs(live: Live, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(here(live, code), "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()


def test_curl_commands_answer(live: Live) -> None:
    commands = next(block for block in blocks("sh") if "curl" in block).replace("\\\n", " ").splitlines()
    assert len(commands) == 2
    simple, search = (
        subprocess.run(["bash", "-c", here(live, command)], capture_output=True, text=True).stdout
        for command in commands
    )
    assert '"state":"applied"' in simple
    assert search.startswith("Secondpass-Rerank: applied")


def test_commands_explain_themselves() -> None:
    listed = secondpass("--help").stdout
    for name in sorted(set(re.findall(r"`secondpass ([a-z]+)", README))):
        assert name in listed
        shown = secondpass(name, "--help")
        assert shown.returncode == 0, shown.stderr
        assert "--config" in shown.stdout


def test_every_command_in_a_block_is_there() -> None:
    names = set(re.findall(r"^secondpass ([a-z]+)", "\n".join(blocks("sh")), re.MULTILINE))
    assert names
    for name in names:
        assert secondpass(name, "--help").returncode == 0


def test_search_in_the_terminal(live: Live) -> None:
    words = ["search", "rain jacket", "--index", "shop", "--port", str(live.stack.settings.proxy.port)]
    words += ["--engine-url", live.straight, "--config", str(live.config)]
    shown = secondpass(*words)
    assert shown.returncode == 0, shown.stderr
    assert "Jacket" in shown.stdout
