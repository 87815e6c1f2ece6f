"""Clients and engines that break off anywhere leave nothing behind: no task, no connection, no silence."""

import asyncio
import random

from tests.connector.proxy.scripted import Peer, between

CLIENTS = 60


async def test_nothing_is_left_behind():
    dice = random.Random(7)

    async def script(peer: Peer) -> None:
        while True:
            head = await peer.head()
            if b"chunked" in head:
                await peer.reader.readuntil(b"0\r\n\r\n")
            if dice.random() < 0.2:
                peer.reset()
                return
            await asyncio.sleep(dice.random() * 0.02)
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + b"x" * dice.choice((10, 50000)))
            if dice.random() < 0.2:
                return

    async def one(proxy) -> None:
        try:
            async with proxy.client() as client:
                for _ in range(5):
                    if dice.random() < 0.5:
                        await client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                    else:
                        await client.send(
                            b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
                        )
                        await asyncio.sleep(dice.random() * 0.01)
                        await client.send(b"0\r\n\r\n")
                    if dice.random() < 0.2:
                        return
                    head = await client.head()
                    await asyncio.wait_for(client.exactly(int(head.lower().partition(b"content-length: ")[2][:5])), 0.4)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass

    async with between(script, timeout_s=0.5) as (_, proxy):
        await asyncio.gather(*(one(proxy) for _ in range(CLIENTS)))
        for _ in range(200):
            if not proxy.server.connections:
                break
            await asyncio.sleep(0.02)
        assert not proxy.server.connections
        ours = [
            task for task in asyncio.all_tasks() if "/connector/proxy/" in repr(task) and "/tests/" not in repr(task)
        ]
        assert ours == []
        async with proxy.client() as client:
            await client.send(b"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await client.head()).startswith(b"HTTP/1.1 ")
