"""WebRTC on one port: STUN, DTLS and what DTLS made keys for (RFC 7983)."""
from lab import PROGRAMS, PYTHON, Note, ip, python_package, version
from scenarios import scenario

PAGE = f"file://{PROGRAMS}/webrtc_pair.html"
HERE = "192.0.2.1"


def webrtc(name, run, what, **known):
    @scenario(name)
    def make(lab, name):
        # ICE passes over the loopback interface, so there is another one; its packets take the loopback all the same.
        ip("link add peers type veth peer name away")
        ip(f"addr add {HERE}/24 dev peers")
        ip("link set peers up")
        ip("link set away up")
        ip("route add default dev peers")
        note = Note(f"WebRTC data channel between two peers of {what}: STUN and DTLS on the same ports", "", "", known)
        try:
            with lab.capture(f"{name}.pcap", note, filter=f"udp and src host {HERE} and dst host {HERE}"):
                note.client = note.server = run(lab)
        finally:
            ip("link del peers")


def aiortc(lab):
    lab.run([PYTHON, PROGRAMS / "webrtc_pair.py"])
    return f"{python_package('aiortc')} ({python_package('pyOpenSSL')})"


def chromium(lab):
    lab.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--disable-extensions",
             "--disable-default-apps", "--disable-dev-shm-usage", "--no-pings",
             "--disable-features=WebRtcHideLocalIpsWithMdns", "--host-resolver-rules=MAP * ~NOTFOUND",
             f"--user-data-dir={lab.dir}/chromium", PAGE], timeout=8, env={"HOME": str(lab.dir)})
    return f"Chromium {version('chromium', '--version')} headless"


webrtc("webrtc_aiortc", aiortc, "aiortc", version="0xfefd")
webrtc("webrtc_chromium", chromium, "Chromium", version="0xfefc")
