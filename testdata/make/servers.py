"""Starts the servers of a scenario. Each function returns the server's name and version."""
import subprocess

from lab import PROGRAMS, PYTHON, Skip, openssl, python_ssl, version

NGINX = """
daemon off; master_process off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
user root;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
  uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5; root {dir}/www;
  server {{
    listen 443 ssl http2; listen [::]:443 ssl http2; listen 80;
    ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols {protocols}; ssl_ciphers {ciphers};
    ssl_session_tickets {tickets}; ssl_session_cache shared:S:1m;
    {extra}
  }}
}}
"""


def nginx(lab, certificate, protocols="TLSv1.2 TLSv1.3", ciphers="HIGH:!aNULL", tickets="on", extra=""):
    name = "nginx " + version("nginx", "-v")
    www = lab.dir / "www"
    www.mkdir(exist_ok=True)
    (www / "index.html").write_text("ok\n")
    (www / "long").write_bytes(bytes(200_000))
    config = lab.dir / "nginx.conf"
    config.write_text(NGINX.format(dir=lab.dir, chain=certificate.chain, key=certificate.key, protocols=protocols,
                                   ciphers=ciphers, tickets=tickets, extra=extra))
    lab.start(["nginx", "-p", lab.dir, "-c", config, "-e", lab.dir / "nginx-early.log"], 443)
    return f"{name} ({openssl()})"


def s_server(lab, certificate, *options, port=443, udp=False):
    """`openssl s_server`; -www is added for TCP unless another mode is chosen."""
    argv = ["openssl", "s_server", "-accept", str(port)]
    if certificate is not None:
        argv += ["-cert", certificate.pem, "-key", certificate.key]
        above = certificate.chain.read_text().removeprefix(certificate.pem.read_text())
        if above:
            certificate.chain.with_suffix(".above").write_text(above)
            argv += ["-cert_chain", certificate.chain.with_suffix(".above")]
    if not udp and not {"-rev", "-HTTP", "-plain"} & set(options):
        argv.append("-www")
    # Without -www the server ends when its standard input does.
    lab.start([*argv, *(o for o in options if o != "-plain")], port, udp, stdin=subprocess.PIPE)
    return f"openssl s_server, {openssl()}"


def gnutls_serv(lab, certificate, priority="NORMAL", *options, port=443, udp=False):
    mode = ["--udp", "--echo"] if udp else ["--http"]
    lab.start(["gnutls-serv", "--quiet", "--port", port, *mode, "--priority", priority,
               "--x509certfile", certificate.chain, "--x509keyfile", certificate.key, *options], port, udp)
    return "gnutls-serv " + version("gnutls-serv")


def python(lab, certificate, size=3):
    lab.start([PYTHON, PROGRAMS / "https_server.py", 443, certificate.chain, certificate.key, size], 443)
    return python_ssl()


def go(lab, certificate):
    program = lab.dir / "go-server"
    lab.run(["go", "build", "-o", program, PROGRAMS / "server.go"], timeout=180)
    lab.start([program, 443, certificate.chain, certificate.key], 443)
    return "Go " + version("go", "version", pattern=r"\d+\.\d+(\.\d+)?") + " net/http"


def node(lab, certificate):
    lab.start(["node", PROGRAMS / "server.js", 443, certificate.chain, certificate.key], 443)
    return "Node.js " + version("node") + " http2"


def java(lab, certificate):
    lab.start(["java", PROGRAMS / "Server.java", 443, lab.pki.pkcs12(certificate), "changeit"], 443)
    return "Java " + version("java") + " HttpsServer"


def legacy(lab, certificate, method, ciphers="DEFAULT", port=443):
    from lab import VENV
    home = VENV / "openssl-1.0.2"
    if not home.is_dir():
        raise Skip("OpenSSL 1.0.2 is not installed")
    lab.start([PYTHON, PROGRAMS / "legacy_server.py", method, port, certificate.chain, certificate.key, ciphers], port,
              env={"LD_LIBRARY_PATH": str(home), "OPENSSL_DIR": str(home)})
    return "OpenSSL 1.0.2k SSL_accept"
