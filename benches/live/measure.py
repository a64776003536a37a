#!/usr/bin/env python3
"""How many packets a second a sensor takes without loss, beside others on the same replay; and whether it keeps that up.

usage: measure.py [--tlsight PROGRAM] [--capture FILE] [--rates PPS,PPS,...,top] [--seconds N] [--only NAME,...]
       measure.py --soak 30m [--way ring|pcap] [--rate PPS]

As root, on Linux, with tcpreplay, tcpdump, tshark and iproute2. In network namespaces of its own a veth pair is made; the capture
(by default `target/bench-data/handshakes-x1-*.pcap`, which `make bench` generates) is preloaded by tcpreplay and sent again and
again, each time between other addresses, at each
rate for so many seconds, to one listener after the other:

    ring      tlsight live --capture ring, a ring for each of --threads
    pcap      tlsight live --capture pcap
    tcpdump   tcpdump -w /dev/null
    dumpcap   dumpcap, which tshark -w is, to /dev/null
    tshark    tshark -T fields, with the names and ciphers of hellos

A table in Markdown comes out: the rate that was offered, what of it came, what the listener says that the kernel dropped, its CPU
time by the wall clock's, the largest it was in memory. Loss is told by each listener of itself; tlsight's is compared with what
was sent: a packet is taken, dropped by the kernel, or left out under overload, and each is counted. Sender and listener share the
machine: with few processors the sender's share limits the rate, and `sent` says what became of it.

A soak sends at one rate (by default the highest of a short search at which nothing was lost) and looks every 10 s at memory and at
the packets that were taken. It fails where memory rises: the last quarter's median is more than 5 % and 8 MiB above the second
quarter's; where the rate falls by more than 5 % likewise, below what was sent; or where the kernel dropped a packet.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NEAR, FAR = "bench-near", "bench-far"
BUFFER_MIB = 64
METRICS = 19464
SAMPLE_SECONDS = 10


def main():
    options = arguments()
    if os.environ.get("TLSIGHT_BENCH_NAMESPACE") != str(os.getppid()):
        isolate()
    network()
    options.capture = options.capture or generated()
    if options.soak:
        sys.exit(soak(options))
    curve(options)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tlsight", type=pathlib.Path, default=ROOT / "target/release/tlsight")
    parser.add_argument("--capture", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rates", default="50000,100000,200000,300000,400000,600000,top")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", default=",".join(LISTENERS))
    parser.add_argument("--soak", type=seconds)
    parser.add_argument("--way", choices=["ring", "pcap"], default="ring")
    parser.add_argument("--rate", type=int, help="packets a second of the soak")
    options = parser.parse_args()
    unknown = [name for name in options.only.split(",") if name not in LISTENERS]
    if unknown:
        parser.error(f"{unknown[0]} is no listener: there are {', '.join(LISTENERS)}")
    if not options.tlsight.exists():
        parser.error(f"{options.tlsight} is not there: run `cargo build --release`, or name one with --tlsight")
    for program in ("tcpreplay", "tcpdump", "ip", "unshare"):
        if not shutil.which(program):
            parser.error(f"there is no {program} (Debian: tcpreplay, tcpdump, iproute2, util-linux)")
    return options


def seconds(text):
    found = re.fullmatch(r"(\d+)(s|m|h)?", text)
    if not found:
        raise argparse.ArgumentTypeError("write a time such as 90s, 30m or 2h")
    return int(found[1]) * {"s": 1, None: 1, "m": 60, "h": 3600}[found[2]]


def isolate():
    """Runs this program again, in a network of its own."""
    if os.geteuid() != 0:
        sys.exit("measure: run it as root: it makes a network of its own")
    environment = {**os.environ, "TLSIGHT_BENCH_NAMESPACE": str(os.getpid())}
    sys.exit(subprocess.run(["unshare", "--net", sys.executable, *sys.argv], env=environment).returncode)


def network():
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "name", FAR, "type", "veth", "peer", "name", NEAR)
    for end in (FAR, NEAR):
        run("ip", "link", "set", "dev", end, "mtu", "9000", "addrgenmode", "none")
        run("ip", "link", "set", "dev", end, "up")


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def generated():
    found = sorted((ROOT / "target/bench-data").glob("handshakes-x1-*.pcap"))
    if not found:
        sys.exit("measure: there is no capture to send: run `make bench`, or name one with --capture")
    return found[0]


class Sender:
    """tcpreplay, with the whole capture in memory before the first packet leaves."""

    def __init__(self, options, rate, duration):
        pace = ["--topspeed"] if rate is None else ["--pps", str(rate)]
        # It stops by the clock: `--duration` counts from the first packet.
        self.child = subprocess.Popen(
            ["tcpreplay", "--intf1", FAR, "--preload-pcap", "--unique-ip", "--loop", "0", "--duration", str(int(max(duration, 1))), *pace,
             str(options.capture)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def ended(self):
        """Packets, and for how many seconds they were sent."""
        text = self.child.communicate()[0]
        actual = re.search(r"Actual: (\d+) packets \(\d+ bytes\) sent in ([\d.]+) seconds", text)
        if not actual:
            sys.exit(f"measure: tcpreplay says: {text.strip()}")
        failed = re.search(r"Failed packets:\s+(\d+)", text)
        return int(actual[1]) - int(failed[1] if failed else 0), float(actual[2])


class Listener:
    """A program that listens, and what it says of its losses when it ends."""

    name = ""

    def __init__(self, options):
        self.messages = tempfile.TemporaryFile("w+")
        self.child = subprocess.Popen(self.command(options), stdout=subprocess.DEVNULL, stderr=self.messages)
        deadline = time.monotonic() + 20
        while not self.listens():
            if self.child.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"measure: {self.name} does not listen: {self.said()}")
            time.sleep(0.05)

    def said(self):
        self.messages.seek(0)
        return self.messages.read()

    def listens(self):
        return re.search(r"listening on|Capturing on|File: ", self.said()) is not None

    def stop(self):
        """CPU seconds, the largest resident set in MiB."""
        time.sleep(0.5)
        used = cpu_seconds(self.child.pid)
        peak = memory(self.child.pid, "VmHWM")
        self.child.send_signal(signal.SIGINT)
        try:
            self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        return used, peak

    def lost(self):
        """Packets that the kernel dropped, by the listener's own account."""
        found = re.search(r"(\d+) packets? dropped by kernel|/(\d+) \(|(\d+) packets? dropped from", self.said())
        return int(next(group for group in found.groups() if group)) if found else 0


class Tlsight(Listener):
    def command(self, options):
        return [str(options.tlsight), "live", "-v", "-i", NEAR, "--capture", self.name, "--json", "--threads", str(options.threads),
                "--buffer-bytes", str(BUFFER_MIB << 20), "--metrics", str(METRICS)]

    def listens(self):
        return "listening to" in self.said()

    def lost(self):
        found = re.search(r"; ([\d,]+) packets? dropped by the kernel", self.said())
        return int(found[1].replace(",", "")) if found else 0

    def taken(self):
        """Packets that it took and that it left out."""
        total = re.search(r"tlsight: \S+: ([\d,]+) packets?", self.said())
        shed = re.search(r"([\d,]+) left out under overload", self.said())
        return sum(int(found[1].replace(",", "")) for found in (total, shed) if found)


class Ring(Tlsight):
    name = "ring"


class Pcap(Tlsight):
    name = "pcap"


class Tcpdump(Listener):
    name = "tcpdump"

    def command(self, options):
        return ["tcpdump", "-i", NEAR, "-s", "262144", "-B", str(BUFFER_MIB << 10), "-Z", "root", "-w", "/dev/null"]


class Dumpcap(Listener):
    name = "dumpcap"

    def command(self, options):
        return ["dumpcap", "-q", "-i", NEAR, "-B", str(BUFFER_MIB), "-w", "/dev/null"]

    def lost(self):
        found = re.search(r"received/dropped on interface '[^']*': \d+/(\d+)", self.said())
        return int(found[1]) if found else 0


class Tshark(Listener):
    name = "tshark"

    def command(self, options):
        return ["tshark", "-l", "-i", NEAR, "-B", str(BUFFER_MIB), "-Y", "tls.handshake.type == 1", "-T", "fields", "-e", "ip.src",
                "-e", "tls.handshake.extensions_server_name", "-e", "tls.handshake.ciphersuite"]

    def stop(self):
        # It reads on for as long as its dumpcap's file has packets: what is counted is what it had read by then.
        return super().stop()


LISTENERS = {kind.name: kind for kind in (Ring, Pcap, Tcpdump, Dumpcap, Tshark)}


def cpu_seconds(pid):
    """Of a process and its children, those that have ended among them."""
    ticks = 0
    for process in [pid, *children(pid)]:
        try:
            fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def memory(pid, field):
    """MiB, with the children's."""
    total = 0
    for process in [pid, *children(pid)]:
        try:
            found = re.search(rf"{field}:\s+(\d+) kB", pathlib.Path(f"/proc/{process}/status").read_text())
        except OSError:
            continue
        total += int(found[1]) if found else 0
    return total / 1024


def measure(options, name, rate):
    listener = LISTENERS[name](options)
    before, begun = cpu_seconds(listener.child.pid), time.monotonic()
    sent, took = Sender(options, rate, options.seconds).ended()
    used, peak = listener.stop()
    lost = listener.lost()
    if isinstance(listener, Tlsight):
        accounted = listener.taken() + lost
        if accounted != sent:
            print(f"measure: {name} accounts for {accounted} packets, {sent} were sent", file=sys.stderr)
    return {"listener": name, "offered": rate, "sent": sent / took, "lost": lost / sent, "packets_lost": lost,
            "cpu": (used - before) / took, "peak": peak, "wall": time.monotonic() - begun}


def curve(options):
    rates = [None if rate == "top" else int(rate) for rate in options.rates.split(",")]
    names = [name for name in options.only.split(",") if name in ("ring", "pcap") or shutil.which(name)]
    print(f"{options.capture.name}, {options.seconds:g} s for each point, buffers of {BUFFER_MIB} MiB, {os.cpu_count()} processors "
          f"that the sender shares\n")
    print("| offered, pkt/s | listener | sent, pkt/s | dropped by the kernel | CPU, cores | memory, MiB |")
    print("|---|---|---|---|---|---|")
    for rate in rates:
        for name in names:
            point = measure(options, name, rate)
            offered = "as fast as it goes" if rate is None else f"{rate:,}"
            print(f"| {offered} | {name} | {point['sent']:,.0f} | {point['lost']:.2%} | {point['cpu']:.2f} | {point['peak']:,.0f} |",
                  flush=True)


def soak(options):
    rate = options.rate or highest(options)
    print(f"soak: {options.capture.name} at {rate:,} packets a second for {options.soak} s, by {options.way}", flush=True)
    listener = LISTENERS[options.way](options)
    sender = Sender(options, rate, options.soak)
    samples, before = [], None
    print("seconds  packets/s  dropped  left out  sessions  events not told  memory, MiB", flush=True)
    begun = time.monotonic()
    while True:
        time.sleep(SAMPLE_SECONDS)
        if sender.child.poll() is not None or listener.child.poll() is not None:
            break
        now = figures()
        now["at"], now["memory"] = time.monotonic() - begun, memory(listener.child.pid, "VmRSS")
        if before is not None:
            now["rate"] = (now["packets"] + now["shed"] - before["packets"] - before["shed"]) / (now["at"] - before["at"])
            samples.append(now)
            print(f"{now['at']:7.0f}  {now['rate']:9,.0f}  {now['dropped']:7,.0f}  {now['shed']:8,.0f}  {now['sessions']:8,.0f}"
                  f"  {now['untold']:15,.0f}  {now['memory']:11.1f}", flush=True)
        before = now
    sent, took = sender.ended()
    used, peak = listener.stop()
    lost, taken = listener.lost(), listener.taken()
    print(f"sent {sent:,} in {took:.0f} s ({sent / took:,.0f} a second); taken {taken:,}, dropped by the kernel {lost:,}; "
          f"{used / took:.2f} cores, at most {peak:.0f} MiB")
    faults = judged(samples)
    if lost:
        faults.append(f"the kernel dropped {lost:,} packets")
    if taken + lost != sent:
        faults.append(f"{sent - taken - lost:,} packets are not accounted for")
    for fault in faults:
        print(f"soak: {fault}")
    print("soak: " + ("failed" if faults else "passed"))
    return 1 if faults else 0


def judged(samples):
    """What got worse while it lasted. The first quarter is for filling tables."""
    if len(samples) < 8:
        return ["too short to be judged: 8 samples are needed"]
    quarter = len(samples) // 4
    middle = lambda name, part: statistics.median(sample[name] for sample in part)
    early, late = samples[quarter:2 * quarter], samples[-quarter:]
    faults = []
    grown = middle("memory", late) - middle("memory", early)
    if grown > 8 and grown > 0.05 * middle("memory", early):
        faults.append(f"memory rose by {grown:.0f} MiB, to {middle('memory', late):.0f} MiB")
    if middle("rate", late) < 0.95 * middle("rate", early):
        faults.append(f"the rate fell from {middle('rate', early):,.0f} to {middle('rate', late):,.0f} packets a second")
    return faults


def highest(options):
    """The highest rate at which nothing is lost in some seconds, with a tenth taken off; found by halving."""
    low, high = 0, None
    rate = 50_000
    options.seconds = min(options.seconds, 10)
    while True:
        point = measure(options, options.way, rate)
        holds = point["packets_lost"] == 0 and point["sent"] >= 0.95 * rate
        print(f"soak: {rate:,} a second: {'nothing is lost' if holds else 'too much'}", flush=True)
        low, high = (rate, high) if holds else (low, rate)
        if high is not None and high - low <= max(high // 10, 2_000):
            break
        rate = rate * 2 if high is None else (low + high) // 2
    if low == 0:
        sys.exit("soak: packets are lost at any rate")
    return low * 9 // 10


def figures():
    """What the sensor's metrics say."""
    with urllib.request.urlopen(f"http://127.0.0.1:{METRICS}/metrics", timeout=10) as answer:
        text = answer.read().decode()

    def value(series):
        found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    dropped = lambda reason: value(f'tlsight_packets_dropped_total{{interface="{NEAR}",reason="{reason}"}}')
    return {"packets": value(f'tlsight_interface_packets_total{{interface="{NEAR}"}}'), "dropped": dropped("kernel"),
            "shed": dropped("shed"), "sessions": value("tlsight_sessions_total"),
            "untold": value('tlsight_events_dropped_total{reason="queue_full"}')}


if __name__ == "__main__":
    main()
