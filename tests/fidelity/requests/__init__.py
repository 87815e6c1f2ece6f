"""The requests of the differential run, by kind. Data only: a name says what is special about a request."""

from tests.fidelity.requests import (
    admin,
    boards,
    bodies,
    grafana,
    headers,
    kibana,
    methods,
    parameters,
    searches,
    targets,
    writes,
)

KINDS = (methods, targets, parameters, bodies, headers, searches, admin, kibana, boards, grafana, writes)
"""In the order in which they are sent: writes come last."""

REQUESTS: dict[str, bytes] = {
    f"{kind.KIND}: {name}": request for kind in KINDS for name, request in kind.REQUESTS.items()
}
