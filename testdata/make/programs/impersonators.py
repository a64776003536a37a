"""Asks for a page with an impersonating client, profile after profile, each connection a new one.

usage: impersonators.py TOOL URL COUNT MOST     Prints a line of JSON for each profile: its name, when it began and ended.
MOST: about as many of its profiles are tried, 0 for all.
Knows of each tool what its profiles are called and how one asks with it; judges nothing.
"""
import importlib.metadata
import json
import sys
import time


def curl_cffi(url):
    from curl_cffi import requests
    for profile in dict.fromkeys(browser.value for browser in requests.BrowserType):
        yield profile, lambda: requests.Session(impersonate=profile, verify=False), lambda s: s.get(url, timeout=5)


def tls_client(url):
    import typing
    import tls_client as library
    import tls_client.settings as settings
    for profile in typing.get_args(settings.ClientIdentifiers):
        shuffles = "chrome" in profile and int(profile.split("_")[1]) >= 110
        yield (profile,
               lambda: library.Session(client_identifier=profile, random_tls_extension_order=shuffles),
               lambda s: s.get(url, insecure_skip_verify=True, timeout_seconds=5))


def tls_client_unshuffled(url):
    import tls_client as library
    for profile in ("chrome_120", "chrome_131", "chrome_152"):
        yield (profile, lambda: library.Session(client_identifier=profile),
               lambda s: s.get(url, insecure_skip_verify=True, timeout_seconds=5))


def tls_client_headers(url):
    """With all that Chrome says of itself in its first request, as a careful user would send it."""
    import tls_client as library
    for profile in ("chrome_131", "chrome_133_PSK", "chrome_146", "chrome_146_PSK", "chrome_152", "chrome_152_PSK"):
        number = profile.split("_")[1]
        headers = {
            "sec-ch-ua": f'"Chromium";v="{number}", "Not-A.Brand";v="24", "Google Chrome";v="{number}"',
            "sec-ch-ua-mobile": "?0", "sec-ch-ua-platform": '"Windows"', "upgrade-insecure-requests": "1",
            "user-agent": f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                          f"Chrome/{number}.0.0.0 Safari/537.36",
            "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
            "sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-user": "?1", "sec-fetch-dest": "document",
            "accept-encoding": "gzip, deflate, br, zstd", "accept-language": "en-US,en;q=0.9", "priority": "u=0, i"}
        yield (profile, lambda: library.Session(client_identifier=profile, random_tls_extension_order=True),
               lambda s: s.get(url, headers=headers, insecure_skip_verify=True, timeout_seconds=5))


def wreq(url):
    from wreq import Profile, blocking
    for profile in sorted(name for name in dir(Profile) if name[:1].isupper()):
        value = getattr(Profile, profile)
        yield (profile, lambda: blocking.Client(emulation=value, tls_verify=False, verify=False),
               lambda s: s.get(url).text())


def rnet(url):
    import rnet as library
    for profile in sorted(name for name in dir(library.Impersonate) if name[:1].isupper()):
        value = getattr(library.Impersonate, profile)
        yield profile, lambda: library.BlockingClient(impersonate=value, verify=False), lambda s: s.get(url).text()


def primp(url):
    import primp as library
    for profile in PRIMP:
        yield profile, lambda: library.Client(impersonate=profile, verify=False), lambda s: s.get(url)


def never_primp(url):
    import typing
    import never_primp as library
    for profile in typing.get_args(library.IMPERSONATE):
        yield profile, lambda: library.Client(impersonate=profile, verify=False), lambda s: s.get(url)


def impit(url):
    import typing
    import impit as library
    for profile in typing.get_args(library.Browser):
        yield profile, lambda: library.Client(browser=profile, verify=False), lambda s: s.get(url)


def httpcloak(url):
    import httpcloak as library
    for profile in library.available_presets():
        yield (profile, lambda: library.Session(preset=profile, verify=False, http_version="h2"),
               lambda s: s.get(url, timeout=5))


def koon(url):
    import koon as library
    names = library.browsers() if callable(library.browsers) else library.browsers
    for profile in names:
        profile = profile if isinstance(profile, str) else str(profile)
        yield profile, lambda: library.KoonSync(profile, ignore_tls_errors=True), lambda s: s.get(url)


def gakido(url):
    from gakido import Client, impersonation
    names = getattr(impersonation, "PROFILES", None) or {"chrome_120": 0, "chrome_131": 0, "firefox_133": 0}
    for profile in names:
        yield profile, lambda: Client(impersonate=profile, verify=False), lambda s: s.get(url)


def requests_go(url):
    import requests_go
    from requests_go import tls_config
    for name in [n for n in dir(tls_config) if n.startswith("TLS_")]:
        yield (name, requests_go.Session,
               lambda s: s.get(url, tls_config=getattr(tls_config, name), verify=False, timeout=5))


def close(session):
    for name in ("close", "__exit__"):
        if hasattr(session, name):
            try:
                getattr(session, name)(*((None,) * 3 if name == "__exit__" else ()))
            except Exception:
                pass
            return


def main(tool, url, count, most):
    profiles = [profile for profile, _, _ in globals()[tool](url)]
    chosen = set(profiles[::-(-len(profiles) // most)] if most else profiles)
    for profile, make, ask in globals()[tool](url):
        if profile not in chosen:
            continue
        errors = []
        began = time.time()
        session = None
        for number in range(count):
            try:
                # The last two come from one session, over a connection each: there a ticket may be used.
                if number < count - 1 or session is None:
                    session = make()
                ask(session)
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}"[:160])
            if number < count - 2:
                close(session)
        close(session)
        time.sleep(0.05)
        print(json.dumps({"profile": profile, "began": began, "ended": time.time(), "errors": errors[:1]}), flush=True)


# Its names are nowhere to be asked for; these are taken by 2.0.1.
PRIMP = ("chrome_144", "chrome_145", "chrome_146", "chrome_150", "safari_26", "edge_144", "firefox_140", "firefox_147")

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
