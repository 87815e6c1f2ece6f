"""The passage that won a hit its score, where it was asked for: in the details, as a highlight or as an inner hit.

Rule: it is cut from the text that this very answer brought under the caller's own credentials. A document whose text
has changed since it was scored shows none.
"""

from collections.abc import Iterable, Mapping

import orjson

from connector.dialects.splice import read_spans, splice
from connector.page import Place
from connector.reader import Reader
from connector.types import Candidate, Key

NAME = "_secondpass"  # of the highlighted field and of the inner hit: no field of a user's own can be called so

Won = dict[str, object]
"""{"text", "start", "end"}: the passage and its characters in the text that the model read."""


def won(places: Iterable[Place], known: Mapping[Key, Candidate], reader: Reader) -> dict[Key, Won]:
    """The winning passages of scored hits."""
    found: dict[Key, Won] = {}
    for place in places:
        candidate, passage = known.get(place.key), place.passage
        if candidate is None or passage is None:
            continue
        if reader.marks([candidate.fields]) == [passage.mark]:
            start, end = passage.start, passage.end
            found[place.key] = {"text": reader.text(candidate.fields)[start:end], "start": start, "end": end}
    return found


def as_member(candidate: Candidate, passage: Won | None, form: str, score: float | None) -> dict[str, bytes | None]:
    """The changed member of the hit where `form` is "highlight" or "inner_hits"; the engine's own entries stay in it.
    `score` is the `_score` that the hit shows.
    """
    spans = read_spans(candidate.raw) if passage and form else None  # 20 us a hit: only where it is needed
    if passage is None or spans is None:
        return {}
    said = candidate.raw[spans[form].start : spans[form].end] if form in spans else b"{}"
    ours = [passage["text"]] if form == "highlight" else _inner_hit(candidate, passage, score)
    return {form: splice(said, {NAME: orjson.dumps(ours)})}


def _inner_hit(candidate: Candidate, passage: Won, score: float | None) -> dict[str, object]:
    """A list of one, without `total`, as the engines answer where totals are not counted."""
    shown = candidate.engine_score if score is None else score
    hit = {"_index": candidate.index, "_id": candidate.id, "_score": shown, "_source": passage}
    return {"hits": {"max_score": shown, "hits": [hit]}}
