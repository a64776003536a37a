"""One QUIC stream with aioquic: quic_client.py PORT NAME CA_FILE [v2|long-hello|v1-then-v2|prefers-v2|again|no-id]

long-hello offers so many protocols that the hello needs more than one Initial packet. v1-then-v2 begins with version 1 and
goes over to version 2 if the server asks for it; prefers-v2 says that it would rather have version 2. again takes the session
up with early data, from another port. no-id has connection ids of no bytes, which aioquic chooses for the server's first one too.
"""
import asyncio
import sys

from aioquic.asyncio.client import connect
from aioquic.quic.configuration import QuicConfiguration

QUIC_V1, QUIC_V2 = 1, 0x6B3343CF
VERSIONS = {"v2": (QUIC_V2, [QUIC_V2]), "v1-then-v2": (QUIC_V1, [QUIC_V1, QUIC_V2]),
            "prefers-v2": (QUIC_V1, [QUIC_V2, QUIC_V1])}


async def talk(port, configuration, **options):
    async with connect("127.0.0.1", port, configuration=configuration, **options) as connection:
        reader, writer = await connection.create_stream()
        writer.write(b"hello")
        writer.write_eof()
        print(await reader.read())


async def main():
    port, name, ca, *extra = sys.argv[1:]
    protocols = ["h3"]
    if extra == ["long-hello"]:
        protocols += [f"protocol-number-{n:03}-of-many" for n in range(60)]
    configuration = QuicConfiguration(is_client=True, alpn_protocols=protocols, server_name=name)
    configuration.load_verify_locations(ca)
    for word in extra:
        if word in VERSIONS:
            configuration.original_version, configuration.supported_versions = VERSIONS[word]
    if extra == ["no-id"]:
        configuration.connection_id_length = 0
    tickets = []
    await talk(int(port), configuration, session_ticket_handler=tickets.append)
    if extra == ["again"]:
        configuration.session_ticket = tickets[-1]
        await talk(int(port), configuration, wait_connected=False)


asyncio.run(asyncio.wait_for(main(), 10))
