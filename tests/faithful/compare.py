"""What may differ between an answer straight from the engine and the same through the proxy."""

import json
from dataclasses import dataclass
from typing import Any

import http_sf
import httpx


@dataclass(frozen=True, slots=True)
class Item:
    """One item of `Secondpass-Rerank`."""

    state: str
    reason: str | None
    window: int | None


def items(answer: httpx.Response) -> list[Item]:
    """The header's items, one a search. Raises where it is not what RFC 9651 allows."""
    parsed = http_sf.parse(answer.headers["secondpass-rerank"].encode(), tltype="list")
    return [
        Item(str(token), str(said["reason"]) if "reason" in said else None, said.get("window"))
        for token, said in parsed
    ]


def same_but_for_order(mine: Any, engine: Any) -> None:
    """Equal but for `took`, the hits' order and scores; every hit that both show is otherwise the same."""
    mine, engine = json.loads(json.dumps(mine)), json.loads(json.dumps(engine))
    ours, theirs = taken(mine), taken(engine)
    assert mine == engine
    assert len(ours) == len(theirs)
    shown = {key(hit): hit for hit in theirs}
    for hit in ours:
        if key(hit) in shown:
            assert plain(hit) == plain(shown[key(hit)])


def taken(answer: Any) -> list[Any]:
    """The hits, cut from the answer with what goes with their order."""
    answer.pop("took", None)
    hits = answer["hits"].pop("hits")
    answer["hits"].pop("max_score", None)
    return list(hits)


def key(hit: Any) -> tuple[str, str]:
    return hit["_index"], hit["_id"]


def plain(hit: Any) -> Any:
    return hit | {"_score": 0, "_explanation": None}
