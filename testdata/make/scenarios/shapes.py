"""How packets arrive: segment sizes, lost ends, link layers, file formats. The TLS inside is ordinary.

Captures whose name starts with `reframed_` are real captures put into another link layer, tunnel or order by
reframe.py, because loopback cannot show them; the others are as tcpdump wrote them.
"""
import contextlib
import shutil
import subprocess
import threading
import time

import reframe
import servers
from lab import PROGRAMS, PYTHON, Note, Skip, ip, openssl, python_ssl
from scenarios import scenario
from scenarios.clients import curl


def shaper(lab, shape, port=443):
    lab.run([PYTHON, PROGRAMS / "hello_shaper.py", shape, port, "site.test", lab.pki.root.pem])
    return python_ssl()


def shaped_hello(name, shape, what, long_chain=False, server_option="-tls1_2"):
    def make(lab, name):
        issuer = lab.pki.intermediate() if long_chain else None
        leaf = lab.pki.leaf(issuer=issuer)
        started = servers.s_server(lab, leaf, *server_option.split())
        note = Note(what, "", started, {"sni": "site.test", "version": "0x0303" if server_option else "0x0304"})
        if server_option:
            note.known["certs"] = [leaf.known()] + ([issuer.known()] if issuer else [])
        with lab.capture(f"{name}.pcap", note):
            note.client = shaper(lab, shape)
    scenario(name)(make)


shaped_hello("hello_in_small_records", "records:40", "the hello is cut into TLS records of 40 bytes")
shaped_hello("hello_in_tiny_records", "records:3", "the hello is cut into TLS records of 3 bytes, less than its header")
shaped_hello("hello_in_small_segments", "segments:50", "each 50 bytes of the hello are a TCP segment")
shaped_hello("hello_in_tiny_segments", "segments:7", "each 7 bytes of the hello are a TCP segment")
shaped_hello("small_mss", "mss:128", "maximum segment size 128: the chain spans many segments", long_chain=True)
shaped_hello("small_mss_tls13", "mss:128", "maximum segment size 128, TLS 1.3", long_chain=True, server_option="")


def with_mtu(name, mtu, what, v6=False):
    def make(lab, name):
        lower = lab.pki.intermediate()
        leaf = lab.pki.leaf(issuer=lower)
        started = servers.nginx(lab, leaf, protocols="TLSv1.2")
        ip(f"link set lo mtu {mtu}")
        note = Note(what, "", started, {"sni": "six.site.test" if v6 else "www.site.test", "version": "0x0303",
                                        "certs": [leaf.known(), lower.known()]})
        try:
            with lab.capture(f"{name}.pcap", note):
                note.client = curl(lab, url="https://six.site.test/") if v6 else curl(lab)
        finally:
            ip("link set lo mtu 65536")
            subprocess.run(["ip", "addr", "add", "::1/128", "dev", "lo"], check=False, capture_output=True)
    scenario(name)(make)


with_mtu("mtu_300", 300, "loopback with MTU 300: both flights are split")
with_mtu("mtu_1500_ipv6", 1500, "IPv6 with MTU 1500", v6=True)


@scenario("ipv6_tls13")
def _(lab, name):
    started = servers.nginx(lab, lab.pki.leaf())
    note = Note("IPv6 loopback", "", started, {"sni": "six.site.test", "version": "0x0304"})
    with lab.capture(f"{name}.pcap", note):
        note.client = curl(lab, url="https://six.site.test/")


@scenario("ipv6_address_as_name")
def _(lab, name):
    leaf = lab.pki.leaf()
    started = servers.nginx(lab, leaf, protocols="TLSv1.2")
    note = Note("the URL holds an address, so there is no server name", "", started,
                {"sni": None, "version": "0x0303", "certs": [leaf.known()]})
    with lab.capture(f"{name}.pcap", note):
        note.client = curl(lab, url="https://[::1]/")


@scenario("long_download")
def _(lab, name):
    started = servers.nginx(lab, lab.pki.leaf())
    note = Note("200 KB of application data follow the handshake", "", started,
                {"sni": "www.site.test", "version": "0x0304"})
    with lab.capture(f"{name}.pcap", note):
        note.client = curl(lab, url="https://www.site.test/long")


@scenario("many_connections")
def _(lab, name):
    leaf = lab.pki.leaf()
    started = servers.nginx(lab, leaf, protocols="TLSv1.2", tickets="off")
    note = Note("twelve connections at the same time, packets interleaved", "", started,
                {"sni": "www.site.test", "version": "0x0303", "connections": 12})
    with lab.capture(f"{name}.pcap", note):
        threads = [threading.Thread(target=lambda: setattr(note, "client", curl(lab))) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@scenario("same_ports_twice")
def _(lab, name):
    leaf = lab.pki.leaf()
    started = servers.nginx(lab, leaf, protocols="TLSv1.2")
    note = Note("two connections one after the other with the same addresses and ports", "", started,
                {"sni": "site.test", "version": "0x0303", "connections": 2})
    lab.run(["sysctl", "-q", "-w", "net.ipv4.tcp_tw_reuse=1"])
    with lab.capture(f"{name}.pcap", note):
        note.client = shaper(lab, "from:45001")
        time.sleep(1.3)
        shaper(lab, "from:45001")


# name: (file ending, tcpdump options, filter, what)
RECORDINGS = {
    "snaplen_200": ("pcap", ["-s", "200"], "tcp port 443", "recorded with 200 bytes of each packet"),
    "snaplen_68": ("pcap", ["-s", "68"], "tcp port 443", "recorded with 68 bytes of each packet: headers only"),
    "client_side_only": ("pcap", [], "tcp dst port 443", "only the client's packets were recorded"),
    "server_side_only": ("pcap", [], "tcp src port 443", "only the server's packets were recorded"),
    "syn_missing": ("pcap", [], "tcp port 443 and tcp[tcpflags] & tcp-syn == 0", "the SYN packets were not recorded"),
    "acks_missing": ("pcap", [], "tcp port 443 and greater 80", "packets without data were not recorded"),
    "nanoseconds": ("pcap", ["--time-stamp-precision=nano"], "tcp port 443", "time stamps in nanoseconds"),
    "linux_cooked_v2": ("pcap", ["-y", "LINUX_SLL2"], "tcp port 443", "recorded on `any`: link type SLL2"),
    "linux_cooked_v1": ("pcap", ["-y", "LINUX_SLL"], "tcp port 443", "recorded on `any`: link type SLL"),
}

# What such a recording cannot show.
UNSEEN = {"client_side_only": ("version", "certs"), "snaplen_200": ("certs",), "snaplen_68": ("sni", "version", "certs"),
          "server_side_only": ("sni",)}


def recording(name, ending, options, filter_, what):
    def make(lab, name):
        leaf = lab.pki.leaf()
        started = servers.nginx(lab, leaf, protocols="TLSv1.2")
        note = Note(what, "", started, {"sni": "www.site.test", "version": "0x0303", "certs": [leaf.known()]})
        for fact in UNSEEN.get(name, ()):
            note.known.pop(fact, None)
        if name == "snaplen_68":
            note.known["no_hello"] = True
        with lab.capture(f"{name}.{ending}", note, filter=filter_, args=options,
                         interface="any" if name.startswith("linux_cooked") else "lo"):
            note.client = curl(lab)
    scenario(name)(make)


for name_, row in RECORDINGS.items():
    recording(name_, *row)


@scenario("recording_starts_after_handshake")
def _(lab, name):
    started = servers.s_server(lab, lab.pki.leaf(), "-tls1_2")
    note = Note("recording starts when the handshake is over: application data only", python_ssl(), started,
                {"midstream": True})
    go = lab.dir / "go"
    client = threading.Thread(target=shaper, args=(lab, f"wait:{go}"))
    client.start()
    time.sleep(1.5)
    with lab.capture(f"{name}.pcap", note):
        go.touch()
        client.join()


def base_capture(lab, name, protocols="TLSv1.2", v6=False):
    """An ordinary curl capture for the scenarios that store it another way; returns its path and note."""
    leaf = lab.pki.leaf()
    started = servers.nginx(lab, leaf, protocols=protocols)
    host = "six.site.test" if v6 else "www.site.test"
    note = Note("", "", started, {"sni": host, "version": "0x0303", "certs": [leaf.known()]})
    with lab.capture("base.pcap", note) as path:
        note.client = curl(lab, url=f"https://{host}/")
    lab.notes.clear()
    (lab.out / "base.pcap").unlink()
    return path, note


def stored(name, ending, command, what):
    """The base capture written by a Wireshark tool in another form."""
    def make(lab, name):
        if shutil.which(command[0]) is None:
            raise Skip(f"{command[0]} is not installed")
        path, note = base_capture(lab, name)
        target = lab.dir / f"{name}.{ending}"
        lab.run([{"IN": str(path), "OUT": str(target)}.get(part, part) for part in command])
        note.what = what
        if name == "first_packets_cut":
            note.known = {"version": "0x0303", "certs": note.known["certs"]}
        lab.keep(target, target.name, note)
    scenario(name)(make)


stored("pcapng_editcap", "pcapng", ["editcap", "-F", "pcapng", "IN", "OUT"], "pcapng written by editcap")
stored("pcapng_comments", "pcapng", ["editcap", "-F", "pcapng", "-a", "1:first", "-a", "4:hello", "IN", "OUT"],
       "pcapng with comments on packets")
stored("pcap_nanoseconds_editcap", "pcap", ["editcap", "-F", "nsecpcap", "IN", "OUT"], "nanosecond pcap by editcap")
stored("first_packets_cut", "pcap", ["editcap", "-F", "pcap", "IN", "OUT", "1-5"],
       "the first five packets (SYN to ClientHello) are cut off: the server's flight is first")
stored("hello_packet_missing", "pcap", ["editcap", "-F", "pcap", "IN", "OUT", "4"],
       "the packet with the ClientHello is missing: a gap")
stored("duplicate_packets", "pcap", ["mergecap", "-F", "pcap", "-w", "OUT", "IN", "IN"], "each packet is there twice")
stored("raw_ip", "pcap", ["editcap", "-F", "pcap", "-C", "14", "-T", "rawip", "IN", "OUT"], "link type raw IP")


@scenario("pcapng_dumpcap")
def _(lab, name):
    if shutil.which("dumpcap") is None:
        raise Skip("dumpcap is not installed")
    started = servers.nginx(lab, lab.pki.leaf())
    note = Note("pcapng as dumpcap writes it live", "", started, {"sni": "www.site.test", "version": "0x0304"})
    target = lab.dir / f"{name}.pcapng"
    target.touch(mode=0o666)
    lab.dir.chmod(0o777)
    recorder = lab.start(["dumpcap", "-q", "-i", "lo", "-f", "tcp port 443", "-w", target])
    time.sleep(2)
    note.client = curl(lab)
    time.sleep(1)
    recorder.send_signal(2)
    recorder.wait(5)
    lab.keep(target, target.name, note)


REFRAMED = {
    "vlan": (reframe.vlan, "802.1Q tag 5"),
    "qinq": (reframe.qinq, "802.1ad tag 6 around 802.1Q tag 5"),
    "pppoe": (reframe.pppoe, "PPPoE session"),
    "mpls": (reframe.mpls, "two MPLS labels"),
    "gre": (reframe.gre, "GRE tunnel over IPv4"),
    "ipip": (reframe.ipip, "IPv4 in IPv4"),
    "ipv4_in_ipv6": (reframe.ipv4_in_ipv6, "IPv4 in IPv6"),
    "geneve": (reframe.geneve, "Geneve tunnel"),
    "ip_fragments": (reframe.fragments, "each packet in IPv4 fragments of 256 bytes"),
    "ip_fragments_reversed": (reframe.fragments_reversed, "IPv4 fragments, the last one first"),
    "out_of_order": (reframe.out_of_order, "neighbouring data packets changed places"),
    "retransmitted": (reframe.retransmitted, "data packets sent again, cut in another place"),
}


def reframed(name, change, what):
    def make(lab, name):
        path, note = base_capture(lab, name)
        target = lab.dir / f"{name}.pcap"
        reframe.rewrite(path, target, change)
        note.what = f"{what}; put around a real capture by reframe.py"
        lab.keep(target, target.name, note)
    scenario(f"reframed_{name}")(make)


for name_, row in REFRAMED.items():
    reframed(name_, *row)


@contextlib.contextmanager
def far_host():
    """A second network namespace `far` (192.0.2.2) joined to this one (192.0.2.1) by a virtual Ethernet cable."""
    subprocess.run(["mkdir", "-p", "/run/netns"], check=False)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run/netns"], check=False, capture_output=True)
    run_ip("netns add far", "link add near type veth peer name away", "link set away netns far",
           "addr add 192.0.2.1/24 dev near", "link set near up", "netns exec far ip link set lo up",
           "netns exec far ip addr add 192.0.2.2/24 dev away", "netns exec far ip link set away up")
    try:
        yield
    finally:
        run_ip("link del near", "netns del far")


def run_ip(*commands):
    for command in commands:
        try:
            ip(command)
        except subprocess.CalledProcessError as err:
            raise Skip(f"the kernel refuses `ip {command}`") from err


def from_far(lab, address):
    lab.run(["ip", "netns", "exec", "far", "openssl", "s_client", "-connect", f"{address}:443", "-servername", "site.test",
             "-CAfile", lab.pki.root.pem, "-ign_eof"], b"GET / HTTP/1.0\r\n\r\n", timeout=6)
    return f"openssl s_client, {openssl()}"


@scenario("veth_ethernet")
def _(lab, name):
    leaf = lab.pki.leaf()
    started = servers.s_server(lab, leaf, "-tls1_2")
    note = Note("Ethernet between two network namespaces: other MAC and IP addresses than loopback's", "", started,
                {"sni": "site.test", "version": "0x0303", "certs": [leaf.known()]})
    with far_host(), lab.capture(f"{name}.pcap", note, interface="near"):
        note.client = from_far(lab, "192.0.2.1")
