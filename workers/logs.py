"""What a worker writes to standard error: as `connector.logs` says, and of Celery no more than its warnings."""

import logging
import warnings

from connector import logs


class FirstLine(logging.Filter):
    """Celery logs a message that it refuses with its whole body, which is document text; its first line says enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = record.getMessage().strip().splitlines()[0], ()
        record.exc_info = record.exc_text = None
        return True


def set_up() -> None:
    """Log to standard error from INFO on; Celery from WARNING on."""
    logs.set_up()
    logging.getLogger("celery").setLevel(logging.WARNING)
    logging.getLogger("celery.worker.consumer.consumer").addFilter(FirstLine())
    warnings.filterwarnings("ignore", message="(?s).*superuser privileges")  # about pickle, which is not accepted
