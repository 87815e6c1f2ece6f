"""Every query through every system: what is known already is taken from the log, the rest is asked."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from connector.client import SearchError
from connector.errors import EngineRefused, SecondpassError
from connector.evaluation.answers import Answered, AnswerLog
from connector.evaluation.judgments import Query
from connector.evaluation.roads import Road
from connector.evaluation.systems import System

Answers = Mapping[str, Mapping[str, Answered]]
"""System name -> query id -> answer."""


async def collect(
    road: Road,
    systems: Sequence[System],
    queries: Sequence[Query],
    log: AnswerLog,
    at_once: int,
    watch: Callable[[bool], None],
) -> Answers:
    """`at_once` queries are under way at a time, cold systems alone and afterwards. `watch` hears of each answer, and
    whether it was known. Raises what `Road.ask` raises, where a query was refused SecondpassError with its id; what was
    answered until then is kept.
    """
    found: dict[str, dict[str, Answered]] = {system.name: {} for system in systems}

    async def answer(system: System, query: Query) -> None:
        known = log.known(road.key(system, query))
        try:
            answered = known or await road.ask(system, query)
        except (EngineRefused, SearchError) as refused:
            raise SecondpassError(f"query {query.id} was refused ({system.name}): {refused}") from refused
        if known is None:
            log.keep(answered)
        found[system.name][query.id] = answered
        watch(known is not None)

    turns = asyncio.Semaphore(at_once)

    async def through_all(query: Query) -> None:
        async with turns:
            for system in systems:
                if not system.cold:
                    await answer(system, query)

    asking = [asyncio.ensure_future(through_all(query)) for query in queries]
    try:
        await asyncio.gather(*asking)
    finally:
        for one in asking:
            one.cancel()
    for system in systems:
        if system.cold:
            for query in queries:
                await answer(system, query)
    return {system.name: {query.id: found[system.name][query.id] for query in queries} for system in systems}
