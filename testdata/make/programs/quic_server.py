"""A QUIC echo server on aioquic: quic_server.py PORT CHAIN KEY [retry]"""
import asyncio
import sys

from aioquic.asyncio import serve
from aioquic.quic.configuration import QuicConfiguration


def echo(reader, writer):
    async def answer():
        writer.write(await reader.read())
        writer.write_eof()
    asyncio.ensure_future(answer())


async def main():
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3", "hq-interop"])
    configuration.supported_versions += [v for v in (0x6B3343CF,) if v not in configuration.supported_versions]
    configuration.load_cert_chain(sys.argv[2], sys.argv[3])
    await serve("127.0.0.1", int(sys.argv[1]), configuration=configuration, stream_handler=echo,
                retry=sys.argv[4:] == ["retry"])
    await asyncio.Event().wait()


asyncio.run(main())
