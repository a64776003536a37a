"""TLS through proxies and behind the rarer upgrades, by the programs that people run: squid, dante, microsocks, haproxy,
xrdp, cups, PostgreSQL."""
import json
import os
import pathlib
import pwd
import shutil
import subprocess

import servers
from lab import PROGRAMS, PYTHON, VENV, Note, Skip, openssl, python_package, python_ssl, version
from scenarios import scenario
from scenarios.clients import curl


def known(leaf, upgrade, port, **more):
    return {"upgrade": upgrade, "port": port, "version": "0x0303", "certs": [leaf.known()], **more}


def readable(lab):
    """A directory that servers under other users may enter."""
    lab.dir.chmod(0o755)
    return lab.dir


@scenario("proxy_connect_refused_first")
def _(lab, name):
    leaf, home = lab.pki.leaf(), readable(lab)
    started = servers.nginx(lab, leaf, protocols="TLSv1.2")
    number = "squid " + version("squid", "-v")
    done = subprocess.run(["openssl", "passwd", "-apr1", "secret"], capture_output=True, text=True, check=True)
    (home / "users").write_text(f"me:{done.stdout}")
    (home / "squid.conf").write_text(
        f"http_port 3128\nauth_param basic program /usr/lib/squid/basic_ncsa_auth {home}/users\n"
        "acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\ncache deny all\n"
        f"access_log none\ncache_log {home}/squid.log\npid_filename none\ncoredump_dir {home}\nshutdown_lifetime 0\n"
        "visible_hostname proxy.site.test\n")
    (home / "squid.log").touch()
    shutil.chown(home / "squid.log", "proxy")
    lab.start(["squid", "-N", "-f", home / "squid.conf"], 3128)
    note = Note("HTTPS through a proxy that answers the first CONNECT with 407 and a body, and the second on the same "
                "connection with 200; the leg to the proxy is captured", "", f"{started} behind {number}",
                known(leaf, "connect", 3128, sni="www.site.test"))
    with lab.capture(f"{name}.pcap", note, filter="tcp port 3128"):
        # By address: squid asks its own resolver for names.
        note.client = curl(lab, "--proxy", "http://127.0.0.1:3128", "--proxy-anyauth", "--proxy-user", "me:secret",
                           "--connect-to", "::127.0.0.1:443")


def socks(name, what, start, *options):
    @scenario(name)
    def make(lab, name):
        leaf = lab.pki.leaf()
        started = servers.nginx(lab, leaf, protocols="TLSv1.2")
        note = Note(f"HTTPS through a proxy: {what}; the leg to the proxy is captured", "", f"{started} behind {start(lab)}",
                    known(leaf, name.removeprefix("proxy_").split("_")[0][:6], 1080, sni="www.site.test"))
        with lab.capture(f"{name}.pcap", note, filter="tcp port 1080"):
            note.client = curl(lab, *options)


def dante(lab):
    number = "dante " + version("danted", "-v")
    (lab.dir / "danted.conf").write_text(
        "logoutput: stderr\ninternal: 127.0.0.1 port = 1080\nexternal: 127.0.0.1\nclientmethod: none\nsocksmethod: none\n"
        "user.privileged: root\nuser.unprivileged: root\n"
        "client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\nsocks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n")
    lab.start(["danted", "-f", lab.dir / "danted.conf"], 1080)
    return number


def microsocks(lab):
    lab.start(["microsocks", "-i", "127.0.0.1", "-p", "1080", "-u", "me", "-P", "secret"], 1080)
    return "microsocks"


def socks4a(lab):
    lab.start([PYTHON, PROGRAMS / "upgrade_server.py", "socks4", 1080], 1080)
    return "a relay in Python"


socks("proxy_socks4", "SOCKS 4", dante, "--socks4", "127.0.0.1:1080")
socks("proxy_socks4a", "SOCKS 4A", socks4a, "--socks4a", "127.0.0.1:1080")
socks("proxy_socks5_dante", "SOCKS 5, the address resolved by the client", dante, "--socks5", "127.0.0.1:1080")
socks("proxy_socks5_password", "SOCKS 5 with a user's name and password", microsocks, "--proxy",
      "socks5h://me:secret@127.0.0.1:1080")


def proxy_protocol(number, setting, backend="127.0.0.1", client="127.0.0.1"):
    @scenario(f"proxy_protocol_v{number}" + ("_ipv6" if ":" in backend else ""))
    def make(lab, name):
        leaf, home = lab.pki.leaf(), readable(lab)
        wanted = f"[{backend}]:8443" if ":" in backend else f"{backend}:8443"
        started = servers.nginx(lab, leaf, protocols="TLSv1.2", extra=f"listen {wanted} ssl proxy_protocol;")
        speaker = "haproxy " + version("haproxy", "-v")
        (home / "haproxy.cfg").write_text(
            "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n"
            f"frontend f\n  bind {client}:4443\n  default_backend b\nbackend b\n  server s {wanted} {setting}\n")
        lab.start(["haproxy", "-f", home / "haproxy.cfg", "-db"], 4443)
        note = Note(f"HTTPS through haproxy with `{setting}`: the leg between it and nginx is captured", "",
                    f"{started} behind {speaker}", known(leaf, f"PROXY {number}", 8443, sni="www.site.test"))
        with lab.capture(f"{name}.pcap", note, filter="tcp port 8443"):
            note.client = curl(lab, "--connect-to", f"::{client}:4443")


proxy_protocol(1, "send-proxy")
proxy_protocol(2, "send-proxy-v2")
proxy_protocol(2, "send-proxy-v2-ssl-cn", "::1", "[::1]")


@scenario("upgrade_rdp")
def _(lab, name):
    leaf, home = lab.pki.leaf(), readable(lab)
    number = "xrdp " + version("xrdp", "--version")
    (home / "xrdp.ini").write_text(
        "[Globals]\nini_version=1\nfork=true\nport=tcp://127.0.0.1:3389\nsecurity_layer=tls\ncrypt_level=high\n"
        f"certificate={leaf.chain}\nkey_file={leaf.key}\nssl_protocols=TLSv1.2\nmax_bpp=24\nallow_channels=true\n"
        "[Logging]\nLogFile=/dev/null\nLogLevel=INFO\nEnableSyslog=false\n"
        "[Xorg]\nname=Xorg\nlib=libxup.so\nusername=ask\npassword=ask\nip=127.0.0.1\nport=-1\ncode=20\n")
    lab.start(["xrdp", "--nodaemon", "--config", home / "xrdp.ini"], 3389)
    client = "FreeRDP " + version("xfreerdp", "--version")
    note = Note("RDP with TLS agreed on in the X.224 negotiation", client, number, known(leaf, "rdp", 3389))
    with lab.capture(f"{name}.pcap", note, filter="tcp port 3389"):
        lab.run(["xvfb-run", "-a", "xfreerdp", "/v:127.0.0.1", "/sec:tls", "/cert:ignore", "/u:me", "/p:secret",
                 "/timeout:3000"], timeout=6)


def tds(name, client):
    @scenario(name)
    def make(lab, name):
        leaf = lab.pki.leaf()
        lab.start([PYTHON, PROGRAMS / "tds_server.py", 1433, leaf.chain, leaf.key, "TLS12"], 1433)
        label, argv, environment = client()
        note = Note("TDS 7.4: a TLS handshake inside TDS packets", label, python_ssl(), known(leaf, "tds", 1433))
        with lab.capture(f"{name}.pcap", note, filter="tcp port 1433"):
            lab.run([*argv, 1433, lab.pki.root.pem], timeout=8, env=environment)


def pytds():
    label = f"{python_package('python-tds')}, {python_package('pyOpenSSL')}"
    return label, [PYTHON, PROGRAMS / "upgrade_client.py", "tds"], {}


def tedious():
    home = VENV / "tedious" / "node_modules"
    if not home.is_dir():
        raise Skip("tedious is not installed")
    number = json.loads((home / "tedious" / "package.json").read_text())["version"]
    label = f"tedious {number}, Node.js {version('node')}"
    return label, ["node", PROGRAMS / "tds_client.js"], {"NODE_PATH": str(home)}


tds("upgrade_tds_pytds", pytds)
tds("upgrade_tds_tedious", tedious)


@scenario("upgrade_http")
def _(lab, name):
    leaf, home = lab.pki.leaf(), readable(lab)
    number = "CUPS " + version("cups-config", "--version") if shutil.which("cups-config") else "CUPS cupsd"
    keys = home / "ssl"
    keys.mkdir()
    for host in ("localhost", os.uname().nodename, "www.site.test"):
        shutil.copy(leaf.chain, keys / f"{host}.crt")
        shutil.copy(leaf.key, keys / f"{host}.key")
    for made in ("spool", "cache", "state", "root", "log"):
        (home / made).mkdir()
    (home / "cups-files.conf").write_text(
        f"ServerRoot {home}/root\nServerKeychain {keys}\nRequestRoot {home}/spool\nCacheDir {home}/cache\n"
        f"StateDir {home}/state\nAccessLog {home}/log/a\nErrorLog {home}/log/e\nPageLog {home}/log/p\n"
        "CreateSelfSignedCerts no\nUser lp\nGroup lp\nSystemGroup root\n")
    (home / "cupsd.conf").write_text(
        "Listen 127.0.0.1:631\nBrowsing off\nWebInterface no\nDefaultEncryption IfRequested\nSSLOptions MaxTLS1.2\n"
        "ServerAlias *\n<Location />\n  Order allow,deny\n  Allow all\n</Location>\n")
    lab.start(["cupsd", "-f", "-c", home / "cupsd.conf", "-s", home / "cups-files.conf"], 631)
    note = Note("HTTP upgraded to TLS (RFC 2817)", "lpstat -E of the same", number, known(leaf, "http", 631))
    with lab.capture(f"{name}.pcap", note, filter="tcp port 631"):
        lab.run(["lpstat", "-E", "-h", "www.site.test:631", "-r"], timeout=6, env={"HOME": str(home)})


@scenario("upgrade_http_options")
def _(lab, name):
    leaf = lab.pki.leaf()
    lab.start([PYTHON, PROGRAMS / "upgrade_server.py", "http", 80, leaf.chain, leaf.key, "TLS12"], 80)
    note = Note("HTTP upgraded to TLS (RFC 2817)", python_ssl(), python_ssl(), known(leaf, "http", 80, sni="www.site.test"))
    with lab.capture(f"{name}.pcap", note, filter="tcp port 80"):
        lab.run([PYTHON, PROGRAMS / "upgrade_client.py", "http-upgrade", 80, lab.pki.root.pem], timeout=8)


def postgresql(lab, leaf):
    """A PostgreSQL server of its own, which runs as nobody."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise Skip("PostgreSQL is not installed")
    home, data = readable(lab), lab.dir / "data"
    data.mkdir()
    for path in (leaf.chain, leaf.key):
        shutil.copy(path, data / path.name)
        (data / path.name).chmod(0o600)
    user = pwd.getpwnam("nobody")
    keep = [(data / leaf.chain.name).read_bytes(), (data / leaf.key.name).read_bytes()]
    shutil.rmtree(data)
    data.mkdir()
    os.chown(data, user.pw_uid, user.pw_gid)
    demoted = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    lab.run([*demoted, found[-1].with_name("initdb"), "-D", data, "-U", "x", "--no-sync", "-A", "trust"], timeout=60)
    for file, text in zip(("server.crt", "server.key"), keep):
        (data / file).write_bytes(text)
        (data / file).chmod(0o600)
        os.chown(data / file, user.pw_uid, user.pw_gid)
    lab.start([*demoted, found[-1], "-D", data, "-c", "ssl=on", "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
               "-c", "ssl_max_protocol_version=TLSv1.2", "-c", f"unix_socket_directories={data}"], 5432)
    return "PostgreSQL " + version(str(found[-1]))


@scenario("upgrade_postgres_psql")
def _(lab, name):
    leaf = lab.pki.leaf()
    note = Note("psql with sslmode=require", "psql " + version("psql"), postgresql(lab, leaf), known(leaf, "postgres", 5432))
    with lab.capture(f"{name}.pcap", note, filter="tcp port 5432"):
        lab.run(["psql", "host=127.0.0.1 user=x dbname=postgres sslmode=require", "-c", "select 1"], timeout=8)


@scenario("upgrade_postgres_gssenc_first")
def _(lab, name):
    leaf = lab.pki.leaf()
    lab.start([PYTHON, PROGRAMS / "upgrade_server.py", "postgres", 5432, leaf.chain, leaf.key, "TLS12"], 5432)
    note = Note("a GSSENCRequest that is refused, then an SSLRequest", python_ssl(), python_ssl(),
                known(leaf, "postgres after GSSENCRequest", 5432, sni="www.site.test"))
    with lab.capture(f"{name}.pcap", note, filter="tcp port 5432"):
        lab.run([PYTHON, PROGRAMS / "upgrade_client.py", "postgres-gssenc", 5432, lab.pki.root.pem], timeout=8)


@scenario("upgrade_postgres_direct")
def _(lab, name):
    leaf = lab.pki.leaf()
    started = servers.s_server(lab, leaf, "-alpn", "postgresql", "-tls1_2", port=5432)
    note = Note("PostgreSQL's client with sslnegotiation=direct: TLS from the first byte", python_package("psycopg-binary"),
                started, {"port": 5432, "sni": "www.site.test", "alpn": "postgresql", "version": "0x0303",
                          "certs": [leaf.known()]})
    with lab.capture(f"{name}.pcap", note, filter="tcp port 5432"):
        lab.run([PYTHON, PROGRAMS / "upgrade_client.py", "postgres-direct", 5432, lab.pki.root.pem], timeout=8)


@scenario("starttls_smtp_ssl2_hello")
def _(lab, name):
    leaf = lab.pki.leaf()
    lab.start([PYTHON, PROGRAMS / "upgrade_server.py", "smtp", 25, leaf.chain, leaf.key, "OLD"], 25)
    note = Note("SMTP upgraded to TLS with a hello in SSL 2.0 form", f"{python_package('nassl')} (OpenSSL 1.0.2e)",
                python_ssl(), known(leaf, "smtp", 25))
    with lab.capture(f"{name}.pcap", note, filter="tcp port 25"):
        lab.run([PYTHON, PROGRAMS / "upgrade_client.py", "smtp-ssl2-hello", 25, lab.pki.root.pem], timeout=8)
