"""Tasks to an AMQP broker (RabbitMQ), published by one thread of their own, because kombu blocks.

Published to the default exchange by the queue's name, which reaches a queue however its worker declared it. A message
expires in the broker too, so that nothing piles up there.
"""

import asyncio
import queue
import select
import socket
import threading
from collections.abc import Mapping
from typing import Any

from kombu.connection import Connection
from kombu.messaging import Producer

from connector.errors import ConfigError, RerankError
from connector.message import CONTENT_ENCODING, CONTENT_TYPE, Message, new_message
from connector.types import Reason

SEND_S = 1.0
SCHEMES = ("amqp://", "amqps://", "pyamqp://")
LINK = {
    "connect_timeout": 1,
    "read_timeout": 1,
    "write_timeout": 1,
    "socket_settings": {getattr(socket, "TCP_USER_TIMEOUT", 18): 5000},  # ms until an unheard peer counts as lost
}
Job = tuple[Message, asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class AmqpBroker:
    """Publishes in the order of `send`. The thread connects at its first task and again after a failure."""

    def __init__(self, url: str) -> None:
        if not url.startswith(SCHEMES):
            raise ConfigError(f"broker.url: {url.split('://')[0]}:// is not supported; use redis:// or amqp://")
        self.url = url
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def send(self, task: str, queue: str, payload: Mapping[str, Any], lifetime_s: float) -> int:
        if self._thread is None:
            self._thread = threading.Thread(target=self._publish_on, name="secondpass-amqp", daemon=True)
            self._thread.start()
        message = new_message(task, queue, payload, lifetime_s)
        loop = asyncio.get_running_loop()
        sent: asyncio.Future[None] = loop.create_future()
        self._jobs.put((message, loop, sent))
        try:
            await asyncio.wait_for(sent, SEND_S)
        except TimeoutError as error:
            raise RerankError(Reason.ERROR, "the broker did not take a task in time") from error
        return len(message.body)

    async def close(self) -> None:
        if self._thread:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join, SEND_S)

    def _publish_on(self) -> None:
        connection: Any = None
        producer: Any = None
        while job := self._jobs.get():
            message, loop, sent = job
            error: Exception | None = None
            try:
                if sent.cancelled():  # its sender no longer waits
                    continue
                if connection is None or producer is None or _is_lost(connection):
                    connection = Connection(self.url, connect_timeout=1, heartbeat=0, transport_options=LINK)  # type: ignore[no-untyped-call]
                    producer = Producer(connection.default_channel)  # type: ignore[no-untyped-call]
                _publish(producer, message)
            except Exception as caught:  # the kinds differ by transport, and all mean the same
                _drop(connection)
                error, connection, producer = caught, None, None
            _tell(loop, sent, error)
        _drop(connection)


def _publish(producer: Any, message: Message) -> None:
    producer.publish(
        message.body,
        exchange="",
        routing_key=message.queue,
        content_type=CONTENT_TYPE,
        content_encoding=CONTENT_ENCODING,
        headers=message.headers(),
        correlation_id=message.id,
        delivery_mode=1,
        expiration=max(0.001, message.lifetime_s),
        retry=False,
    )


def _is_lost(connection: Any) -> bool:
    """Whether the server closed the connection since the last task: a write would not notice the first time."""
    if not connection.connected:
        return True
    if select.select([connection.connection.sock], [], [], 0)[0]:
        try:
            connection.drain_events(timeout=0.01)
        except TimeoutError:
            return False
        except Exception:
            _drop(connection)
            return True
    return False


def _drop(connection: Any) -> None:
    if connection is not None:
        connection.collect(0.1)  # `close` would wait for the word of a server that is gone


def _tell(loop: asyncio.AbstractEventLoop, sent: "asyncio.Future[None]", error: Exception | None) -> None:
    def settle() -> None:
        if sent.done():
            return
        if error is None:
            sent.set_result(None)
        else:
            sent.set_exception(RerankError(Reason.ERROR, f"the broker did not take a task: {error}"))

    if not loop.is_closed():
        loop.call_soon_threadsafe(settle)
