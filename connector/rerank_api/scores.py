"""`/score` and `/v1/score`: vLLM's. One text against many, or as many against as many; answers keep the order."""

import time
import uuid

from connector.errors import BadRequest, SecondpassError
from connector.rerank_api.asked import Asked, Fields, Given, check_count, read_fields
from connector.rerank_api.numbers import decimal

_NAMES = (("text_1", "text_2"), ("queries", "documents"), ("queries", "items"), ("data_1", "data_2"))


class _Request(Fields):
    model: str = ""
    use_activation: bool = True
    text_1: str | list[str] | None = None
    text_2: str | list[str] | None = None
    queries: str | list[str] | None = None
    documents: str | list[str] | None = None
    items: str | list[str] | None = None
    data_1: str | list[str] | None = None
    data_2: str | list[str] | None = None


class Score:
    def read(self, body: object) -> Asked:
        request = read_fields(_Request, body)
        for names in _NAMES:
            one, other = (getattr(request, name) for name in names)
            if one is not None and other is not None:
                return Asked(_pairs(one, other, names), request.model, raw=not request.use_activation)
        raise BadRequest("text_1 and text_2 are needed: a text or a list of texts each")

    def write(self, asked: Asked, given: Given) -> object:
        return {
            "id": f"score-{uuid.uuid4().hex}",
            "object": "list",
            "created": int(time.time()),
            "model": given.model,
            "data": [
                {"index": place, "object": "score", "score": decimal(score)} for place, score in enumerate(given.scores)
            ],
            "usage": {"prompt_tokens": 0, "total_tokens": 0},
            "meta": {"secondpass": given.told},
        }

    def refuse(self, error: SecondpassError) -> tuple[int, object]:
        said = {"message": str(error), "type": type(error).__name__, "param": None, "code": error.status}
        return error.status, {"error": said}


def _pairs(one: str | list[str], other: str | list[str], names: tuple[str, str]) -> list[tuple[str, str]]:
    left, right = ([texts] if isinstance(texts, str) else texts for texts in (one, other))
    check_count(len(right))
    if len(left) == 1:
        left = left * len(right)
    if len(left) != len(right):
        raise BadRequest(f"{names[0]} has {len(left)} texts, {names[1]} {len(right)}: one against many, or as many")
    return list(zip(left, right, strict=True))
