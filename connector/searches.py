"""From a request to its answer: which policy it is under, what is planned for it, and the search that follows.

This is where the settings' policies meet the road; `connector.search` knows one plan only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import perf_counter

from connector.asked import UNREAD, Asked, Planned, Recent, heeded_fields, request_key
from connector.dialects.controls import read_controls, strip_header
from connector.dialects.edit import plain_call
from connector.dialects.request import read_request
from connector.dialects.source import with_body
from connector.dialects.template import read_rendered, render_call, search_target, template_target, wrap
from connector.errors import BadRequest
from connector.pipelines import DefaultPipelines
from connector.plan import match_policy, plan
from connector.proxy import simple
from connector.render import render_skipped
from connector.retrieve import Fetch
from connector.search import SecondPass
from connector.settings import Policy, Settings
from connector.types import Answer, Call, Controls, Knn, Outcome, PassThrough, Reason, Reply, State

Names = tuple[str, ...]
MATCHED = 1000  # combinations of names of which it is known whether they are under a policy; more begin anew
MATCHED_LENGTH = 512  # characters of one


@dataclass(frozen=True)
class Searches:
    """All searches of a process."""

    settings: Settings
    second: SecondPass
    pipelines: DefaultPipelines | None = None
    recent: Recent = field(default_factory=Recent)
    matched: dict[Names, bool] = field(default_factory=dict)

    @cached_property
    def heeded(self) -> frozenset[bytes]:
        return heeded_fields(self.settings.policy)

    def matches(self, names: Names) -> bool:
        """Whether index names, as written in a request, are under a policy."""
        if (found := self.matched.get(names)) is None:
            found = match_policy(names, self.settings.policy) is not None
            if sum(map(len, names)) <= MATCHED_LENGTH:
                if len(self.matched) >= MATCHED:
                    self.matched.clear()
                self.matched[names] = found
        return found

    async def search(self, call: Call, names: Names) -> Answer | PassThrough:
        """Answer a `_search` under a policy. Raises BadRequest for controls that cannot be understood, EngineError."""
        asked = await self._heed_pipelines(self.ask(call, names))
        passed = None if _tells(asked) else _passed(asked)
        return passed or await self._answer(asked, self.second.fetch)

    async def template(self, call: Call, names: Names) -> Answer | PassThrough:
        """Answer a `_search/template` under a policy, which the engine renders. Raises as `search` does."""
        came, call = call, with_body(call)
        rendered = read_rendered(await self.second.fetch(render_call(call, call.body)))
        if rendered is None:
            return PassThrough(plain_call(came, None), UNREAD)

        def wrapped(edited: Call) -> Call:
            body = call.body if edited.body == rendered else wrap(call.body, edited.body)
            target = template_target(call.target, edited.target)
            return replace(call, target=target, headers=strip_header(call.headers), body=body)

        async def fetch(edited: Call) -> Reply:
            return await self.second.fetch(wrapped(edited))

        search = replace(call, target=search_target(call.target), body=rendered)
        asked = await self._heed_pipelines(self.ask(search, names))
        if (passed := _passed(asked)) and not _tells(asked):
            return replace(passed, call=wrapped(passed.call))
        return await self._answer(asked, fetch)

    async def simple(self, call: Call) -> Answer:
        """Answer `/_secondpass/search`. An error of the engine's goes back as the engine wrote it."""
        began = perf_counter()
        question = simple.read_question(call.method, call.target, call.body)
        names = tuple(name for name in question.index.split(",") if name)
        policy = self._policy(names, Controls(policy=question.policy))
        known = policy if isinstance(policy, Policy) else None
        asked = simple.engine_call(question, call.headers, known, self.second.dialect())
        if policy is None:
            answer = Answer(await self.second.fetch(asked))
        else:
            answer = await self.answer(self.ask(asked, names, _fused))
        if answer.reply.status != 200:
            return answer
        body = simple.write_answer(question, answer, began)
        headers = [(name, value) for name, value in answer.reply.headers if name.lower() in simple.ANSWERED]
        return replace(answer, reply=Reply(200, b"OK", headers, body))

    def ask(self, call: Call, names: Names, adapt: Callable[[Policy], Policy] | None = None) -> Asked:
        """What is to be done for a `_search`. Raises BadRequest."""
        longest = [self.second.rerank.live.longest_query(model.name) for model in self.settings.model]
        key = b"" if adapt else request_key(self.second.keys, call, names, self.heeded, longest)
        if known := self.recent.find(key):
            return known.by(call)
        asked = self._read(call, names, adapt)
        self.recent.keep(key, asked)
        return asked

    def _read(self, call: Call, names: Names, adapt: Callable[[Policy], Policy] | None) -> Asked:
        request = read_request(call)
        if request is None:
            return Asked(call, names)
        controls = read_controls(call.headers, request.ext)
        policy = self._policy(names, controls)
        if not isinstance(policy, Policy):
            outcome = Outcome(State.SKIPPED, policy or Reason.OPT_OUT)
            return Asked(call, names, request, outcome, details=controls.details)
        policy = adapt(policy) if adapt else policy
        model = self.settings.model_named(policy.model)
        found = plan(request, controls, policy, model, self.second.rerank.live.longest_query(model.name))
        planned = Planned(found, policy, model, self.second.keys.search(call, request, found, policy))
        return Asked(call, names, request, planned=planned, details=controls.details)

    async def answer(self, asked: Asked, fetch: Fetch | None = None) -> Answer:
        """Do it, by way of `fetch` where the engine is to see another form of it."""
        fetch = fetch or self.second.fetch
        return await self._answer(await self._heed_pipelines(asked), fetch)

    async def _answer(self, asked: Asked, fetch: Fetch) -> Answer:
        if passed := _passed(asked):
            reply = await fetch(passed.call)
            first = asked.request.first if asked.request else 0
            return Answer(render_skipped(reply, first, passed.outcome) if _tells(asked) else reply, passed.outcome)
        assert asked.request is not None  # else it was passed through
        assert asked.planned is not None
        return await self.second.search(asked.request, asked.planned, fetch)

    async def _heed_pipelines(self, asked: Asked) -> Asked:
        """The same, skipped where a default search pipeline of its indices takes part."""
        request, planned = asked.request, asked.planned
        if request is None or planned is None or self.pipelines is None:
            return asked
        if planned.plan.skip and planned.plan.knn is not Knn.FUSED:  # the engine's alone already
            return asked
        if not await self.pipelines.apply_to(request, asked.names):
            return asked
        plan = replace(planned.plan, skip=Reason.PIPELINE, knn=None, knn_filter=None)
        return replace(asked, planned=replace(planned, plan=plan))

    def _policy(self, names: Names, controls: Controls) -> Policy | Reason | None:
        """The policy that the names select, or the one the request names among those that cover it."""
        if controls.policy is None:
            return match_policy(names, self.settings.policy)
        named = [policy for policy in self.settings.policy if policy.name == controls.policy]
        if not named:
            there = ", ".join(policy.name for policy in self.settings.policy) or "none"
            raise BadRequest(f"there is no policy [{controls.policy}]; secondpass.toml has: {there}")
        if match_policy(names, named) is not named[0]:
            raise BadRequest(f"policy [{controls.policy}] does not cover [{','.join(names)}]")
        return named[0]


def _passed(asked: Asked) -> PassThrough | None:
    """The search where it is the engine's alone: neither reranked nor given a vector leg."""
    plan = asked.planned.plan if asked.planned else None
    if plan and (plan.skip is None or plan.knn is Knn.FUSED):
        return None
    outcome = Outcome(State.SKIPPED, plan.skip) if plan else asked.outcome
    return PassThrough(plain_call(asked.call, asked.request), outcome)


def _tells(asked: Asked) -> bool:
    """Whether the engine's answer is held to write details into it. One that opens a scroll must not be asked twice,
    which is what becomes of an answer that is too long to hold.
    """
    return asked.details and asked.request is not None and "scroll" not in asked.request.parameters


def _fused(policy: Policy) -> Policy:
    """The simple search adds the vector leg wherever the index has vectors."""
    return policy.model_copy(update={"candidates": "fused"}) if policy.vector_field else policy
