"""Settings: every key of `secondpass.toml`, its default, unit and meaning, in one place; read once, at start.

A key may also come from the environment: `SECONDPASS_ENGINE__URL`, `SECONDPASS_PROXY__PORT`; lists as JSON, those of
plain texts also with commas. What is wrong stops the start with a `ConfigError` that names the key and its line, and
never shows a secret.
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from connector.errors import ConfigError
from connector.scripts import scripts_of
from connector.settings.environment import Environment
from connector.settings.policy import Blend, Policy, names_each_field
from connector.settings.problems import explain, find_line
from connector.settings.sections import Broker, Embedder, Engine, Model, Proxy, Redis, RerankApi

__all__ = [
    "Blend",
    "Broker",
    "Embedder",
    "Engine",
    "Model",
    "Policy",
    "Proxy",
    "Redis",
    "RerankApi",
    "Settings",
    "chosen_file",
    "find_line",
    "load",
    "parse",
]


class Settings(BaseSettings):
    """The whole of `secondpass.toml`."""

    model_config = SettingsConfigDict(
        env_prefix="SECONDPASS_", env_nested_delimiter="__", frozen=True, extra="forbid", protected_namespaces=()
    )

    engine: Engine = Engine()
    redis: Redis = Redis()
    broker: Broker = Broker()
    proxy: Proxy = Proxy()
    rerank_api: RerankApi = RerankApi()
    model: list[Model] = Field(
        [Model(name="products-en", source="bundled:products-en", languages=["en"])], min_length=1
    )
    embedder: Embedder = Embedder()
    policy: list[Annotated[Policy, AfterValidator(names_each_field)]] = []

    @model_validator(mode="after")
    def _names(self) -> "Settings":
        names = [model.name for model in self.model]
        for policy in self.policy:
            if policy.model not in names:
                raise ValueError(f"policy {policy.name!r} names model {policy.model!r}; there is {names}")
        for kind, all_names in (("model", names), ("policy", [policy.name for policy in self.policy])):
            if twice := sorted({name for name in all_names if all_names.count(name) > 1}):
                raise ValueError(f"{kind} {twice} is there twice")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return Environment(settings_cls), init_settings

    def model_named(self, name: str) -> Model:
        return next(model for model in self.model if model.name == name)

    def without_effect(self) -> list[str]:
        """Keys that are set, but that this version does not act on; a start says so."""
        keys = {"redis.store_tokens": self.redis.store_tokens}
        for place, model in enumerate(self.model):
            if unknown := [tag for tag in model.languages if scripts_of(tag) is None]:
                keys[f"model[{place}].languages (no script is known of {', '.join(unknown)}: any text is let in)"] = (
                    True
                )
        return [key for key, chosen in keys.items() if chosen]


def chosen_file(path: str | Path | None = None) -> Path | None:
    """The file that `load` reads; None where it takes the defaults. Raises ConfigError where a named one is missing."""
    named = path or os.environ.get("SECONDPASS_CONFIG")
    chosen = Path(named or "secondpass.toml")
    if chosen.exists():
        return chosen
    if named:
        raise ConfigError(f"{chosen}: no such file; make one (README, Settings) or unset SECONDPASS_CONFIG")
    return None


def load(path: str | Path | None = None) -> Settings:
    """Read the settings: `path`, else $SECONDPASS_CONFIG, else ./secondpass.toml where it exists, else defaults.

    Raises ConfigError, with the file's line of each wrong key and what would be right.
    """
    chosen = chosen_file(path)
    try:
        text = chosen.read_text(encoding="utf-8") if chosen else ""
        values = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{chosen}: not text in UTF-8: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{chosen}: not TOML: {error}") from error
    return parse(values, text, str(chosen or "settings"))


def parse(values: dict[str, Any], text: str = "", name: str = "settings") -> Settings:
    """Validate values read from `text` (for line numbers). Raises ConfigError."""
    try:
        return Settings(**values)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(item, text, name) for item in error.errors())) from error
