"""Asks for a page with an impersonating client, profile after profile, each connection a new one.

usage: impersonators.py TOOL URL COUNT     Prints a line of JSON for each profile: its name, when it began and ended.
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


def tls_requests(url):
    import tls_requests as library
    for profile in ("chrome_120", "chrome_124", "chrome_131", "chrome_133", "firefox_120", "firefox_133",
                    "safari_16_0", "safari_ios_18_0", "opera_91"):
        yield profile, lambda: library.Client(tls_identifier=profile, verify=False), lambda s: s.get(url, timeout=5)


def noble_tls(url):
    import asyncio
    import noble_tls as library
    loop = asyncio.new_event_loop()
    for profile in library.Client:
        yield (profile.value, lambda: library.Session(client=profile),
               lambda s: loop.run_until_complete(s.get(url, insecure_skip_verify=True, timeout_seconds=5)))


def rust_enumeration(emulations, client):
    for profile in sorted(name for name in dir(emulations) if name[0] != "_" and name[0].isupper()):
        yield profile, client(getattr(emulations, profile))


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


def geektls(url):
    import geektls as library
    for preset in library.list_presets():
        profile = preset if isinstance(preset, str) else preset.get("name", str(preset))
        yield profile, lambda: library.Session(preset=profile, verify=False), lambda s: s.get(url)


def gakido(url):
    from gakido import Client, impersonation
    names = getattr(impersonation, "PROFILES", None) or {"chrome_120": 0, "chrome_131": 0, "firefox_133": 0}
    for profile in names:
        yield profile, lambda: Client(impersonate=profile, verify=False), lambda s: s.get(url)


def nb_curl(url):
    from nb_curl import Session, impersonate
    names = next(value for value in vars(impersonate).values() if isinstance(value, dict) and "chrome131" in value)
    for profile in names:
        yield profile, lambda: Session(impersonate=profile, verify=False), lambda s: s.get(url)


def requests_go(url):
    import requests_go
    from requests_go import tls_config
    for name in [n for n in dir(tls_config) if n.startswith("TLS_")]:
        yield (name, requests_go.Session,
               lambda s: s.get(url, tls_config=getattr(tls_config, name), verify=False, timeout=5))


def hrequests(url):
    import hrequests as library
    for profile in ("chrome/103", "chrome/110", "chrome/120", "chrome/124", "chrome/131", "firefox/102", "firefox/117",
                    "firefox/120", "firefox/133"):
        browser, number = profile.split("/")
        yield (profile, lambda: library.Session(browser=browser, version=int(number), verify=False),
               lambda s: s.get(url, timeout=5))


def close(session):
    for name in ("close", "__exit__"):
        if hasattr(session, name):
            try:
                getattr(session, name)(*((None,) * 3 if name == "__exit__" else ()))
            except Exception:
                pass
            return


def main(tool, url, count):
    for profile, make, ask in globals()[tool](url):
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


PRIMP = ("chrome_100", "chrome_101", "chrome_104", "chrome_105", "chrome_106", "chrome_107", "chrome_108", "chrome_109",
         "chrome_114", "chrome_116", "chrome_117", "chrome_118", "chrome_119", "chrome_120", "chrome_123", "chrome_124",
         "chrome_126", "chrome_127", "chrome_128", "chrome_129", "chrome_130", "chrome_131", "chrome_133", "chrome_136",
         "chrome_140", "chrome_144", "chrome_145", "chrome_146", "chrome_150", "safari_15.3", "safari_15.5", "safari_15.6.1",
         "safari_16", "safari_16.5", "safari_17.0", "safari_17.2.1", "safari_17.4.1", "safari_17.5", "safari_18",
         "safari_18.2", "safari_26", "safari_ios_16.5", "safari_ios_17.2", "safari_ios_17.4.1", "safari_ios_18.1.1",
         "edge_101", "edge_122", "edge_127", "edge_131", "edge_144", "firefox_109", "firefox_117", "firefox_128",
         "firefox_133", "firefox_135", "firefox_140", "firefox_147", "opera_116")

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
