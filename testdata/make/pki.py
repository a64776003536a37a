"""Makes the certificates of a scenario with the openssl command. Keys live only in the scenario's directory.

In: key kind, names, validity. Out: PEM files and what is known about each certificate beforehand.
"""
import dataclasses
import itertools
import pathlib
import subprocess

KEYS = {
    "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "rsa2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa4096": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
    "rsapss": ["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "ed25519": ["-algorithm", "ED25519"],
    "ed448": ["-algorithm", "ED448"],
}
VALID = ("20250101000000Z", "20350101000000Z")
CONFIG = """
[ca]
default_ca = this
[this]
database = {dir}/index.txt
serial = {dir}/serial
new_certs_dir = {dir}
default_md = {digest}
policy = any
unique_subject = no
copy_extensions = none
string_mask = utf8only
utf8 = yes
[any]
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = optional
emailAddress = optional
[req]
distinguished_name = none
utf8 = yes
[none]
[ext]
{extensions}
"""


@dataclasses.dataclass
class Certificate:
    """One certificate with its key. `chain` is the PEM file a server sends: this certificate and what is above it."""
    pem: pathlib.Path
    key: pathlib.Path
    chain: pathlib.Path
    subject: str
    serial: str
    not_before: str
    not_after: str
    issuer: "Certificate | None" = None

    def known(self):
        return {"subject": self.subject, "serial": self.serial, "not_before": self.not_before,
                "not_after": self.not_after}


class Pki:
    """Issues certificates; each call of `root`, `intermediate` or `leaf` makes new files."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True)
        (self.dir / "index.txt").touch()
        self.count = itertools.count(1)
        self.leaves = itertools.count(1)
        self._root = None

    @property
    def root(self):
        """The authority the clients trust."""
        if self._root is None:
            self._root = self.issue("/C=XX/O=Capture Test/CN=Capture Test Root", serial="01", key="rsa2048",
                                    extensions=CA_EXTENSIONS)
        return self._root

    def intermediate(self, name="Capture Test Intermediate", issuer=None, key="rsa2048", serial="02"):
        return self.issue(f"/C=XX/O=Capture Test/CN={name}", issuer=issuer or self.root, serial=serial, key=key,
                          extensions=CA_EXTENSIONS)

    def leaf(self, subject="/O=Capture Test/CN=site.test", names=("site.test", "*.site.test", "six.site.test"),
             addresses=("127.0.0.1", "::1"), issuer=None, usage="serverAuth", extra="", **options):
        alternative = ",".join([f"DNS:{n}" for n in names] + [f"IP:{a}" for a in addresses])
        extensions = f"basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage={usage}\n"
        if alternative:
            extensions += f"subjectAltName={alternative}\n"
        options.setdefault("serial", f"{0x1000 + next(self.leaves):X}")
        return self.issue(subject, issuer=issuer or self.root, extensions=extensions + extra, **options)

    def self_signed(self, subject="/CN=self.site.test", **options):
        options.setdefault("serial", f"{0x2000 + next(self.leaves):X}")
        return self.issue(subject, extensions="subjectAltName=DNS:self.site.test\n", **options)

    def issue(self, subject, *, issuer=None, serial, key="rsa2048", digest="sha256", validity=VALID, extensions="",
              key_of=None, sigopt=()):
        """`key_of` certifies the key of another certificate once more; `sigopt` are openssl ca's -sigopt."""
        base = self.dir / f"c{next(self.count)}"
        key_file, request, pem = (base.with_suffix(s) for s in (".key", ".csr", ".pem"))
        if key_of is None:
            quiet(["genpkey", *KEYS[key], "-out", key_file])
        else:
            key_file.write_bytes(key_of.key.read_bytes())
        config = base.with_suffix(".cnf")
        config.write_text(CONFIG.format(dir=self.dir, digest=digest, extensions=extensions), encoding="utf-8")
        (self.dir / "serial").write_text(serial + "\n")
        quiet(["req", "-new", "-config", config, "-utf8", "-key", key_file, "-subj", subject, "-out", request])
        signer = ["-selfsign", "-keyfile", key_file] if issuer is None else ["-cert", issuer.pem, "-keyfile", issuer.key]
        quiet(["ca", "-batch", "-config", config, "-in", request, "-out", pem, "-notext", "-startdate", validity[0],
               "-enddate", validity[1], "-extensions", "ext", "-preserveDN",
               *(part for option in sigopt for part in ("-sigopt", option)), *signer])
        made = Certificate(pem, key_file, base.with_suffix(".chain"), subject, serial, validity[0], validity[1], issuer)
        above = issuer
        text = pem.read_text()
        while above is not None and above.issuer is not None:
            text += above.pem.read_text()
            above = above.issuer
        made.chain.write_text(text)
        return made

    def pkcs12(self, certificate, password="changeit"):
        target = certificate.pem.with_suffix(".p12")
        quiet(["pkcs12", "-export", "-inkey", certificate.key, "-in", certificate.chain, "-name", "server",
               "-passout", f"pass:{password}", "-out", target])
        return target

    def ocsp_response(self, certificate, issuer, signer=None, lasts=("-ndays", "3650")):
        """A DER OCSP answer for `certificate`, "good" unless it was revoked, signed by `signer`, else by `issuer`."""
        target = certificate.pem.with_suffix(".ocsp")
        signer = signer or issuer
        quiet(["ocsp", "-index", self.dir / "index.txt", "-rsigner", signer.pem, "-rkey", signer.key, "-CA", issuer.pem,
               "-issuer", issuer.pem, "-cert", certificate.pem, *lasts, "-noverify", "-respout", target])
        return target

    def revoke(self, certificate, issuer, reason="keyCompromise"):
        config = certificate.pem.with_suffix(".cnf")
        quiet(["ca", "-config", config, "-revoke", certificate.pem, "-crl_reason", reason, "-cert", issuer.pem,
               "-keyfile", issuer.key])


CA_EXTENSIONS = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature\n"


def quiet(argv):
    done = subprocess.run(["openssl", *map(str, argv)], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"openssl {argv[0]}: {done.stderr[-600:]}")
