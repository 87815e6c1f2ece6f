"""`/v1/rerank`, `/v2/rerank` and `/rerank` with `documents`: Cohere's shape, which Jina's, vLLM's and Infinity's are
kinds of. An answer holds what each of their clients looks for.

Elasticsearch's Cohere client refuses unknown members inside a result, so there is none. Voyage's clients call
`/v1/rerank` and read `data`, where a document is its text; a request of theirs may have nothing that tells it from
Cohere's (LiteLLM leaves out a `top_k` that nobody set), so every answer there has both.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.errors import SecondpassError
from connector.rerank_api.asked import Asked, Fields, Given, check_count, read_fields
from connector.rerank_api.numbers import decimal


class _Request(Fields):
    query: str
    documents: list[str | dict[str, Any]]
    model: str = ""
    top_n: int = 0
    top_k: int = 0  # Voyage
    return_documents: bool | None = None
    rank_fields: list[str] | None = None
    raw_scores: bool = False  # Infinity
    use_activation: bool = True  # vLLM


@dataclass(frozen=True, slots=True)
class Documents:
    """`version` is Cohere's. `returned`: documents stand in the answer where the request does not say. `voyage`: the
    results are also `data`, as Voyage's clients read them.
    """

    version: str
    returned: bool = False
    voyage: bool = False

    def read(self, body: object) -> Asked:
        request = read_fields(_Request, body)
        check_count(len(request.documents))
        texts = [_text(document, request.rank_fields) for document in request.documents]
        returned = self.returned if request.return_documents is None else request.return_documents
        originals = [{"text": one} if isinstance(one, str) else one for one in request.documents] if returned else None
        return Asked(
            [(request.query, text) for text in texts],
            request.model,
            originals,
            max(request.top_n or request.top_k, 0),
            request.raw_scores or not request.use_activation,
        )

    def write(self, asked: Asked, given: Given) -> object:
        best = given.best(asked.top)
        answer: dict[str, object] = {
            "id": uuid.uuid4().hex,
            "object": "rerank",
            "model": given.model,
            "results": [_result(place, asked, given) for place in best],
            "meta": {
                "api_version": {"version": self.version},
                "billed_units": {"search_units": 0},
                "secondpass": given.told,
            },
            "usage": {"prompt_tokens": 0, "total_tokens": 0},  # counted in the worker, which does not tell
        }
        return answer | {"data": [_plain(_result(place, asked, given)) for place in best]} if self.voyage else answer

    def refuse(self, error: SecondpassError) -> tuple[int, object]:
        """Cohere's clients read `message`, those of vLLM and Infinity `error`, Voyage's `detail`."""
        said = {"message": str(error), "type": type(error).__name__, "param": None, "code": error.status}
        return error.status, {"id": uuid.uuid4().hex, "message": str(error), "error": said, "detail": str(error)}


def _result(place: int, asked: Asked, given: Given) -> dict[str, object]:
    result: dict[str, object] = {"index": place, "relevance_score": decimal(given.scores[place])}
    return result | {"document": asked.originals[place]} if asked.originals is not None else result


def _plain(result: dict[str, object]) -> dict[str, object]:
    """The same with its document as Voyage has it: a plain text, where it is no more than that."""
    match result:
        case {"document": {"text": str(text), **more}} if not more:
            return result | {"document": text}
    return result


def _text(document: str | Mapping[str, Any], fields: Sequence[str] | None) -> str:
    """What is read of a document: itself, its `rank_fields`, or its `text`."""
    if isinstance(document, str):
        return document
    values = (document.get(name) for name in fields or ["text"])
    return "\n".join(str(value) for value in values if value is not None)
