"""What proxy and workers write to standard error: time, level, name, event, and its fields as key=value.

Rule: one line an event, behind which only a fault of ours has a traceback; never the text of a query or a document, so
that of a request's target nothing is shown from its "?" on.
"""

import json
import logging
import re
import sys

FORM = "%(asctime)s %(levelname)s %(name)s %(message)s"
BUSY = ("httpx", "connector.engines.detect", "connector.replies")  # they tell each probe, or each second of an outage
OURS = ("connector", "secondpass")  # Celery's fields hold the arguments of a task, which are document text
PLAIN = re.compile(r'[^\s"=]+')
_OWN = frozenset((*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"))


class Lines(logging.Formatter):
    """Adds what a call of ours gave as `extra`."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        if record.name.partition(".")[0] not in OURS:
            return line
        fields = (f" {key}={_written(key, value)}" for key, value in vars(record).items() if key not in _OWN)
        return line + "".join(fields)


def _written(key: str, value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if key == "target":
        text = text.partition("?")[0]
    return text if PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def set_up() -> None:
    """Log to standard error from INFO on; nothing where somebody has set up logging before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(FORM))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in BUSY:
        logging.getLogger(name).setLevel(logging.WARNING)
