"""`/rerank` with `texts`, and `/predict`: Hugging Face's text-embeddings-inference.

A bare array, sorted; a text that is too long is cut, as its servers do by default. A TEI server has one model; here
`model` names another.
"""

from typing import Annotated, Any

from pydantic import Field

from connector.errors import BadRequest, SecondpassError
from connector.rerank_api.asked import Asked, Fields, Given, TooMany, check_count, read_fields
from connector.rerank_api.numbers import decimal

_TYPES = {
    400: ("Validation", 422),
    401: ("Validation", 401),
    404: ("Validation", 404),
    408: ("Validation", 408),
    413: ("Validation", 413),
    429: ("Overloaded", 429),
    503: ("Unhealthy", 503),
}
"""By our status: its name of the error, and the status it has there. Whatever else went wrong is the backend's."""


class _Empty(BadRequest):
    """Raised when there is nothing to score, which TEI tells from what is wrong."""


class _Texts(Fields):
    query: str
    texts: list[str]
    model: str = ""
    raw_scores: bool = False
    return_text: bool = False
    top_n: int = 0  # sent by Elasticsearch's `hugging_face` service


class _Pair(Fields):
    text: str
    text_pair: str


_Two = Annotated[list[str], Field(min_length=2, max_length=2)]


class _Inputs(Fields):
    inputs: _Pair | list[_Pair] | _Two | list[_Two]
    model: str = ""
    raw_scores: bool = False


class Rerank:
    def read(self, body: object) -> Asked:
        request = read_fields(_Texts, body)
        _check_count(len(request.texts), "texts")
        originals = list(request.texts) if request.return_text else None
        pairs = [(request.query, text) for text in request.texts]
        return Asked(pairs, request.model, originals, top=max(request.top_n, 0), raw=request.raw_scores)

    def write(self, asked: Asked, given: Given) -> object:
        rows: list[dict[str, object]] = []
        for place in given.best(asked.top):
            row: dict[str, object] = {"index": place, "score": decimal(given.scores[place])}
            rows.append(row if asked.originals is None else {**row, "text": asked.originals[place]})
        return rows

    def refuse(self, error: SecondpassError) -> tuple[int, object]:
        return refuse(error)


class Predict:
    """Two texts a pair, as `["query", "text"]` or `{"text": .., "text_pair": ..}`; answers keep the order.

    Of several `["query", "text"]` each answer is a list of predictions, as TEI's batches are; one pair has a flat
    answer there, and lists of `{"text": .., "text_pair": ..}` have one at SageMaker.
    """

    def read(self, body: object) -> Asked:
        inputs = _read_inputs(body)
        one_pair = isinstance(inputs.inputs, _Pair) or (bool(inputs.inputs) and isinstance(inputs.inputs[0], str))
        many: Any = [inputs.inputs] if one_pair else inputs.inputs
        _check_count(len(many), "inputs")
        pairs = [(one.text, one.text_pair) if isinstance(one, _Pair) else (one[0], one[1]) for one in many]
        nested = not one_pair and isinstance(many[0], list)
        return Asked(pairs, inputs.model, raw=inputs.raw_scores, nested=nested)

    def write(self, asked: Asked, given: Given) -> object:
        rows = [{"label": given.label, "score": decimal(score)} for score in given.scores]
        return [[row] for row in rows] if asked.nested else rows

    def refuse(self, error: SecondpassError) -> tuple[int, object]:
        return refuse(error)


def refuse(error: SecondpassError) -> tuple[int, object]:
    if isinstance(error, _Empty):
        return 400, {"error": str(error), "error_type": "Empty"}
    kind, status = _TYPES.get(error.status, ("Backend", 424))
    return status, {"error": str(error), "error_type": kind}


def _read_inputs(body: Any) -> _Inputs:
    try:
        return read_fields(_Inputs, body)
    except TooMany:
        raise
    except BadRequest as error:
        raise BadRequest(
            'inputs: expected ["query", "text"], {"text": .., "text_pair": ..}, or a list of them'
        ) from error


def _check_count(count: int, field: str) -> None:
    if not count:
        raise _Empty(f"`{field}` cannot be empty")
    check_count(count)
