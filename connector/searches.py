"""From a request to its answer: which policy it is under, what is planned for it, and the search that follows.

This is where the settings' policies meet the road; `connector.search` knows one plan only.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

from connector.dialects.controls import read_controls
from connector.dialects.edit import plain_call
from connector.dialects.request import read_request
from connector.errors import BadRequest
from connector.plan import match_policy, plan
from connector.proxy import simple
from connector.search import SecondPass
from connector.settings import Policy, Settings
from connector.types import Answer, Call, Controls, Outcome, Reason, Reply, State

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Searches:
    """All searches of a process."""

    settings: Settings
    second: SecondPass

    def matches(self, names: Names) -> bool:
        """Whether index names, as written in a request, are under a policy."""
        return match_policy(names, self.settings.policy) is not None

    async def search(self, call: Call, names: Names) -> Answer:
        """Answer a `_search` under a policy. Raises BadRequest for controls that cannot be understood, EngineError."""
        return await self._run(call, names, lambda policy: policy)

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
            answer = await self._run(asked, names, _fused)
        if answer.reply.status != 200:
            return answer
        body = simple.write_answer(question, answer, began)
        headers = [(name, value) for name, value in answer.reply.headers if name.lower() in simple.ANSWERED]
        return replace(answer, reply=Reply(200, b"OK", headers, body))

    async def _run(self, call: Call, names: Names, adapt: Callable[[Policy], Policy]) -> Answer:
        request = read_request(call)
        if request is None:  # the engine says what is wrong with it
            return Answer(await self.second.fetch(plain_call(call, None)), Outcome(State.SKIPPED, Reason.ERROR))
        controls = read_controls(call.headers, request.ext)
        policy = self._policy(names, controls)
        if not isinstance(policy, Policy):
            reply = await self.second.fetch(plain_call(call, request))
            return Answer(reply, Outcome(State.SKIPPED, policy or Reason.OPT_OUT))
        policy = adapt(policy)
        model = self.settings.model_named(policy.model)
        return await self.second.search(call, request, plan(request, controls, policy, model), policy, model)

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


def _fused(policy: Policy) -> Policy:
    """The simple search adds the vector leg wherever the index has vectors."""
    return policy.model_copy(update={"candidates": "fused"}) if policy.vector_field else policy
