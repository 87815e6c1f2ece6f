"""The two tasks. Rule: nothing that a message says ends the worker; only a lost device does."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from celery import Celery

from workers.replies import Replies, ReplyLost
from workers.runtimes.base import DeviceLost
from workers.scoring import BadPayload

EXIT_DEVICE = 74  # EX_IOERR
log = logging.getLogger("secondpass.worker")


class Work(Protocol):
    """Works off one payload (`Scoring`, `Embedding`)."""

    def run(self, payload: object, push: Callable[[str, Sequence[Mapping[str, object]]], None]) -> None: ...


def add_task(app: Celery, name: str, work: Work, replies: Replies) -> None:
    """Register the task under its name; its one positional argument is the payload."""

    @app.task(name=name, ignore_result=True)  # type: ignore[untyped-decorator]
    def task(*arguments: object, **_: object) -> None:
        try:
            work.run(arguments[0] if arguments else None, replies.push)
        except BadPayload as error:
            log.error("task refused: %s", error)
        except ReplyLost as error:
            log.warning("task given up, no way to reply: %s", error)
        except DeviceLost as error:
            log.critical("device lost, process ends: %s", error)
            os._exit(EXIT_DEVICE)
        except Exception:
            log.exception("task failed")
