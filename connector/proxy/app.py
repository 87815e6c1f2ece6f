"""What happens to a request: ours, a search under a policy, or the engine's. Only the second is ever read by us."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from connector import metrics
from connector.dialects.edit import plain_call, plain_lines
from connector.dialects.msearch import is_long
from connector.dialects.request import MAX_BODY
from connector.errors import (
    BadRequest,
    BodyTooLarge,
    EngineError,
    Overloaded,
    SecondpassError,
    TooSlow,
    UnknownAddress,
    WrongMethod,
)
from connector.proxy import routes
from connector.proxy.bodies import BODY_BYTES, GET_BYTES, Bodies
from connector.proxy.compression import GZIP, encoding, packed, readable, unpack, without_encoding
from connector.proxy.connection import Lost
from connector.proxy.content import is_json, sends_json
from connector.proxy.errors import render
from connector.proxy.http import Request
from connector.proxy.passthrough import relay
from connector.proxy.sniffing import asks_for_nodes, with_address
from connector.proxy.status import Endpoint
from connector.proxy.upstream import Upstream
from connector.proxy.wire import Fields, Malformed
from connector.rerank_api.service import refuse
from connector.types import Answer, Call, Outcome, PassThrough, Reason, State

NOT_TEXT = Outcome(State.SKIPPED, Reason.NO_TEXT)  # a search or an answer that is not JSON: no text that we could read
TOO_LONG = Outcome(State.SKIPPED, Reason.LENGTH)
OVERLOAD = Outcome(State.SKIPPED, Reason.OVERLOAD)
LATE = Outcome(State.FAILED, Reason.TIMEOUT)  # a body that did not come in the time that we wait for one
FAILED = Outcome(State.FAILED, Reason.ERROR)
HEADER = b"Secondpass-Rerank"

Search = Callable[[Call, tuple[str, ...]], Awaitable[Answer | PassThrough | None]]
"""A search under a policy, and the path's index names as written. Its headers hold our own `Secondpass` too; none of
them asks for a compression that we cannot read. PassThrough: the engine's answer is to be streamed. None: nothing in it
is under a policy. Raises EngineError and its kind; BodyTooLarge where the engine's answer is too long to hold."""

Count = Callable[[Call, tuple[str, ...]], int]
"""How many searches an `_msearch` has; 0 where none of them is under a policy, 1 where that many cannot be told."""

log = logging.getLogger("secondpass.proxy")


class App:
    """Built once; called for each request."""

    def __init__(
        self,
        upstream: Upstream,
        *,
        search: Search,
        matches: Callable[[tuple[str, ...]], bool],
        others: Mapping[str, Search] | None = None,
        count: Count = lambda call, names: 1,
        endpoints: Mapping[str, Endpoint],
        render_outcomes: Callable[[Sequence[Outcome]], bytes],
        dialect: Callable[[], str],
        timeout_s: float,
        max_concurrent: int,
        advertise: str = "",
    ) -> None:
        self._upstream = upstream
        self._searches = {"search": search, **(others or {})}  # by the kinds of `routes.SEARCHES`
        self._matches = matches  # whether index names, as written, are under a policy: asked before the body is read
        self._count = count
        self._endpoints = endpoints
        self._render_outcomes = render_outcomes
        self._dialect = dialect
        self._timeout_s = timeout_s
        self._max_concurrent = max_concurrent
        self._advertise = advertise
        self._active = 0
        self._bodies = Bodies()

    async def __call__(self, request: Request) -> None:
        try:
            await self._answer(request)
        finally:
            self._bodies.let_go(request)

    async def _answer(self, request: Request) -> None:
        route = routes.read(request.method, request.target)
        under = bool(route.search) and self._matches(route.names)
        if route.search in self._searches and (under or route.search in routes.NAMED_WITHIN):
            status, outcomes = await self._rerank(request, route, under)
            metrics.count_request("search" if outcomes else "engine", status)
            for outcome in outcomes:
                metrics.count_search(outcome)
        elif route.ours or route.endpoint in self._endpoints:
            metrics.count_request("ours", await self._ours(request, route))
        elif self._advertise and asks_for_nodes(request.method, request.target):
            metrics.count_request("engine", await self._advertised(request))
        else:
            metrics.count_request("engine", await self._relay(request))

    async def _relay(self, request: Request, outcomes: Sequence[Outcome] = (), held: Call | None = None) -> int:
        """Pass through, saying `outcomes` where the request is under a policy. Returns the status."""
        timeout_s = None if routes.is_slow(request.method, request.target) else self._timeout_s
        try:
            return await relay(request, self._upstream, timeout_s, self._say(*outcomes), held)
        except SecondpassError as exc:
            return self._refuse(request, exc, outcomes)

    async def _advertised(self, request: Request) -> int:
        """The engine's nodes, under our own address. Returns the status."""
        try:
            call = read_call(request, await self._bodies.read(request, BODY_BYTES), self._bodies, BODY_BYTES)
            reply = await self._upstream.fetch(call, self._timeout_s)
        except (SecondpassError, Malformed) as exc:
            return self._refuse(request, exc)
        self._send(request, Answer(replace(reply, body=with_address(reply.body, self._advertise))))
        return reply.status

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places for searches. Raises Overloaded where all are taken."""
        if self._active >= self._max_concurrent:
            raise Overloaded(f"{self._active} searches are under way, as many as proxy.max_concurrent allows")
        self._active += 1
        metrics.IN_FLIGHT.inc()
        try:
            yield
        finally:
            self._active -= 1
            metrics.IN_FLIGHT.dec()

    async def _rerank(self, request: Request, route: routes.Route, under: bool) -> tuple[int, Sequence[Outcome]]:
        """Status, and what was said of each search; nothing where none is under a policy.

        `under` a policy are the path's names; an `_msearch` may also name its indices in its body. A place is taken
        once the body is here, and given back before an answer is streamed: no client's pace can hold one.
        """

        def say(outcome: Outcome) -> list[Outcome]:
            return [outcome] if under else []

        coding = encoding(request.fields)
        refused = request.get(b"expect") is not None and not request.expects  # an expectation that the engine refuses
        if refused or not sends_json(request.fields) or coding not in (b"", *GZIP):
            return await self._unread(request, say(NOT_TEXT))
        try:
            raw = await self._bodies.read(request, BODY_BYTES)
        except BodyTooLarge:
            return await self._unread(request, say(TOO_LONG))
        except TooSlow:  # it streams through, at its own pace
            return await self._unread(request, say(LATE))
        except Overloaded as exc:
            return await self._overloaded(request, exc, say(OVERLOAD))
        except Malformed as exc:
            return self._refuse(request, BadRequest(str(exc)), say(FAILED)), say(FAILED)
        came = Call(request.method, request.target, request.fields, raw)
        try:
            call = read_call(request, raw, self._bodies, BODY_BYTES)
        except BodyTooLarge:
            return await self._unread(request, say(TOO_LONG), came)
        except Overloaded as exc:
            return await self._overloaded(request, exc, say(OVERLOAD), came)
        except BadRequest:  # not gzip after all: the engine says so
            return await self._unread(request, say(NOT_TEXT), came)
        return await self._search(request, route, came, call)

    async def _search(
        self, request: Request, route: routes.Route, came: Call, call: Call
    ) -> tuple[int, Sequence[Outcome]]:
        """The same for a request whose body is here: as it `came`, and readable as `call`."""
        lines = route.search in routes.NAMED_WITHIN

        def each(outcome: Outcome) -> list[Outcome]:
            return [outcome] * (self._count(call, route.names) if lines else 1)

        if not is_json(call.target, call.headers, lines=lines):
            outcomes = each(NOT_TEXT)
            return await self._unread(request, outcomes, _plain(came, call, lines) if outcomes else came)
        try:
            with self._place():
                answer = await self._searches[route.search](call, route.names)
        except Overloaded as exc:
            return await self._overloaded(request, exc, each(OVERLOAD), came)
        except BodyTooLarge:
            return await self._unread(request, each(TOO_LONG), _plain(came, call, lines))
        except (BadRequest, EngineError) as exc:
            return self._refuse(request, exc, [FAILED]), [FAILED]
        except Lost:
            raise
        except Exception:  # a fault of ours must not cost the caller the search
            log.exception("rerank failed", extra={"target": request.target})
            return await self._unread(request, [FAILED], _plain(came, call, lines))
        if answer is None:
            return await self._unread(request, [], came)
        if isinstance(answer, PassThrough):
            with metrics.ENGINE.time():
                return await self._unread(request, [answer.outcome], _sent(came, call, answer.call))
        self._send(request, answer)
        return answer.reply.status, answer.several or [answer.outcome or FAILED]

    async def _overloaded(
        self, request: Request, error: Overloaded, outcomes: Sequence[Outcome], held: Call | None = None
    ) -> tuple[int, Sequence[Outcome]]:
        """429 where any of it is under a policy; what is the engine's alone streams on."""
        if not outcomes:
            return await self._unread(request, [], held)
        return self._refuse(request, error, outcomes), outcomes

    async def _unread(
        self, request: Request, outcomes: Sequence[Outcome], held: Call | None = None
    ) -> tuple[int, Sequence[Outcome]]:
        return await self._relay(request, outcomes, held), outcomes

    async def _ours(self, request: Request, route: routes.Route) -> int:
        endpoint = self._endpoints.get(route.endpoint)
        if endpoint is None:
            where = request.target.decode("ascii", "replace")
            if not route.methods:
                return self._refuse(request, UnknownAddress(f"there is nothing at [{where}]"))
            allowed = ", ".join(route.methods)
            wrong = WrongMethod(f"[{where}] takes {allowed}, not {request.method}")
            return self._refuse(request, wrong, extra=[(b"Allow", allowed.encode())])
        try:
            posted = BODY_BYTES if request.method == "POST" else GET_BYTES
            limit = MAX_BODY if route.endpoint == "search" else posted
            call = read_call(request, await self._bodies.read(request, limit), self._bodies, limit)
            with self._place() if route.endpoint == "search" else nullcontext():
                answer = await endpoint(call)
        except (SecondpassError, Malformed) as exc:
            error = exc if isinstance(exc, SecondpassError) else BadRequest(str(exc))
            shaped = refuse(request.target, error) if route.endpoint == "rerank_api" else None
            if shaped is None or request.response.started:
                return self._refuse(request, error)
            answer = shaped
        self._send(request, answer)
        if answer.outcome is not None:
            metrics.count_search(answer.outcome)
        return answer.reply.status

    def _send(self, request: Request, answer: Answer) -> None:
        reply = answer.reply
        said = self._say(*answer.several) if answer.several else self._say(answer.outcome)
        request.response.send(reply.status, reply.reason, [*reply.headers, *said], packed(reply))

    def _say(self, *outcomes: Outcome | None) -> Fields:
        said = [outcome for outcome in outcomes if outcome is not None]
        return [(HEADER, self._render_outcomes(said))] if said else []

    def _refuse(
        self,
        request: Request,
        error: Exception,
        outcomes: Sequence[Outcome] = (),
        extra: Sequence[tuple[bytes, bytes]] = (),
    ) -> int:
        """Answer with an error in the engine's shape, unless an answer has begun."""
        if request.response.started:
            raise error
        status, reason, fields, body = render(error, self._dialect(), request.fields)
        request.response.send(status, reason, [*fields, *self._say(*outcomes), *extra], body)
        return status


def _sent(came: Call, read: Call, edited: Call) -> Call:
    """What goes out for a request that was read as `read`: as it came, packed or not, unless something was edited."""
    return came if (edited.target, edited.body) == (read.target, read.body) else edited


def _plain(came: Call, read: Call, lines: bool) -> Call:
    """What goes out for a request that is not reranked: without what was meant for us. `lines` beyond what we read of
    an `_msearch` go as they came.
    """
    if lines and is_long(read.body):
        return came
    return _sent(came, read, plain_lines(read) if lines else plain_call(read, None))


def read_call(request: Request, raw: bytes, bodies: Bodies, limit: int) -> Call:
    """The request as plain data, unpacked up to `limit` bytes, which `bodies` counts too, asking for an answer that we
    can read. Raises BadRequest, BodyTooLarge, Overloaded.
    """
    headers = readable(request.fields)
    if not raw or encoding(headers) not in GZIP:
        return Call(request.method, request.target, headers, raw)
    body = unpack(raw, limit)
    bodies.count(request, len(body))
    return Call(request.method, request.target, without_encoding(headers), body)
