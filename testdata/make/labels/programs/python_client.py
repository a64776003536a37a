"""HTTPS with a Python library, each time on a new connection: python_client.py LIBRARY URL CA_FILE TIMES [PROFILE]"""
import asyncio
import contextlib
import http.client
import socket
import ssl
import sys
import urllib.parse

library, url, ca, times, *profile = sys.argv[1:]
times = range(int(times))
host = urllib.parse.urlsplit(url).hostname
context = ssl.create_default_context(cafile=ca) if hasattr(ssl, "create_default_context") else None


def each(get):
    for _ in times:
        with contextlib.suppress(Exception):
            get()


async def again(get):
    for _ in times:
        with contextlib.suppress(Exception):
            await get()


def raw():
    session = None
    for _ in times:
        with socket.create_connection((host, 443), 10) as plain:
            with context.wrap_socket(plain, server_hostname=host, session=session) as stream:
                stream.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host.encode())
                while stream.recv(4096):
                    pass
                session = stream.session


def http_client():
    connection = http.client.HTTPSConnection(host, context=context, timeout=10)
    connection.request("GET", "/")
    connection.getresponse().read()
    connection.close()


def main():
    if library == "ssl":
        raw()
    elif library == "http.client":
        each(http_client)
    elif library == "requests":
        import requests
        each(lambda: requests.get(url, verify=ca, timeout=10))
    elif library == "niquests":
        import niquests
        each(lambda: niquests.get(url, verify=ca, timeout=10))
    elif library == "urllib3":
        import urllib3
        each(lambda: urllib3.PoolManager(ca_certs=ca).request("GET", url, timeout=10))
    elif library in ("httpx", "httpx-http1"):
        import httpx
        for _ in times:
            with httpx.Client(http2=library == "httpx", verify=ssl.create_default_context(cafile=ca)) as client:
                with contextlib.suppress(Exception):
                    client.get(url)
    elif library == "aiohttp":
        import aiohttp

        async def get():
            async with aiohttp.ClientSession() as session, session.get(url, ssl=context) as answer:
                await answer.read()
        asyncio.run(again(get))
    elif library == "websockets":
        import websockets

        async def get():
            async with websockets.connect(url.replace("https", "wss"), ssl=context, open_timeout=5):
                pass
        asyncio.run(again(get))
    elif library == "httplib2":
        import httplib2
        each(lambda: httplib2.Http(ca_certs=ca).request(url))
    elif library == "tornado":
        from tornado.httpclient import AsyncHTTPClient
        asyncio.run(again(lambda: AsyncHTTPClient(force_instance=True).fetch(url, ca_certs=ca)))
    elif library == "pycurl":
        import io

        import pycurl
        handle = pycurl.Curl()
        for name, value in (("URL", url), ("CAINFO", ca), ("FORBID_REUSE", 1), ("WRITEDATA", io.BytesIO())):
            handle.setopt(getattr(pycurl, name), value)
        each(handle.perform)
    elif library == "treq":
        import treq
        from twisted.internet import task

        def run(_):
            done = treq.get(url, persistent=False)
            for _ in times[1:]:
                done.addBoth(lambda _: treq.get(url, persistent=False))
            return done.addBoth(lambda _: None)
        task.react(run)
    elif library == "pyOpenSSL":
        from OpenSSL import SSL
        for _ in times:
            link = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), socket.create_connection((host, 443)))
            link.set_tlsext_host_name(host.encode())
            link.set_connect_state()
            link.do_handshake()
            link.close()
    elif library == "curl_cffi":
        from curl_cffi import requests
        for _ in times:
            with contextlib.suppress(Exception):
                requests.get(url, verify=ca, timeout=10, **({"impersonate": profile[0]} if profile else {}))
    elif library == "tls-client":
        import tls_client
        for _ in times:
            client = tls_client.Session(client_identifier=profile[0])
            with contextlib.suppress(Exception):
                client.get(url, insecure_skip_verify=True)
    elif library == "primp":
        import primp
        for _ in times:
            with contextlib.suppress(Exception):
                primp.Client(impersonate=profile[0], verify=False).get(url)
    elif library == "rnet":
        import rnet
        if hasattr(rnet, "BlockingClient"):
            for _ in times:
                with contextlib.suppress(Exception):
                    rnet.BlockingClient(impersonate=getattr(rnet.Impersonate, profile[0]), verify=False).get(url)
    elif library == "impit":
        import impit
        each(lambda: impit.Client(browser=profile[0], verify=False).get(url))
    elif library == "boto3":
        import boto3
        import botocore.config
        client = boto3.client("s3", endpoint_url=url, verify=ca, region_name="x", aws_access_key_id="x",
                              aws_secret_access_key="x",
                              config=botocore.config.Config(retries={"max_attempts": 0}))
        each(client.list_buckets)
    elif library == "psycopg":
        import psycopg
        each(lambda: psycopg.connect(f"host={host} port=443 sslmode=require sslnegotiation=direct"))
    elif library == "pymongo":
        import pymongo
        client = pymongo.MongoClient(host, 443, tls=True, tlsCAFile=ca, serverSelectionTimeoutMS=1500)
        with contextlib.suppress(Exception):
            client.admin.command("ping")
    elif library == "paho-mqtt":
        import paho.mqtt.client
        client = paho.mqtt.client.Client(paho.mqtt.client.CallbackAPIVersion.VERSION2)
        client.tls_set(ca)
        with contextlib.suppress(Exception):
            client.connect(host, 443)
    elif library == "smtplib":
        import smtplib
        with contextlib.suppress(Exception):
            smtplib.SMTP_SSL(host, 443, timeout=2, context=context)
    else:
        raise SystemExit(f"python_client.py: unknown library {library}")


main()
