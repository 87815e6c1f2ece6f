"""Settings: every key is known, documented and named with its line when it is wrong."""

import tomllib
from pathlib import Path

import pytest

from connector import settings_table
from connector.errors import ConfigError
from connector.settings import Settings, find_line, load, parse

MODEL = "[[model]]\nname = 'products-en'\nsource = 'x'\n"
POLICY = "[[policy]]\nname = 'p'\nindices = ['x']\nfields = ['a']\n"
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
        ("[proxy]\nport = 99999\n", "line 2: proxy.port: Input should be less than or equal to 65535"),
        ("[rerank_api]\nport = 65536\n", "line 2: rerank_api.port"),
        ("model = []\n", "line 1: model: List should have at least 1 item"),
        (f"{MODEL}device = 'gpu'\n", "line 4: model[0].device: String should match pattern '^(auto|cpu|cuda"),
        (f"{MODEL}languages = ['en', 'english']\n", "line 4: model[0].languages[1]: Value error, not a language"),
        (f"{MODEL}languages = ['latin']\n", 'a script\'s ISO 15924 code such as "cyrl"'),
        (f"{MODEL}languages = ['']\n", "line 4: model[0].languages[0]"),
        (f"{POLICY}blend = {{ rerank = 0 }}\n", "line 5: policy[0].blend: Value error, at least one weight"),
        (f"{POLICY}blend = {{ lexical = -1 }}\n", "line 5: policy[0].blend.lexical"),
        (f"{POLICY}blend = {{ lexical = inf }}\n", "line 5: policy[0].blend.lexical"),
        (f"{POLICY}fusion_weights = [0, 0]\n", "line 5: policy[0].fusion_weights: Value error, at least one weight"),
        (f"{POLICY}fusion_weights = [-1, 1]\n", "line 5: policy[0].fusion_weights[0]"),
        (f"{POLICY}template = 'no field'\n", "policy[0]: Value error, template names no field"),
        (f"{POLICY}template = '{{a}} {{b'\n", "policy[0]: Value error, template has a brace without its other"),
        (f"{POLICY}template = '{{a}} }}'\n", "policy[0]: Value error, template has a brace without its other"),
        (POLICY.replace("'a'", "'a', 'name*'"), "policy[0]: Value error, 'name*' is a pattern"),
        (f"{POLICY}agreement = 1\nagreement_field = 'cat*'\n", "policy[0]: Value error, 'cat*' is a pattern"),
        (f"{POLICY}vector_field = '*'\n", "policy[0]: Value error, '*' is a pattern"),
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


@pytest.mark.parametrize("keys", ["s1,s2", '["s1", "s2"]', " s1 , s2,"])
def test_keys_of_the_rerank_api_from_the_environment(keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDPASS_RERANK_API__KEYS", keys)
    assert load(EVERY_KEY).rerank_api.keys == ["s1", "s2"]
    monkeypatch.setenv("SECONDPASS_RERANK_API__KEYS", "12345")
    assert load(EVERY_KEY).rerank_api.keys == ["12345"]


@pytest.mark.parametrize("keys", ['["s1"', "['s1']", '{"s1"', '{"s1": 1}', "null", "true", '["s1", null]'])
def test_broken_json_is_no_key(keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDPASS_RERANK_API__KEYS", keys)
    with pytest.raises(ConfigError, match=r"rerank_api\.keys") as caught:
        load(EVERY_KEY)
    assert "s1" not in str(caught.value)


@pytest.mark.parametrize("tag", ["xx", "gsw", "en-Xyzz", "Zzzz"])
def test_a_language_that_we_do_not_know_is_taken_and_told(tag: str) -> None:
    model = {"name": "products-en", "source": "x", "languages": ["en", tag]}
    (told,) = parse({"model": [model]}).without_effect()
    assert told.startswith(f"model[0].languages (no script is known of {tag}:")
    assert parse({"model": [model | {"languages": ["en", "xh-ZA", "tha_Thai", "fil", "Beng"]}]}).without_effect() == []


@pytest.mark.parametrize(
    "values",
    [
        {"rerank_api": {"keys": 31337}},
        {"rerank_api": {"keys": [31337]}},
        {"rerank_api": "31337"},
        {"redis": {"cache_key": 31337}},
        {"engine": {"service_auth": ["31337"]}},
        {"engine": {"service_auth": "31337", "url": []}},
        {"engine": {"url": [["http://u:31337@h"]]}},
        {"redis": {"url": ["redis://:31337@h"]}},
        {"broker": {"url": ["redis://:31337@h"]}},
        {"rerank_api": {"keys": '["31337"'}},
        {"rerank_api": {"keys": '{"31337": 1'}},
    ],
)
def test_no_error_shows_a_secret(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(values)
    assert "31337" not in str(caught.value)


def test_a_template_may_show_braces() -> None:
    assert parse(tomllib.loads(f"{POLICY}template = '{{{{a}}}}'")).policy[0].template == "{{a}}"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.toml")
    broken = tmp_path / "secondpass.toml"
    broken.write_text("[proxy\n")
    with pytest.raises(ConfigError, match="not TOML"):
        load(broken)


def test_all_policies_come_from_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the README says: a list of the environment stands for all of the file's."""
    monkeypatch.setenv("SECONDPASS_POLICY", '[{"name": "shop", "indices": ["a"], "fields": ["b"]}]')
    found = parse({"policy": [{"name": "files", "indices": ["x"], "fields": ["y"]}]})
    assert [policy.name for policy in found.policy] == ["shop"]
