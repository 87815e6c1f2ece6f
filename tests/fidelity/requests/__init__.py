"""The requests of the differential run, by kind. Data only: a name says what is special about a request."""

from tests.fidelity.requests import admin, bodies, dashboards, headers, methods, parameters, searches, targets, writes

KINDS = (methods, targets, parameters, bodies, headers, searches, admin, dashboards, writes)
"""In the order in which they are sent: writes come last."""

REQUESTS: dict[str, bytes] = {
    f"{kind.KIND}: {name}": request for kind in KINDS for name, request in kind.REQUESTS.items()
}
