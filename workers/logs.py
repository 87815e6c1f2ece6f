"""What a worker writes to standard error. Rule: one line an event, and never the text of a query or a document."""

import logging
import sys
import warnings


class FirstLine(logging.Filter):
    """Celery logs a message that it refuses with its whole body, which is document text; its first line says enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = record.getMessage().strip().splitlines()[0], ()
        record.exc_info = record.exc_text = None
        return True


def set_up() -> None:
    """Log to standard error from INFO on; Celery from WARNING on."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("celery").setLevel(logging.WARNING)
    logging.getLogger("celery.worker.consumer.consumer").addFilter(FirstLine())
    warnings.filterwarnings("ignore", message="(?s).*superuser privileges")  # about pickle, which is not accepted
