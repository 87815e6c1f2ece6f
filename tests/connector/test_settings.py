"""Settings: every key is known, documented and named with its line when it is wrong."""

import tomllib
from pathlib import Path

import pytest

from connector import settings_table
from connector.errors import ConfigError
from connector.settings import Settings, find_line, load, parse

ROOT = Path(__file__).parents[2]
EVERY_KEY = Path(__file__).with_name("every_key.toml")


def test_the_file_with_every_key_says_the_defaults() -> None:
    written = load(EVERY_KEY)
    assert written.engine == Settings().engine
    assert written.proxy == Settings().proxy
    assert written.broker == Settings().broker
    assert written.redis == Settings().redis
    assert written.rerank_api == Settings().rerank_api
    assert written.embedder == Settings().embedder
    assert written.model == Settings().model
    assert written.policy[0].window == 100


def test_every_key_is_in_that_file_and_in_the_readme() -> None:
    text = EVERY_KEY.read_text()
    for key, _, meaning in settings_table.rows():
        assert meaning, f"{key} says nothing of itself"
        name = key.replace("]] ", ".").rpartition(".")[2]
        if name in {"client_cert", "client_key", "fusion_weights"}:
            assert name in text  # named in a comment
        else:
            assert find_line(text, _location(key)) is not None, key
    readme = (ROOT / "README.md").read_text()
    assert settings_table.put(readme) == readme, "run: python -m connector.settings_table README.md"


def _location(key: str) -> tuple[str | int, ...]:
    if key.startswith("[["):
        section, name = key[2:].split("]] ")
        return (section, 0, name)
    return tuple(key.split("."))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[proxy]\nprt = 1\n", "line 2: proxy.prt: no such key"),
        ('[proxy]\nport = "x"\n', "line 2: proxy.port"),
        ("[[model]]\nname = 'a'\n", "line 1: model[0].source: must be set"),
        ("[[policy]]\nname='a'\nindices=['x']\nfields=['y']\nwindow=0\n", "line 5: policy[0].window"),
        ("[[policy]]\nname='a'\nindices=['x']\nfields=['y']\n[[policy]]\nname='b'\nindices=[]\n", "line 7: policy[1]"),
        ("[nosuch]\na = 1\n", "line 1: nosuch"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"secondpass\.toml, line") as caught:
        parse(tomllib.loads(text), text, "secondpass.toml")
    assert said in str(caught.value)


def test_names_that_lead_nowhere_are_refused() -> None:
    policy = {"name": "p", "indices": ["x"], "fields": ["a"], "model": "nothere"}
    with pytest.raises(ConfigError, match="nothere"):
        parse({"policy": [policy]})
    with pytest.raises(ConfigError, match="does not list"):
        parse({"policy": [policy | {"model": "products-en", "template": "{b}"}]})
    with pytest.raises(ConfigError, match="twice"):
        parse({"policy": [policy | {"model": "products-en"}] * 2})


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDPASS_ENGINE__URL", "http://a:1,http://b:2")
    monkeypatch.setenv("SECONDPASS_PROXY__PORT", "99")
    settings = load(EVERY_KEY)
    assert settings.engine.url == ["http://a:1", "http://b:2"]
    assert settings.proxy.port == 99
    assert settings.proxy.host == "127.0.0.1"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.toml")
    broken = tmp_path / "secondpass.toml"
    broken.write_text("[proxy\n")
    with pytest.raises(ConfigError, match="not TOML"):
        load(broken)
