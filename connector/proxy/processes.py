"""Several processes on one port: the kernel spreads connections over them (SO_REUSEPORT). They end together."""

import ctypes
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from types import FrameType

from connector.errors import SecondpassError

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def run(count: int, work: Callable[[], None]) -> int:
    """Run `work` in `count` children and wait; returns the exit status. One that fails takes the others with it.

    Metrics are shared through a folder, so nothing may have imported `connector.metrics` before.
    """
    with tempfile.TemporaryDirectory(prefix="secondpass-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        children = {_fork(work) for _ in range(count)}

        def end(number: int, frame: FrameType | None) -> None:
            for child in children:
                os.kill(child, signal.SIGTERM)

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        worst = 0
        while children:
            child, status = os.wait()
            children.discard(child)
            code = os.waitstatus_to_exitcode(status)
            if code:
                worst = worst or (code if code > 0 else 128 - code)
                end(signal.SIGTERM, None)
        return worst


def _fork(work: Callable[[], None]) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # a parent killed with -9 leaves nobody behind
        if os.getppid() == parent:
            work()
        status = 0
    except KeyboardInterrupt:
        status = 0
    except SecondpassError as error:
        print(error, file=sys.stderr, flush=True)
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)
