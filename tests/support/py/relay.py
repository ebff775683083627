"""A breakable connection between client and server: TCP and UDP of one port of 127.0.0.1, forwarded to another.

freeze() makes it a black hole until thaw(); stop() makes it a port without a listener until start().
"""
import asyncio
import sys
from pathlib import Path

from procs import Server, free_port, listens


class Relay(Server):
    name = "relay"

    def __init__(self, directory, to_port):
        super().__init__(directory)
        self.port = free_port()
        self.to_port = to_port
        self.address = f"127.0.0.1:{self.port}"

    def command(self):
        return [sys.executable, Path(__file__), self.port, self.to_port]

    def is_ready(self):
        return listens(self.port)


class _Datagrams(asyncio.DatagramProtocol):
    """@answer: None forwards each datagram; otherwise a function whose result is sent back."""

    def __init__(self, to_port, answer=None):
        self.to_port, self.answer = to_port, answer

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, sender):
        if self.answer:
            self.answer(data)
            self.transport.close()
        else:
            asyncio.ensure_future(self.pass_on(data, sender))

    async def pass_on(self, data, sender):
        def back(answer):
            self.transport.sendto(answer, sender)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self.to_port, back), remote_addr=("127.0.0.1", self.to_port))
        transport.sendto(data)
        asyncio.get_running_loop().call_later(5, transport.close)


async def _copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def _serve(port, to_port):
    async def connection(reader, writer):
        try:
            there, back = await asyncio.open_connection("127.0.0.1", to_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Datagrams(to_port), local_addr=("127.0.0.1", port))
    async with await asyncio.start_server(connection, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
