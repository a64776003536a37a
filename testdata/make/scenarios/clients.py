"""Clients as people use them: each against nginx once with TLS 1.2 and once with TLS 1.3, and curl against each server."""
import shutil
import tempfile

import servers
from lab import PROGRAMS, PYTHON, VENV, Note, Skip, ip, openssl, python_package, python_ssl, version
from scenarios import scenario

URL = "https://www.site.test/"
PROTOCOLS = {"tls12": ("TLSv1.2", "0x0303"), "tls13": ("TLSv1.3", "0x0304")}
FIREFOX_PREFERENCES = {
    "app.normandy.enabled": False, "app.update.enabled": False, "browser.newtabpage.enabled": False,
    "browser.region.update.enabled": False, "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.malware.enabled": False, "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False, "browser.startup.homepage": "about:blank",
    "captivedetect.canonicalURL": "", "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False, "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "network.http.http3.enable": False, "network.prefetch-next": False, "services.settings.server": "",
    "toolkit.telemetry.enabled": False, "toolkit.telemetry.server": "",
}


def curl(lab, *options, url=URL):
    lab.run(["curl", "-sS", "--max-time", "10", "--cacert", lab.pki.root.pem, *options, url])
    return f"curl {version('curl')} ({openssl()})"


def wget(lab):
    lab.run(["wget", "-q", "-T", "10", "-t", "1", "-O", "-", f"--ca-certificate={lab.pki.root.pem}", URL])
    library = version("gnutls-cli")
    return f"wget {version('wget')} (GnuTLS {library})"


def gnutls_cli(lab, *options, name="www.site.test", port=443):
    lab.run(["gnutls-cli", f"--x509cafile={lab.pki.root.pem}", "-p", port, *options, name],
            b"GET / HTTP/1.0\r\nHost: www.site.test\r\n\r\n")
    return "gnutls-cli " + version("gnutls-cli")


def python_client(library, *extra):
    def run(lab):
        package = {"httpx-http1": "httpx"}.get(library, library)
        label = "" if library == "urllib" else python_package(package) + ", "
        lab.run([PYTHON, PROGRAMS / "http_client.py", library, URL, lab.pki.root.pem, *extra])
        if library == "curl_cffi":
            return f"{label}impersonate={extra[0]}"
        return f"{label}{python_ssl()}" + (" urllib" if library == "urllib" else "")
    return run


def node(release=None, program="client.js"):
    def run(lab):
        binary = "node" if release is None else str(VENV / f"node-{release}" / "node_modules/node/bin/node")
        number = version(binary)
        library = version(binary, "-p", "process.versions.openssl")
        lab.run([binary, PROGRAMS / program, URL, lab.pki.root.pem],
                env={"NODE_EXTRA_CA_CERTS": str(lab.pki.root.pem)})
        return f"Node.js {number} {'fetch' if program == 'fetch.mjs' else 'https'} (OpenSSL {library})"
    return run


def java(mode):
    def run(lab):
        store = lab.dir / "trust.p12"
        lab.run(["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", lab.pki.root.pem, "-keystore", store,
                 "-storetype", "PKCS12", "-storepass", "changeit"])
        lab.run(["java", f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit",
                 PROGRAMS / "Client.java", mode, URL], timeout=40)
        what = "HttpsURLConnection" if mode == "urlconnection" else f"HttpClient ({mode})"
        return f"Java {version('java')} {what}"
    return run


def go(*extra):
    def run(lab):
        program = lab.dir / "go-client"
        lab.run(["go", "build", "-o", program, PROGRAMS / "client.go"], timeout=180)
        lab.run([program, URL, *extra], env={"SSL_CERT_FILE": str(lab.pki.root.pem)})
        return "Go " + version("go", "version", pattern=r"\d+\.\d+(\.\d+)?") + " net/http" + (" HTTP/1.1" if extra else "")
    return run


def chromium(lab, url=URL):
    number = version("chromium", "--version")
    lab.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
             "--disable-default-apps", "--disable-dev-shm-usage", "--ignore-certificate-errors", "--no-pings",
             f"--user-data-dir={lab.dir}/chromium", "--timeout=6000",
             "--host-resolver-rules=MAP www.site.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
             "--dump-dom", url], timeout=25, env={"HOME": str(lab.dir)})
    return f"Chromium {number} headless"


def firefox(lab):
    if shutil.which("certutil") is None:
        raise Skip("certutil (libnss3-tools) is not installed")
    number = version("firefox-esr", "--version", pattern=r"\d+\.\d+(\.\d+)?(esr)?")
    profile = tempfile.mkdtemp(dir=lab.dir)
    lab.run(["certutil", "-N", "-d", f"sql:{profile}", "--empty-password"])
    lab.run(["certutil", "-A", "-n", "ca", "-t", "C,,", "-i", lab.pki.root.pem, "-d", f"sql:{profile}"])
    with open(f"{profile}/user.js", "w", encoding="ascii") as preferences:
        for name, value in FIREFOX_PREFERENCES.items():
            text = str(value).lower() if isinstance(value, bool) else f'"{value}"'
            preferences.write(f'user_pref("{name}", {text});\n')
    lab.run(["firefox-esr", "--headless", "--no-remote", "--profile", profile, "--screenshot", f"{lab.dir}/shot.png", URL],
            timeout=25, env={"HOME": str(lab.dir), "MOZ_CRASHREPORTER_DISABLE": "1"})
    return f"Firefox {number} headless"


CLIENTS = {
    "curl_http1": (lambda lab: curl(lab, "--http1.1"), "http/1.1"),
    "curl_http2": (lambda lab: curl(lab, "--http2"), "h2"),
    "curl_noalpn": (lambda lab: curl(lab, "--no-alpn"), None),
    "wget": (wget, None),
    "gnutls_cli": (gnutls_cli, None),
    "requests": (python_client("requests"), "http/1.1"),
    "urllib": (python_client("urllib"), None),
    "httpx": (python_client("httpx"), "h2"),
    "httpx_http1": (python_client("httpx-http1"), "http/1.1"),
    "aiohttp": (python_client("aiohttp"), None),
    "curl_cffi_chrome": (python_client("curl_cffi", "chrome"), "h2"),
    "curl_cffi_firefox": (python_client("curl_cffi", "firefox"), "h2"),
    "curl_cffi_safari": (python_client("curl_cffi", "safari"), "h2"),
    "node_https": (node(), None),
    "node_fetch": (node(program="fetch.mjs"), "http/1.1"),
    "java_httpclient": (java("http2"), "h2"),
    "java_httpclient_http1": (java("http1"), None),
    "java_urlconnection": (java("urlconnection"), None),
    "go_http": (go(), "h2"),
    "go_http1": (go("http1"), None),
    "chromium": (chromium, "h2"),
    "firefox": (firefox, "h2"),
}
CLIENTS.update({f"node{r}_https": (node(r), None) for r in (10, 14, 18, 22, 24)})

SERVERS = {"s_server": servers.s_server, "gnutls": servers.gnutls_serv, "python": servers.python, "go": servers.go,
           "node": servers.node, "java": servers.java}


def against_nginx(client, protocol):
    run, alpn = CLIENTS[client]
    setting, number = PROTOCOLS[protocol]

    def make(lab, name):
        leaf = lab.pki.leaf()
        server = servers.nginx(lab, leaf, protocols=setting)
        note = Note(f"one HTTPS request, server limited to {setting}", "", server,
                    {"sni": "www.site.test", "version": number})
        if protocol == "tls12":
            note.known["certs"] = [leaf.known()]
            if alpn:
                note.known["alpn"] = alpn
        with lab.capture(f"{name}.pcap", note):
            note.client = run(lab)
    return make


def curl_against(server, protocol):
    limit, number = {"tls12": (["--tls-max", "1.2"], "0x0303"), "tls13": (["--tlsv1.3"], "0x0304")}[protocol]

    def make(lab, name):
        leaf = lab.pki.leaf()
        started = SERVERS[server](lab, leaf)
        note = Note(f"one HTTPS request, curl {' '.join(limit)}", "", started,
                    {"sni": "www.site.test", "version": number})
        if protocol == "tls12":
            note.known["certs"] = [leaf.known()]
        with lab.capture(f"{name}.pcap", note):
            note.client = curl(lab, *limit)
    return make


def split_hello(client):
    """The browser's hello holds a post-quantum key share and does not fit one packet."""
    @scenario(f"{client}_mtu_1500")
    def make(lab, name):
        server = servers.nginx(lab, lab.pki.leaf())
        note = Note("one page over MTU 1500: the hello is two segments", "", server,
                    {"sni": "www.site.test", "version": "0x0304"})
        ip("link set lo mtu 1500")
        try:
            with lab.capture(f"{name}.pcap", note):
                note.client = CLIENTS[client][0](lab)
        finally:
            ip("link set lo mtu 65536")


split_hello("chromium")
split_hello("firefox")

for protocol_ in PROTOCOLS:
    for client_ in CLIENTS:
        if (client_, protocol_) == ("node10_https", "tls13"):
            continue  # Node.js 10 speaks TLS 1.2 at most
        scenario(f"{client_}_nginx_{protocol_}")(against_nginx(client_, protocol_))
    for server_ in SERVERS:
        scenario(f"curl_{server_}_{protocol_}")(curl_against(server_, protocol_))
