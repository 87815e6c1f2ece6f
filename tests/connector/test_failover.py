"""An address that leads to another server from one moment on, as a name does after a failover: the server of before
lives on as a replica, refuses every write, and closes no connection.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis import Redis

from connector.errors import RerankError
from connector.local.processes import free_port
from connector.types import State
from tests.connector.stage import Server, make_settings, opened, own_server, real_worker


@dataclass
class Address:
    """Where connections go; those that are there stay where they are."""

    leads_to: int
    port: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.leads_to)

        async def carry(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
            try:
                while data := await one.read(65_536):
                    other.write(data)
                    await other.drain()
            except ConnectionError:
                pass
            other.close()

        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))


@asynccontextmanager
async def address_of(server: Server) -> AsyncIterator[Address]:
    address = Address(server.port, free_port())
    listener = await asyncio.start_server(address, "127.0.0.1", address.port)
    try:
        yield address
    finally:
        listener.close()


async def test_all_goes_on_with_the_server_that_took_over() -> None:
    with own_server() as first, own_server() as second:
        async with address_of(first) as address:
            settings = make_settings(address.url, address.url, "stub")
            with real_worker(address.url, address.url) as worker:
                async with opened(settings, "score") as services:

                    async def works() -> bool:
                        scores = await services.rerank.rerank(
                            f"{time.time()}", ["a", "b"], settings.policy[0], settings.model[0], budget_s=0.5
                        )
                        try:
                            await services.store.ask(("SET", "tests:kept", str(time.time())))
                        except RerankError:
                            return False
                        return scores.state is State.APPLIED

                    async def until_it_works() -> None:
                        async with asyncio.timeout(30):
                            while not await works():  # noqa: ASYNC110 (nobody tells us, we ask)
                                await asyncio.sleep(0.1)

                    await until_it_works()
                    address.leads_to = second.port
                    with Redis.from_url(first.url) as old:
                        old.execute_command("REPLICAOF", "127.0.0.1", str(second.port))
                    await until_it_works()
                    with Redis.from_url(second.url) as new:
                        assert new.exists("tests:kept", "secondpass:workers:score:stub") == 2
            assert worker.process.returncode == -9  # it lived until the test ended it
