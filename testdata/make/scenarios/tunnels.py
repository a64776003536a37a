"""TLS inside tunnels: Linux' own, those of Open vSwitch's userspace, and forms that enclose.py puts around a capture.

The tunnels lie between two network namespaces; what is recorded is the cable between them. Open vSwitch runs with its
userspace datapath, which needs no kernel module.
"""
import contextlib
import os
import subprocess
import time
import threading

import enclose
import reframe
import servers
from lab import Note, Skip, version
from scenarios import scenario
from scenarios.shapes import base_capture, far_host, from_far, run_ip

FAR = "netns exec far ip"


@scenario("vxlan")
def _(lab, name):
    started = servers.s_server(lab, lab.pki.leaf(), "-tls1_3")
    note = Note("a real VXLAN tunnel between two network namespaces", "", started,
                {"sni": "site.test", "version": "0x0304"})
    with far_host():
        run_ip("link add vx type vxlan id 7 local 192.0.2.1 remote 192.0.2.2 dstport 4789 dev near",
               "addr add 198.51.100.1/24 dev vx", "link set vx up",
               "netns exec far ip link add vx type vxlan id 7 local 192.0.2.2 remote 192.0.2.1 dstport 4789 dev away",
               "netns exec far ip addr add 198.51.100.2/24 dev vx", "netns exec far ip link set vx up")
        with lab.capture(f"{name}.pcap", note, filter="udp port 4789", interface="near"):
            note.client = from_far(lab, "198.51.100.1")
        run_ip("link del vx")


@scenario("vxlan_inside_and_outside")
def _(lab, name):
    started = servers.s_server(lab, lab.pki.leaf(), "-tls1_3")
    note = Note("recorded on all interfaces: the same session on the cable in VXLAN and on the tunnel's own interface", "",
                started, {"sni": "site.test", "version": "0x0304"})
    with far_host():
        run_ip("link add vx type vxlan id 7 local 192.0.2.1 remote 192.0.2.2 dstport 4789 dev near",
               "addr add 198.51.100.1/24 dev vx", "link set vx up",
               f"{FAR} link add vx type vxlan id 7 local 192.0.2.2 remote 192.0.2.1 dstport 4789 dev away",
               f"{FAR} addr add 198.51.100.2/24 dev vx", f"{FAR} link set vx up")
        with lab.capture(f"{name}.pcap", note, filter="udp port 4789 or tcp port 443", interface="any"):
            note.client = from_far(lab, "198.51.100.1")
        run_ip("link del vx")


@scenario("vxlan_gpe")
def _(lab, name):
    started = servers.s_server(lab, lab.pki.leaf(), "-tls1_3")
    note = Note("a real VXLAN-GPE tunnel with IP in it, its longest packets in fragments", "", started,
                {"sni": "site.test", "version": "0x0304"})
    with far_host():
        for prefix, own, other in (("", 1, 2), (f"{FAR} ", 2, 1)):
            run_ip(f"{prefix}link add vx type vxlan dstport 4790 external gpe nolearning",
                   f"{prefix}addr add 198.51.100.{own}/32 dev vx", f"{prefix}link set vx up",
                   f"{prefix}route add 198.51.100.{other}/32 encap ip id 8 dst 192.0.2.{other} dev vx")
        fragments = "ip[6:2] & 0x1fff != 0"
        with lab.capture(f"{name}.pcap", note, filter=f"udp port 4790 or {fragments}", interface="near"):
            note.client = from_far(lab, "198.51.100.1")
        run_ip("link del vx")


@scenario("nflog")
def _(lab, name):
    started = servers.s_server(lab, lab.pki.leaf(), "-tls1_3")
    note = Note("recorded by netfilter's log: link type NFLOG", "", started, {"sni": "site.test", "version": "0x0304"})
    chains = "".join(f"chain {hook} {{\ntype filter hook {hook} priority 0\ntcp {end} 443 log group 5\n}}\n"
                     for hook, end in (("input", "dport"), ("output", "sport")))
    with far_host():
        try:
            subprocess.run(["nft", "-f", "-"], input=f"table inet tlslog {{\n{chains}}}\n".encode(), check=True)
        except (subprocess.CalledProcessError, FileNotFoundError) as err:
            raise Skip("netfilter's log is not to be had") from err
        with lab.capture(f"{name}.pcap", note, filter="", interface="nflog:5"):
            note.client = from_far(lab, "192.0.2.1")
        subprocess.run(["nft", "delete", "table", "inet", "tlslog"], check=False)


@contextlib.contextmanager
def switches(lab, kind, **options):
    """A tunnel of Open vSwitch between the namespaces, with 198.51.100.1 and 198.51.100.2 in it."""
    with far_host():
        run_ip("addr del 192.0.2.1/24 dev near", f"{FAR} addr del 192.0.2.2/24 dev away")
        six = kind.startswith("ip6")
        underlay = "2001:db8::{}" if six else "192.0.2.{}"
        ends = [Switch(lab, [], 1, "near"), Switch(lab, ["ip", "netns", "exec", "far"], 2, "away")]
        for end in ends:
            end.tunnel(kind, underlay, options)
        # The first packets are lost until each knows the other's address.
        lab.run(["ip", "netns", "exec", "far", "ping", "-c", "6", "-i", "0.3", "198.51.100.1"], timeout=10)
        try:
            yield f"Open vSwitch {version('ovs-vswitchd')}"
        finally:
            for end in ends:
                end.configure("del-br", "inner", "--", "del-br", "phy")


class Switch:
    """One end: a bridge on the cable and one for what is in the tunnel."""

    def __init__(self, lab, within, number, cable):
        self.lab, self.within, self.number = lab, within, number
        self.place = lab.dir / f"switch{number}"
        self.place.mkdir()
        self.env = {name: str(self.place) for name in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR")}
        if not os.path.exists("/usr/sbin/ovs-vswitchd"):
            raise Skip("Open vSwitch is not installed")
        self.run("ovsdb-tool", "create", self.place / "conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        database = f"unix:{self.place}/db.sock"
        lab.start([*within, "ovsdb-server", self.place / "conf.db", f"--remote=p{database}"], env=self.env)
        deadline = time.monotonic() + 10
        while not (self.place / "db.sock").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.run("ovs-vsctl", f"--db={database}", "--timeout=10", "--no-wait", "init")
        lab.start([*within, "ovs-vswitchd", database], env=self.env)
        self.database = database
        self.configure("add-br", "phy", "--", "set", "bridge", "phy", "datapath_type=netdev", "--", "add-port", "phy", cable)
        self.configure("add-br", "inner", "--", "set", "bridge", "inner", "datapath_type=netdev",
                       f"other-config:hwaddr=02:00:00:00:01:0{number}", "--", "set", "interface", "inner",
                       "mtu_request=1300")
        self.ip(f"addr add 192.0.2.{number}/24 dev phy", f"addr add 2001:db8::{number}/64 dev phy nodad", "link set phy up",
                f"addr add 198.51.100.{number}/24 dev inner", "link set inner up")

    def tunnel(self, kind, underlay, options):
        other = 3 - self.number
        settings = [f"options:{key}={value}" for key, value in options.items()]
        self.configure("add-port", "inner", "tunnel", "--", "set", "interface", "tunnel", f"type={kind}",
                       f"options:remote_ip={underlay.format(other)}", f"options:local_ip={underlay.format(self.number)}",
                       *settings)

    def configure(self, *words):
        self.run("ovs-vsctl", f"--db={self.database}", "--timeout=10", *words)

    def ip(self, *commands):
        run_ip(*(f"{FAR} {command}" if self.within else command for command in commands))

    def run(self, *argv):
        self.lab.run([*self.within, *argv], env=self.env)


# name: (type, options, filter, what)
SWITCHED = {
    "ovs_gre": ("gre", {"key": 5}, "proto gre", "GRE with a key and Ethernet"),
    "ovs_ip6gre": ("ip6gre", {}, "ip6 proto gre", "GRE over IPv6 with Ethernet"),
    "ovs_erspan_ii": ("erspan", {"erspan_ver": 1, "erspan_idx": 3, "key": 6}, "proto gre", "ERSPAN type II"),
    "ovs_erspan_iii": ("erspan", {"erspan_ver": 2, "erspan_dir": 1, "erspan_hwid": 4, "key": 7}, "proto gre",
                       "ERSPAN type III"),
    "ovs_geneve": ("geneve", {"key": 9}, "udp port 6081", "Geneve"),
    "ovs_vxlan_port": ("vxlan", {"key": 10, "dst_port": 12345}, "udp port 12345", "VXLAN on another port"),
}


def switched(name, kind, options, filter_, what):
    def make(lab, name):
        started = servers.s_server(lab, lab.pki.leaf(), "-tls1_3")
        note = Note("", "", started, {"sni": "site.test", "version": "0x0304"})
        with switches(lab, kind, **options) as switch:
            note.what = f"{what} between two {switch}"
            if "dst_port" in options:
                note.known["tshark"] = ["-d", f"udp.port=={options['dst_port']},vxlan"]
            with lab.capture(f"{name}.pcap", note, filter=filter_, interface="near"):
                note.client = from_far(lab, "198.51.100.1")
    scenario(name)(make)


for name_, row in SWITCHED.items():
    switched(name_, *row)


def enclosed(name, change, link, inner, what):
    def make(lab, name):
        path, note = base_capture(lab, name, v6=inner == 6)
        target = lab.dir / f"{name}.pcap"
        reframe.rewrite(path, target, change, link)
        note.what = f"{what}; put around a real capture by enclose.py"
        if name.removeprefix("enclosed_") in enclose.TOLD:
            note.known["tshark"] = enclose.TOLD[name.removeprefix("enclosed_")]
        lab.keep(target, target.name, note)
    scenario(f"enclosed_{name}")(make)


for name_, row in enclose.ENCLOSED.items():
    enclosed(name_, *row)
