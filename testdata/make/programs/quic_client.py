"""One QUIC stream with aioquic: quic_client.py PORT NAME CA_FILE [v2|long-hello]

long-hello offers so many protocols that the hello needs more than one Initial packet.
"""
import asyncio
import sys

from aioquic.asyncio.client import connect
from aioquic.quic.configuration import QuicConfiguration

QUIC_V2 = 0x6B3343CF


async def main():
    port, name, ca, *extra = sys.argv[1:]
    protocols = ["h3"]
    if extra == ["long-hello"]:
        protocols += [f"protocol-number-{n:03}-of-many" for n in range(60)]
    configuration = QuicConfiguration(is_client=True, alpn_protocols=protocols, server_name=name)
    configuration.load_verify_locations(ca)
    if extra == ["v2"]:
        configuration.original_version = QUIC_V2
        configuration.supported_versions = [QUIC_V2]
    async with connect("127.0.0.1", int(port), configuration=configuration) as connection:
        reader, writer = await connection.create_stream()
        writer.write(b"hello")
        writer.write_eof()
        print(await reader.read())


asyncio.run(asyncio.wait_for(main(), 10))
