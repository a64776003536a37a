"""Chains whose verdict is known beforehand, each with the one root that is to be trusted (`chains/NAME.pem`).

TLS 1.2, so that they are sent in the clear; `what` says what `openssl verify` is to find.
"""
import itertools
import time

import servers
from lab import Note
from pki import CA_EXTENSIONS
from scenarios import scenario
from scenarios.handshakes import s_client

KEY_IDS = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
AUTHORITY = CA_EXTENSIONS + KEY_IDS
PAST = ("20150101000000Z", "20160101000000Z")
FUTURE = ("20990101000000Z", "21000101000000Z")


class Shop:
    """A root, an intermediate and a leaf, of which a scenario changes one thing."""

    def __init__(self, lab):
        self.pki = lab.pki
        self.roots = itertools.count(0xF1)

    def root(self, name="Chain Test Root", **options):
        return self.pki.issue(f"/C=XX/O=Chain Test/CN={name}", serial=f"{next(self.roots):X}",
                              **{"extensions": CA_EXTENSIONS + "subjectKeyIdentifier=hash\n", **options})

    def between(self, issuer, name="Chain Test Intermediate", **options):
        return self.pki.issue(f"/C=XX/O=Chain Test/CN={name}", issuer=issuer,
                              **{"serial": "02", "extensions": AUTHORITY, **options})

    def leaf(self, issuer, **options):
        return self.pki.leaf(issuer=issuer, **{"extra": KEY_IDS, **options})


def send(lab, name, leaf, what, root, sent=(), host="site.test", answer=None):
    """One handshake; `sent` are the certificates above the leaf, `root` the anchor to be kept."""
    leaf.chain.write_text("".join(c.pem.read_text() for c in (leaf, *sent)))
    kept = lab.out.parent / "chains"
    kept.mkdir(exist_ok=True)
    (kept / f"{name}.pem").write_text(f"# The root of {name}.pcap: {root.subject}\n{root.pem.read_text()}")
    options = ["-tls1_2", "-cipher", "ALL@SECLEVEL=0"]
    if answer is not None:
        (kept / f"{name}.ocsp").write_bytes(answer.read_bytes())
        options += ["-status_file", answer]
    started = servers.s_server(lab, leaf, *options)
    known = {"sni": host, "version": "0x0303", "certs": [c.known() for c in (leaf, *sent)], "verdict": what}
    note = Note(f"chain: {what}", "", started, known)
    with lab.capture(f"{name}.pcap", note):
        note.client = s_client(lab, "-tls1_2", "-cipher", "ALL@SECLEVEL=0", *(["-status"] if answer else []), name=host)


def chain(name):
    """Registers a function of a `Shop` that gives leaf, what, root, and what `send` takes beside them."""
    def keep(function):
        @scenario(f"chain_{name}")
        def _(lab, full_name):
            leaf, what, root, *rest = function(Shop(lab))
            send(lab, full_name, leaf, what, root, *rest)
        return function
    return keep


@chain("ok")
def _(shop):
    root = shop.root()
    between = shop.between(root)
    extra = KEY_IDS + ("certificatePolicies=2.23.140.1.2.2,1.2.3.4\n"
                       "authorityInfoAccess=OCSP;URI:http://ocsp.site.test/,caIssuers;URI:http://ca.site.test/ca.der\n"
                       "crlDistributionPoints=URI:http://ca.site.test/ca.crl\ntlsfeature=status_request\n")
    return shop.leaf(between, extra=extra), "ok", root, [between]


@chain("expired")
def _(shop):
    root = shop.root()
    between = shop.between(root)
    return shop.leaf(between, validity=PAST), "expired", root, [between]


@chain("not_yet_valid")
def _(shop):
    root = shop.root()
    between = shop.between(root)
    return shop.leaf(between, validity=FUTURE), "not yet valid", root, [between]


@chain("expired_intermediate")
def _(shop):
    root = shop.root()
    between = shop.between(root, validity=PAST)
    return shop.leaf(between), "expired", root, [between]


@chain("expired_root")
def _(shop):
    root = shop.root(validity=PAST)
    between = shop.between(root)
    return shop.leaf(between), "expired", root, [between]


@chain("self_signed")
def _(shop):
    return shop.pki.self_signed(), "self-signed leaf", shop.root(), (), "self.site.test"


@chain("self_signed_trusted")
def _(shop):
    leaf = shop.pki.self_signed()
    return leaf, "ok", leaf, (), "self.site.test"


@chain("root_untrusted")
def _(shop):
    root = shop.root("Nobody's Root")
    between = shop.between(root)
    return shop.leaf(between), "self-signed in chain", shop.root(), [between, root]


@chain("root_sent")
def _(shop):
    root = shop.root()
    between = shop.between(root)
    return shop.leaf(between), "ok", root, [between, root]


@chain("root_impersonated")
def _(shop):
    mimic = shop.root()
    return shop.leaf(mimic), "self-signed in chain", shop.root(), [mimic]


@chain("intermediate_missing")
def _(shop):
    root = shop.root()
    return shop.leaf(shop.between(root)), "unable to get local issuer", root, ()


@chain("wrong_order")
def _(shop):
    root = shop.root()
    upper = shop.between(root, "Chain Test Upper")
    lower = shop.between(upper, "Chain Test Lower", serial="03")
    return shop.leaf(lower), "ok (bad order)", root, [upper, lower]


@chain("cross_signed")
def _(shop):
    """The intermediate's key has two certificates; the second one's root is trusted."""
    old, new = shop.root("Chain Test Old Root"), shop.root("Chain Test New Root")
    by_old = shop.between(old)
    by_new = shop.between(new, serial="04", key_of=by_old)
    return shop.leaf(by_old), "ok", new, [by_new, by_old]


@chain("cross_signed_way_back")
def _(shop):
    """The first certificate of the intermediate leads nowhere, the second one to the trusted root."""
    old, new = shop.root("Chain Test Old Root"), shop.root("Chain Test New Root")
    by_old = shop.between(old)
    by_new = shop.between(new, serial="04", key_of=by_old)
    return shop.leaf(by_old), "ok (openssl does not go back)", new, [by_old, by_new]


@chain("cross_signed_root")
def _(shop):
    """The new root is sent as an intermediate under the old one; the new root itself is trusted."""
    old, new = shop.root("Chain Test Old Root"), shop.root("Chain Test New Root")
    crossed = shop.between(old, "Chain Test New Root", serial="05", key_of=new, validity=PAST)
    between = shop.between(new)
    return shop.leaf(between), "ok", new, [between, crossed]


@chain("wrong_host")
def _(shop):
    root = shop.root()
    leaf = shop.leaf(root, subject="/CN=other.test", names=("other.test", "*.site.test"), addresses=())
    return leaf, "name mismatch", root, ()


@chain("common_name_only")
def _(shop):
    root = shop.root()
    return shop.leaf(root, names=(), addresses=()), "ok (by common name)", root, ()


@chain("wildcard")
def _(shop):
    root = shop.root()
    leaf = shop.leaf(root, subject="/CN=x", names=("*.site.test",), addresses=())
    return leaf, "ok", root, (), "www.site.test"


@chain("thousand_names")
def _(shop):
    root = shop.root()
    names = tuple(f"host{n:04}.site.test" for n in range(1200))
    return shop.leaf(root, names=names, addresses=()), "ok", root, (), "host1199.site.test"


@chain("weak_key")
def _(shop):
    root = shop.root()
    return shop.leaf(root, key="rsa1024"), "ok (weak key)", root, ()


@chain("weak_signature")
def _(shop):
    root = shop.root()
    between = shop.between(root, digest="sha1")
    return shop.leaf(between), "ok (weak signature)", root, [between]


@chain("weak_authority")
def _(shop):
    root = shop.root()
    between = shop.between(root, key="rsa1024")
    return shop.leaf(between, digest="md5"), "ok (weak key, weak signature)", root, [between]


@chain("bad_signature")
def _(shop):
    """Two authorities with one name; the one that is sent did not sign."""
    root = shop.root()
    none = "subjectKeyIdentifier=none\nauthorityKeyIdentifier=none\n"
    signer, sent = (shop.between(root, serial=serial, extensions=CA_EXTENSIONS + none) for serial in ("06", "07"))
    return shop.leaf(signer, extra=none), "bad signature", root, [sent]


@chain("issuer_is_no_authority")
def _(shop):
    root = shop.root()
    between = shop.between(root, extensions="basicConstraints=CA:FALSE\n" + KEY_IDS)
    return shop.leaf(between), "invalid CA", root, [between]


@chain("issuer_may_not_sign")
def _(shop):
    root = shop.root()
    usage = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature\n"
    between = shop.between(root, extensions=usage + KEY_IDS)
    return shop.leaf(between), "invalid CA", root, [between]


@chain("path_too_long")
def _(shop):
    root = shop.root()
    limited = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n" + KEY_IDS
    upper = shop.between(root, "Chain Test Upper", extensions=limited)
    lower = shop.between(upper, "Chain Test Lower", serial="03")
    return shop.leaf(lower), "path length exceeded", root, [lower, upper]


@chain("client_usage")
def _(shop):
    root = shop.root()
    return shop.leaf(root, usage="clientAuth"), "unsuitable purpose", root, ()


@chain("critical_extension")
def _(shop):
    root = shop.root()
    extra = KEY_IDS + "1.2.3.4.5.6.7=critical,DER:0500\n"
    return shop.leaf(root, extra=extra), "unhandled critical extension", root, ()


@chain("names_permitted")
def _(shop):
    root = shop.root()
    limits = "nameConstraints=critical,permitted;DNS:site.test,permitted;IP:127.0.0.0/255.0.0.0,excluded;DNS:bad.site.test\n"
    between = shop.between(root, extensions=AUTHORITY + limits)
    return shop.leaf(between, addresses=("127.0.0.1",)), "ok", root, [between]


@chain("name_excluded")
def _(shop):
    root = shop.root()
    between = shop.between(root, extensions=AUTHORITY + "nameConstraints=critical,excluded;DNS:six.site.test\n")
    return shop.leaf(between), "name constraint violated", root, [between]


@chain("p521")
def _(shop):
    root = shop.root(key="p521", digest="sha512")
    between = shop.between(root, key="p384", digest="sha512")
    return shop.leaf(between, key="p256", digest="sha512"), "ok", root, [between]


@chain("rsapss")
def _(shop):
    root = shop.root()
    salted = {"sigopt": ("rsa_padding_mode:pss", "rsa_pss_saltlen:20")}
    between = shop.between(root, key="rsapss", sigopt=("rsa_padding_mode:pss", "rsa_pss_saltlen:32"))
    return shop.leaf(between, digest="sha384", **salted), "ok", root, [between]


@chain("malformed_extension")
def _(shop):
    root = shop.root()
    return shop.leaf(root, extra=KEY_IDS + "2.5.29.36=DER:0500\n2.5.29.30=DER:0201\n"), "malformed", root, ()


@chain("forty_levels")
def _(shop):
    root = shop.root()
    above = [shop.between(root, "Chain Test Level 0")]
    for n in range(1, 40):
        above.insert(0, shop.between(above[0], f"Chain Test Level {n}", key="p256", serial=f"{0x100 + n:04X}"))
    return shop.leaf(above[0]), "unable to get local issuer: 32 of its 41 certificates are kept", root, above


def staple(name):
    """Registers a function of a `Shop`: leaf, what, issuer, and what `ocsp_response` takes beside them."""
    def keep(function):
        @scenario(f"staple_{name}")
        def _(lab, full_name):
            leaf, what, issuer, options = function(Shop(lab))
            answer = lab.pki.ocsp_response(leaf, issuer, **options)
            if "lasts" in options:
                time.sleep(62)
            send(lab, full_name, leaf, what, issuer, answer=answer)
        return function
    return keep


@staple("good")
def _(shop):
    root = shop.root()
    return shop.leaf(root), "ok, staple good", root, {}


@staple("revoked")
def _(shop):
    root = shop.root()
    leaf = shop.leaf(root)
    shop.pki.revoke(leaf, root)
    return leaf, "revoked", root, {}


@staple("stale")
def _(shop):
    """It is good for a minute, and shown after that."""
    root = shop.root()
    return shop.leaf(root), "ok, staple good and past its time", root, {"lasts": ("-nmin", "1")}


@staple("unknown")
def _(shop):
    root = shop.root()
    leaf = shop.leaf(root)
    (shop.pki.dir / "index.txt").write_text("")
    return leaf, "ok, staple unknown", root, {}


@staple("by_delegate")
def _(shop):
    root = shop.root()
    leaf = shop.leaf(root)
    shop.pki.revoke(leaf, root)
    return leaf, "revoked, says a delegate", root, {"signer": shop.leaf(root, usage="OCSPSigning", addresses=(), names=())}


@staple("by_nobody")
def _(shop):
    root = shop.root()
    leaf = shop.leaf(root)
    shop.pki.revoke(leaf, root)
    return leaf, "ok, staple by one who may not", root, {"signer": shop.leaf(root, usage="serverAuth")}
