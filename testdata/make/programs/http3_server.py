"""An HTTP/3 server on aioquic that has one page: http3_server.py PORT CHAIN KEY"""
import asyncio
import sys

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated


class Pages(QuicConnectionProtocol):
    http = None

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        for got in self.http.handle_event(event) if self.http else []:
            if isinstance(got, HeadersReceived):
                self.http.send_headers(got.stream_id, [(b":status", b"200"), (b"content-type", b"text/plain")])
                self.http.send_data(got.stream_id, b"hello\n", end_stream=True)
                self.transmit()


async def main():
    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    configuration.load_cert_chain(sys.argv[2], sys.argv[3])
    await serve("127.0.0.1", int(sys.argv[1]), configuration=configuration, create_protocol=Pages)
    await asyncio.Event().wait()


asyncio.run(main())
