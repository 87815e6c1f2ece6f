"""The form of a log line, which docs/operations.md shows."""

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

from connector.logs import FORM, Lines

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
LINE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING|ERROR) [a-z_.]+ .+"


def line(name: str, message: str, **extra: object) -> str:
    record = logging.LogRecord(name, logging.WARNING, "", 0, message, (), None)
    vars(record).update(extra)
    return Lines(FORM).format(record)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"breaker": "cache"}, "it failed breaker=cache"),
        ({"queue": "q", "error": "Error 111.\nRefused"}, r'it failed queue=q error="Error 111.\nRefused"'),
        ({"target": b"/shop/_search?q=rain+jacket"}, "it failed target=/shop/_search"),
        ({"error": ""}, 'it failed error=""'),
        ({}, "it failed"),
    ],
)
def test_fields_follow_the_event(extra: dict[str, object], said: str) -> None:
    written = line("connector.breaker", "it failed", **extra)
    assert re.fullmatch(LINE, written)
    assert written.endswith(f" WARNING connector.breaker {said}")


def test_the_fields_of_others_are_not_shown() -> None:
    """Celery's hold a task's arguments."""
    assert line("celery.app.trace", "a task failed", data={"args": "rain jacket"}).endswith("a task failed")


def test_a_traceback_follows_the_line() -> None:
    code = (
        "import logging, connector.logs as logs\n"
        "logs.set_up()\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError as error:\n"
        "    logging.getLogger('secondpass.proxy').exception('failed', extra={'target': b'/a?q=b'})\n"
        "logging.getLogger('httpx').info('GET /')"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.splitlines()
    assert re.fullmatch(LINE, said[0])
    assert said[0].endswith("ERROR secondpass.proxy failed target=/a")
    assert said[-1] == "ZeroDivisionError: division by zero"


def test_the_page_shows_the_form() -> None:
    (shown,) = re.findall(r"^```\n(\d{4}-.*?)^```", OPERATIONS.read_text(), re.DOTALL | re.MULTILINE)
    assert all(re.fullmatch(LINE, one) for one in shown.splitlines())
