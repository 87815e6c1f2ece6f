"""Small judgments, systems and answers that the tests of this package stand on."""

from collections.abc import Mapping, Sequence

from connector.evaluation.answers import Answered
from connector.evaluation.judgments import Judgments, Query
from connector.evaluation.systems import System, parse_system
from connector.settings import Policy, Settings, parse

SETTINGS: Settings = parse(
    {
        "model": [{"name": "products-en", "source": "x"}, {"name": "other", "source": "y"}],
        "policy": [
            {"name": "shop", "indices": ["shop*"], "fields": ["name", "brand"], "vector_field": "embedding"},
            {"name": "plain", "indices": ["plain"], "fields": ["name"], "window": 20},
        ],
    }
)
SHOP: Policy = SETTINGS.policy[0]


def system(written: str) -> System:
    return parse_system(written, SHOP, SETTINGS)


def judgments(count: int = 12) -> Judgments:
    """Query n is best answered by document `good n`, somewhat by `fair n`."""
    return Judgments(tuple(Query(f"q{n}", f"words {n}", {f"good{n}": 3, f"fair{n}": 1}) for n in range(count)))


def lists(name: str, judged: Judgments, order: Sequence[str], **said: object) -> Mapping[str, Answered]:
    """The same list for every query; "good" stands for `good n`."""
    return {
        query.id: Answered(
            f"{name} {query.id}",
            name,
            query.id,
            ids=[f"{kind}{number}" for kind in order],
            labels={f"{kind}{number}": f"{kind} thing" for kind in order},
            took_ms=10.0 + number,
            **said,  # type: ignore[arg-type]
        )
        for number, query in enumerate(judged.queries)
    }
