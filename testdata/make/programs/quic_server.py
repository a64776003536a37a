"""A QUIC echo server on aioquic: quic_server.py PORT CHAIN KEY [retry] [only-v2] [tickets]

only-v2 answers other versions with Version Negotiation; tickets lets clients take a session up again.
"""
import asyncio
import sys

from aioquic.asyncio import serve
from aioquic.quic.configuration import QuicConfiguration

QUIC_V2 = 0x6B3343CF


def echo(reader, writer):
    async def answer():
        writer.write(await reader.read())
        writer.write_eof()
    asyncio.ensure_future(answer())


async def main():
    port, chain, key, *extra = sys.argv[1:]
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3", "hq-interop"])
    configuration.supported_versions += [v for v in (QUIC_V2,) if v not in configuration.supported_versions]
    if "only-v2" in extra:
        configuration.supported_versions = [QUIC_V2]
    configuration.load_cert_chain(chain, key)
    tickets = {}
    store = dict(session_ticket_handler=lambda ticket: tickets.update({ticket.ticket: ticket}),
                 session_ticket_fetcher=lambda label: tickets.pop(label, None)) if "tickets" in extra else {}
    await serve("127.0.0.1", int(port), configuration=configuration, stream_handler=echo, retry="retry" in extra, **store)
    await asyncio.Event().wait()


asyncio.run(main())
