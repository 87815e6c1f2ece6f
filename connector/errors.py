"""Every error that secondpass raises on purpose.

SecondpassError
├── ConfigError             settings that cannot work; raised at start, names key and line
├── BadRequest        400   the caller's request is wrong in a way that only we can say
├── TooSlow           408   a body that must be parsed did not come in time
├── Denied            401   the rerank API was called without one of its keys
├── UnknownAddress    404   nothing is at this address of ours
├── UnknownModel      404   the rerank API was asked for a model that is not configured
├── WrongMethod       405   an address of ours does not take this method
├── BodyTooLarge      413   a body that must be parsed exceeds the limit
├── MappingConflict   409   an index of that name is newer than ours, or not ours
├── Overloaded        429   more concurrent searches than `proxy.max_concurrent`, or more of bodies than we hold
├── NotScored         503   the rerank API has no scores, and no engine's order to answer instead
├── EngineError       502   the engine answered, but not with what it promises
│   ├── EngineRefused     502   the engine refused a request of our own (its status and reason are kept)
│   ├── EngineUnreachable 503   no connection to any engine node
│   └── EngineTimeout     504   the engine did not answer within `engine_timeout_ms`
├── PartFailed              a part of the embedded stack is missing, did not start or ended
└── RerankError             reranking did not happen; never reaches the caller as an error, only as a Reason

`status` and `code` are class attributes: `connector.proxy.errors` turns each into the engine's own error shape.
"""

from typing import ClassVar

from connector.types import Reason


class SecondpassError(Exception):
    """Raised when secondpass itself has something to say. `code` is the `type` of the engine's error shape."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "secondpass_exception"


class ConfigError(SecondpassError):
    """Raised when settings are wrong; the text names the key, the line and the next step."""

    code = "settings_exception"


class BadRequest(SecondpassError):
    """Raised when a request to one of our own addresses cannot be understood."""

    status = 400
    code = "illegal_argument_exception"


class TooSlow(SecondpassError):
    """Raised when a body that we read does not come within its time."""

    status = 408
    code = "timeout_exception"


class Denied(SecondpassError):
    """Raised when the rerank API has keys and a request none of them."""

    status = 401
    code = "security_exception"


class UnknownModel(SecondpassError):
    """Raised when a request names a model that no `[[model]]` of the settings has."""

    status = 404
    code = "resource_not_found_exception"


class NotScored(SecondpassError):
    """Raised when the rerank API cannot score every text of a request."""

    status = 503
    code = "no_scores_exception"


class UnknownAddress(SecondpassError):
    """Raised when a path below `/_secondpass` names nothing."""

    status = 404
    code = "resource_not_found_exception"


class WrongMethod(SecondpassError):
    """Raised when an address of ours does not take the request's method."""

    status = 405
    code = "method_not_allowed_exception"


class BodyTooLarge(SecondpassError):
    """Raised when a body that must be parsed is larger than we hold in memory."""

    status = 413
    code = "content_too_long_exception"


class MappingConflict(SecondpassError):
    """Raised when an index cannot be installed over what stands there: a newer definition, or somebody else's index."""

    status = 409
    code = "resource_already_exists_exception"


class Overloaded(SecondpassError):
    """Raised when `proxy.max_concurrent` searches are under way; clients retry 429 with this type."""

    status = 429
    code = "es_rejected_execution_exception"


class EngineError(SecondpassError):
    """Raised when the engine's answer cannot be used."""

    status = 502
    code = "bad_gateway_exception"


class EngineRefused(EngineError):
    """Raised when the engine refuses a request that is ours, not a caller's; `engine_status` is its HTTP status."""

    def __init__(self, text: str, engine_status: int = 0) -> None:
        super().__init__(text)
        self.engine_status = engine_status


class EngineUnreachable(EngineError):
    """Raised when no engine node accepts a connection."""

    status = 503
    code = "no_node_available_exception"


class EngineTimeout(EngineError):
    """Raised when the engine does not answer within `engine_timeout_ms`."""

    status = 504
    code = "timeout_exception"


class PartFailed(SecondpassError):
    """Raised when the embedded stack cannot go on; the text names the part, what it said last and where its log is."""


class RerankError(SecondpassError):
    """Raised inside the rerank step when no scores can come; `reason` is what the answer's header will say."""

    def __init__(self, reason: Reason, text: str = "") -> None:
        super().__init__(text or reason.value)
        self.reason = reason
