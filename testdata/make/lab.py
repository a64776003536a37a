"""One private network for one scenario: its own network namespace, its processes, its certificates, its captures.

In: scenario functions call `Lab`. Out: a capture file and a note about it. Does not decide what is captured.
Everything runs in a network namespace that holds nothing but its own loopback, so no packet leaves the machine and no
port is taken. The namespace and all that runs in it end with the process.
"""
import contextlib
import dataclasses
import fcntl
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from pki import Pki

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
VENV = pathlib.Path(os.environ.get("CAPTURE_VENV", HERE / ".venv"))
PYTHON = str(VENV / "bin" / "python3")
NAMES = ("site.test www.site.test api.site.test mail.site.test other.test wrong.test expired.site.test "
         "xn--bcher-kva.site.test a-quite-long-host-name-to-make-the-hello-grow.deeply.nested.example.site.test")


class Skip(Exception):
    """The scenario cannot be made here; the text says what is missing."""


@dataclasses.dataclass
class Note:
    """What is known about a capture before any analyzer reads it."""
    what: str
    client: str
    server: str
    known: dict = dataclasses.field(default_factory=dict)


class Lab:
    """The processes and files of one scenario. Use as a context manager; leaving it stops every process it started."""

    def __init__(self, out, verbose=False):
        self.out = pathlib.Path(out)
        self.verbose = verbose

    def __enter__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="capture-"))
        self.pki = Pki(self.dir / "pki")
        self.started = []
        self.notes = {}
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            stop(process)
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, argv, port=None, udp=False, env=None, stdin=subprocess.DEVNULL):
        """Start a server and wait until it listens on `port` (no probe connection is made)."""
        argv = [str(a) for a in argv]
        log = open(self.dir / f"log{len(self.started)}", "w+b")
        process = subprocess.Popen(argv, stdin=stdin, stdout=log, stderr=log, cwd=self.dir, start_new_session=True,
                                   env={**os.environ, **(env or {})})
        self.started.append(process)
        deadline = time.monotonic() + 30
        while port is not None and not listening(port, udp):
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise RuntimeError(f"{argv[0]} does not listen on {port}: {log.read().decode(errors='replace')[-800:]}")
            time.sleep(0.02)
        return process

    def run(self, argv, stdin=b"", timeout=20, env=None):
        """Run a client to its end or to `timeout` seconds; its exit status is for the caller to judge."""
        argv = [str(a) for a in argv]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   cwd=self.dir, start_new_session=True, env={**os.environ, **(env or {})})
        try:
            text, _ = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            stop(process)
            text = b"(stopped after its time limit)"
        if self.verbose:
            print(f"    $ {' '.join(argv)} -> {process.returncode}\n      {text[-1500:].decode(errors='replace')}")
        return text.decode(errors="replace")

    @contextlib.contextmanager
    def capture(self, name, note, filter="tcp port 443", interface="lo", args=()):
        """Record packets into `name` while the block runs, and keep `note` with it."""
        target = self.dir / name
        argv = ["tcpdump", "-Z", "root", "-n", "-i", interface, "--immediate-mode", "-U", "-B", "65536", "-s",
                "66000", "-w", str(target), *args, filter]
        tcpdump = subprocess.Popen(argv, stderr=subprocess.PIPE, start_new_session=True)
        self.started.append(tcpdump)
        for line in tcpdump.stderr:
            if b"listening on" in line:
                break
        else:
            raise RuntimeError(f"tcpdump did not start: {' '.join(argv)}")
        time.sleep(0.1)
        yield target
        time.sleep(0.4)
        tcpdump.send_signal(signal.SIGINT)
        report = tcpdump.communicate(timeout=10)[1].decode(errors="replace")
        if "\n0 packets dropped by kernel" not in report:
            raise RuntimeError(f"{name}: tcpdump lost packets: {report.strip()[-200:]}")
        self.keep(target, name, note)

    def keep(self, path, name, note):
        """Move a finished capture to the output directory with its note."""
        if path.stat().st_size <= 24:
            raise RuntimeError(f"{name}: no packet was captured")
        shutil.copyfile(path, self.out / name)
        self.notes[name] = dataclasses.asdict(note)


def enter_private_network():
    """Continue this very command inside new network, mount and process namespaces."""
    if os.environ.get("CAPTURE_NAMESPACE") == "1":
        prepare_private_network()
        return
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if os.geteuid() != 0:
        raise SystemExit("capture.py: a private network can only be made by root; run it with sudo")
    if not pathlib.Path(PYTHON).exists():
        raise SystemExit(f"capture.py: {PYTHON} is missing; run setup.sh, or set CAPTURE_VENV to where it was installed")
    os.environ["CAPTURE_NAMESPACE"] = "1"
    os.execvp("unshare", [*unshare, sys.executable, *sys.argv])


def prepare_private_network():
    ip("link set lo up")
    ip("link set lo gso_max_segs 1 gso_max_size 1500")
    hosts = pathlib.Path(tempfile.mkstemp(prefix="hosts-")[1])
    hosts.write_text(f"127.0.0.1 localhost {NAMES}\n::1 six.site.test\n")
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    hosts.unlink()


def ip(command):
    subprocess.run(["ip", *command.split()], check=True)


def listening(port, udp):
    wanted = f"{port:04X}"
    for table in ("udp", "udp6") if udp else ("tcp", "tcp6"):
        with open(f"/proc/net/{table}", encoding="ascii") as rows:
            for row in list(rows)[1:]:
                fields = row.split()
                if fields[1].endswith(":" + wanted) and (udp or fields[3] == "0A"):
                    return True
    return False


def stop(process):
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)


@functools.cache
def version(program, *args, pattern=r"\d+(\.\d+)+[0-9a-z]*"):
    """`program` asked for its version; only the number is kept."""
    try:
        done = subprocess.run([program, *(args or ("--version",))], capture_output=True, text=True, timeout=60)
    except FileNotFoundError as err:
        raise Skip(f"{program} is not installed") from err
    found = re.search(pattern, done.stdout + done.stderr)
    return found.group(0) if found else "unknown"


@functools.cache
def openssl():
    return "OpenSSL " + version("openssl", "version")


@functools.cache
def python_package(name):
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True)
    if done.returncode:
        raise Skip(f"Python package {name} is not installed")
    return f"{name} {done.stdout.strip()}"


@functools.cache
def python_ssl():
    done = subprocess.run([PYTHON, "-c", "import ssl, platform; print(platform.python_version(), ssl.OPENSSL_VERSION)"],
                          capture_output=True, text=True, check=True)
    number, library = done.stdout.split(" ", 1)
    return f"Python {number} ssl ({' '.join(library.split()[:2])})"


def load_notes(path):
    """Notes of all captures made so far, by file name."""
    if not path.exists():
        return {}
    return {n["file"]: n for n in map(json.loads, path.read_text(encoding="utf-8").splitlines())}


def add_notes(path, fresh, gone=()):
    """Put `fresh` in the notes and take `gone` out; another capture.py may do the same at this moment."""
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        notes = load_notes(path)
        notes.update({file: {"file": file, **note} for file, note in fresh.items()})
        whole = "".join(json.dumps(notes[k], ensure_ascii=False) + "\n" for k in sorted(notes) if k not in gone)
        fresh_file = path.with_suffix(".new")
        fresh_file.write_text(whole, encoding="utf-8")
        fresh_file.replace(path)
    finally:
        os.close(directory)
