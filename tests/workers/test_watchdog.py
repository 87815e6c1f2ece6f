"""The watchdog ends what computes for ever, and only that."""

import subprocess
import sys
import threading
import time

import pytest

from workers.watchdog import EXIT_STUCK, Watchdog


def test_a_stuck_batch_ends_the_process() -> None:
    program = """
import logging, time
from workers.watchdog import Watchdog
logging.basicConfig()
dog = Watchdog(0.2)
dog.start()
with dog:
    time.sleep(30)
"""
    ended = subprocess.run([sys.executable, "-c", program], timeout=20, capture_output=True, text=True)
    assert ended.returncode == EXIT_STUCK
    assert "batch exceeded batch_limit_s=0.2" in ended.stderr


def test_many_short_batches_do_not() -> None:
    ended = threading.Event()
    dog = Watchdog(0.4, lambda limit: ended.set())
    dog.start()
    assert list(dog.each(iter([time.sleep(0.05)] * 3))) == [None] * 3
    for _ in range(8):
        with dog:
            time.sleep(0.1)
    assert not ended.is_set()


def test_an_error_in_a_batch_stops_the_watch() -> None:
    dog = Watchdog(60)
    with pytest.raises(ValueError, match="x"), dog:
        raise ValueError("x")
    assert dog._since is None
