"""Forwards TCP connections between an agent's closed network and a few fixed addresses of the owner's.

Usage: python3 -c SOURCE ROUTES, where ROUTES is a JSON list of [port, host, port]: connections to the first port
are passed on, byte for byte, to the host and port that follow. Nothing else is reachable through it.
"""

import asyncio
import json
import os
import signal
import sys

CONNECT_SECONDS = 10
CHUNK = 65536
# How long an answer may still take once its caller has ended its side.
LINGER_SECONDS = 30


async def pump(reader, writer):
    """Copies until the end of one direction, and tells the other side that it has ended."""
    while True:
        data = await reader.read(CHUNK)
        if not data:
            break
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def forward(reader, writer, host, port):
    """Serves one connection. A side that fails, or a caller that went away, ends it for the other as well."""
    other = None
    tasks = ()
    try:
        other_reader, other = await asyncio.wait_for(asyncio.open_connection(host, port), CONNECT_SECONDS)
        upward = asyncio.ensure_future(pump(reader, other))
        downward = asyncio.ensure_future(pump(other_reader, writer))
        tasks = (upward, downward)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not downward.done() and upward.exception() is None:
            await asyncio.wait((downward,), timeout=LINGER_SECONDS)
    except (OSError, asyncio.TimeoutError):
        # Nobody listens there: the caller sees its connection close.
        pass
    finally:
        complete = len(tasks) == 2 and tasks[1].done() and tasks[1].exception() is None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in (writer, other):
            if one is not None:
                one.close() if complete else one.transport.abort()


async def main():
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, os._exit, 0)
    servers = []
    for listen, host, port in json.loads(sys.argv[1]):
        servers.append(
            await asyncio.start_server(
                lambda reader, writer, host=host, port=port: forward(reader, writer, host, port),
                "0.0.0.0",
                listen,
            )
        )
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
