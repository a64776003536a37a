"""One GET with a Python HTTP library: http_client.py LIBRARY URL CA_FILE [IMPERSONATE]"""
import asyncio
import ssl
import sys

library, url, ca = sys.argv[1:4]

if library == "requests":
    import requests
    print(requests.get(url, verify=ca, timeout=10).status_code)
elif library == "urllib":
    import urllib.request
    print(urllib.request.urlopen(url, context=ssl.create_default_context(cafile=ca), timeout=10).status)
elif library in ("httpx", "httpx-http1"):
    import httpx
    with httpx.Client(http2=library == "httpx", verify=ssl.create_default_context(cafile=ca), timeout=10) as client:
        print(client.get(url).http_version)
elif library == "aiohttp":
    import aiohttp

    async def get():
        async with aiohttp.ClientSession() as session:
            async with session.get(url, ssl=ssl.create_default_context(cafile=ca)) as answer:
                print(answer.status)
    asyncio.run(get())
elif library == "curl_cffi":
    from curl_cffi import requests
    print(requests.get(url, verify=ca, impersonate=sys.argv[4], timeout=10).status_code)
else:
    raise SystemExit(f"http_client.py: unknown library {library}")
