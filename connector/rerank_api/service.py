"""A request of the rerank API, from its bytes to its answer. There is no first-stage order to fall back to: what cannot
be scored in full is an error, in the shape of the API that was called.
"""

import asyncio
import hmac
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus

import orjson

from connector.calibration import sigmoid
from connector.errors import BadRequest, Denied, NotScored, Overloaded, SecondpassError, UnknownModel
from connector.rerank import Rerank
from connector.rerank_api.asked import Asked, Given, Shape
from connector.rerank_api.documents import Documents
from connector.rerank_api.scores import Score
from connector.rerank_api.tei import Predict
from connector.rerank_api.tei import Rerank as Texts
from connector.settings import Model, Policy, Settings
from connector.types import Answer, Call, Reason, Reply, State

BUDGET_MS = 25_000  # clients of both engines give up after 30 s
ACTIVATION = b"Secondpass-Activation"  # of every answer with scores, because TEI's are bare arrays

SHAPES: Mapping[bytes, Shape] = {
    b"/rerank": Documents("1", returned=True),
    b"/v1/rerank": Documents("1", voyage=True),
    b"/v2/rerank": Documents("2"),
    b"/score": Score(),
    b"/v1/score": Score(),
    b"/predict": Predict(),
}
_TEXTS = Texts()
NAMES_TEXTS = re.compile(rb'"texts"\s*:')

Headers = Sequence[tuple[bytes, bytes]]


def refuse(target: bytes, error: SecondpassError) -> Answer | None:
    """The error of a request whose body could not be read, in the shape of the API that was called; None where `target`
    is none of ours. Without its body a `/rerank` is taken for vLLM's.
    """
    shape = SHAPES.get(target.partition(b"?")[0])
    return _answer(*shape.refuse(error)) if shape else None


class RerankApi:
    """All requests of a process. `settings` name the models that may be asked for and the keys that may ask."""

    def __init__(self, settings: Settings, rerank: Rerank) -> None:
        self._models = {model.name: model for model in settings.model}
        self._keys = [key.encode() for key in settings.rerank_api.keys]
        self._rerank = rerank
        self._most = settings.proxy.max_concurrent
        self._active = 0

    async def __call__(self, call: Call) -> Answer:
        """Answer a POST to one of `SHAPES`."""
        path = call.target.partition(b"?")[0]
        shape = _shape(path, _names_texts(call.body))  # for a refusal before the body is read
        try:
            with self._place():
                self._authorise(call.headers)
                body = _read(call.body)
                shape = _shape(path, "texts" in body and "documents" not in body)
                asked = shape.read(body)
                given = await self._score(asked)
                return _answer(200, shape.write(asked, given), (ACTIVATION, given.activation.encode()))
        except SecondpassError as error:
            return _answer(*shape.refuse(error))

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._active >= self._most:
            raise Overloaded(f"{self._active} requests are under way, as many as proxy.max_concurrent allows")
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1

    def _authorise(self, headers: Headers) -> None:
        said = next((value for name, value in headers if name.lower() == b"authorization"), b"")
        scheme, _, key = said.partition(b" ")
        known = scheme.lower() == b"bearer" and any(hmac.compare_digest(key.strip(), one) for one in self._keys)
        if self._keys and not known:
            raise Denied("send one of rerank_api.keys as `Authorization: Bearer KEY`")

    def _model(self, name: str) -> Model:
        if not name:
            return next(iter(self._models.values()))
        if name not in self._models:
            raise UnknownModel(f"there is no model {name!r}; secondpass.toml has: {', '.join(self._models)}")
        return self._models[name]

    async def _score(self, asked: Asked) -> Given:
        """Score all pairs, those of one query together. Raises NotScored, Overloaded, UnknownModel."""
        began, model = time.monotonic(), self._model(asked.model)
        policy = Policy(name="rerank-api", indices=["-"], fields=["text"], model=model.name, budget_ms=BUDGET_MS)
        places: dict[str, list[int]] = {}
        for place, (query, _) in enumerate(asked.pairs):
            places.setdefault(query, []).append(place)
        texts = [[asked.pairs[place][1] for place in mine] for mine in places.values()]
        found = await asyncio.gather(
            *(
                self._rerank.rerank(query, mine, policy, model, budget_s=BUDGET_MS / 1000)
                for query, mine in zip(places, texts, strict=True)
            )
        )
        logits = [math.nan] * len(asked.pairs)
        for mine, scores in zip(places.values(), found, strict=True):
            if scores.state is not State.APPLIED and scores.reason is not Reason.NO_TEXT:
                raise _not_scored(scores.reason, model)
            for place, logit in zip(mine, scores.logits, strict=True):
                logits[place] = math.nan if logit is None else logit
        activation = "identity" if asked.raw else model.activation
        shown = _shown(logits, activation == "identity")
        cached = sum(scores.cached for scores in found)
        ms = (time.monotonic() - began) * 1000
        return Given(shown, model.name, cached, ms, activation, model.label or "LABEL_0")


def _shape(path: bytes, texts: bool) -> Shape:
    return _TEXTS if texts and path == b"/rerank" else SHAPES[path]


def _names_texts(raw: bytes) -> bool:
    """Whether a body that may not be JSON is TEI's."""
    return b'"documents"' not in raw and NAMES_TEXTS.search(raw) is not None


def _shown(logits: Sequence[float], raw: bool) -> list[float]:
    """Scores from 0 to 1, or logits. A text that cannot be read is the least of all: 0, or the lowest logit."""
    if not raw:
        return [0.0 if math.isnan(logit) else sigmoid(logit) for logit in logits]
    lowest = min((logit for logit in logits if not math.isnan(logit)), default=0.0)
    return [lowest if math.isnan(logit) else logit for logit in logits]


def _not_scored(reason: Reason | None, model: Model) -> SecondpassError:
    if reason is Reason.OVERLOAD:
        return Overloaded("the queue is full: broker.queue_max_mb")
    if reason is Reason.NO_WORKER:
        return NotScored(f"no live worker for model {model.name!r}: start `secondpass worker --model {model.name}`")
    if reason is Reason.TIMEOUT:
        return NotScored(f"not all texts were scored within {BUDGET_MS / 1000:.0f} s; what was is cached: try again")
    return NotScored(f"not scored: {reason}")


def _read(raw: bytes) -> dict[str, object]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest('the body must be an object like {"query": "..", "documents": ["..", ".."]}')
    return body


def _answer(status: int, body: object, *headers: tuple[bytes, bytes]) -> Answer:
    phrase = HTTPStatus(status).phrase.encode()
    return Answer(Reply(status, phrase, [(b"Content-Type", b"application/json"), *headers], orjson.dumps(body)))
