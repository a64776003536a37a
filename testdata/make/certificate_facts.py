#!/usr/bin/env python3
"""Compares the records of certificates with what the Python package `cryptography` reads in the same bytes.

In: captures or folders of them. Out: a line for each difference and a count; with --write FILE what cryptography read,
one certificate a line. Exit status 1 if anything differs. Needs `pip install cryptography`.

    cargo build --example chains && testdata/make/certificate_facts.py testdata/captures
"""
import argparse
import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import warnings

import cryptography
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
USAGES = {"digital_signature": "digitalSignature", "content_commitment": "nonRepudiation",
          "key_encipherment": "keyEncipherment", "data_encipherment": "dataEncipherment", "key_agreement": "keyAgreement",
          "key_cert_sign": "keyCertSign", "crl_sign": "cRLSign"}
# Baseline Requirements 7.1.6.1.
VALIDATIONS = {"2.23.140.1.2.1": "DV", "2.23.140.1.2.3": "IV", "2.23.140.1.2.2": "OV", "2.23.140.1.1": "EV"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    captures = sorted(c for p in options.paths for c in (p.iterdir() if p.is_dir() else [p])
                      if c.suffix in (".pcap", ".pcapng", ".cap"))
    records = {}
    for capture in captures:
        done = subprocess.run([target / "debug/examples/chains", "--records", capture], capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            record = json.loads(line)["tlsight"]["certificate"]
            records.setdefault(record["sha256"], (capture.name, record))
    rows, different, values, unread = [], 0, 0, 0
    for sha256, (file, record) in sorted(records.items(), key=lambda one: (one[1][0], one[0])):
        try:
            known = read(base64.b64decode(record["der"]))
        except ValueError as error:
            unread += 1
            print(f"{file} {sha256[:12]}: not read by cryptography: {error}; malformed here: {record.get('malformed')}")
            continue
        rows.append({"file": file, "sha256": sha256, **known, "source": f"cryptography {cryptography.__version__}"})
        for field, value in known.items():
            values += 1
            here = record
            for part in field.split("."):
                here = (here or {}).get(part)
            if here != value:
                different += 1
                print(f"{file} {sha256[:12]} {field}\n    here:         {here}\n    cryptography: {value}")
    print(f"{values} values of {len(rows)} certificates, {unread} not read, {different} differences")
    if options.write:
        options.write.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    sys.exit(different > 0)


def read(der):
    """Field of the record and its value; None is what must be absent."""
    certificate = x509.load_der_x509_certificate(der)
    known = {"version": certificate.version.value + 1}
    info = key = None
    try:
        key = certificate.public_key()
        info = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    except Exception:  # noqa: BLE001: a key that is not supported says nothing
        pass
    if info and info in der:
        digest = hashlib.sha256(info)
        known["public_key.sha256"], known["public_key.pin"] = digest.hexdigest(), base64.b64encode(digest.digest()).decode()
    if isinstance(key, rsa.RSAPublicKey):
        known["public_key.size"], known["public_key.exponent"] = key.key_size, key.public_numbers().e
    elif isinstance(key, (ec.EllipticCurvePublicKey, dsa.DSAPublicKey)):
        known["public_key.size"] = key.key_size
    if certificate.signature_algorithm_oid.dotted_string == "1.2.840.113549.1.1.10":
        known["signature_hash"] = certificate.signature_hash_algorithm.name.upper()
    known["not_before"] = certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    known["not_after"] = certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    known["lifetime_days"] = (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days

    def value(oid):
        try:
            return certificate.extensions.get_extension_for_oid(oid).value
        except x509.ExtensionNotFound:
            return None

    basic = value(ExtensionOID.BASIC_CONSTRAINTS)
    known["is_ca"] = basic and basic.ca
    known["path_length"] = basic and basic.path_length
    usage = value(ExtensionOID.KEY_USAGE)
    known["key_usage"] = usage and ([name for field, name in USAGES.items() if getattr(usage, field)] or None)
    if usage and usage.key_agreement and (usage.encipher_only or usage.decipher_only):
        del known["key_usage"]
    purposes = value(ExtensionOID.EXTENDED_KEY_USAGE)
    if purposes is None:
        known["extended_key_usage"] = None
    elif all(purpose._name != "Unknown OID" for purpose in purposes):
        names = {"OCSPSigning": "OCSPSigning", "serverAuth": "serverAuth", "clientAuth": "clientAuth"}
        if all(purpose._name in names for purpose in purposes):
            known["extended_key_usage"] = [purpose._name for purpose in purposes]
    policies = value(ExtensionOID.CERTIFICATE_POLICIES)
    known["policies"] = policies and [policy.policy_identifier.dotted_string for policy in policies]
    said = [VALIDATIONS[p] for p in known["policies"] or [] if p in VALIDATIONS]
    known["validation"] = max(said, key=list(VALIDATIONS.values()).index, default=None)
    access = value(ExtensionOID.AUTHORITY_INFORMATION_ACCESS) or []
    for field, method in (("ocsp", AuthorityInformationAccessOID.OCSP), ("ca_issuers", AuthorityInformationAccessOID.CA_ISSUERS)):
        known[field] = [a.access_location.value for a in access if a.access_method == method
                        and isinstance(a.access_location, x509.UniformResourceIdentifier)] or None
    points = value(ExtensionOID.CRL_DISTRIBUTION_POINTS) or []
    known["crl"] = [name.value for point in points for name in point.full_name or []
                    if isinstance(name, x509.UniformResourceIdentifier)] or None
    scts = value(ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS)
    known["sct_count"] = len(scts) if scts is not None else None
    known["scts"] = scts and [{"log": sct.log_id.hex(), "timestamp": sct.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ")} for sct in scts]
    features = value(ExtensionOID.TLS_FEATURE)
    known["must_staple"] = True if features and x509.TLSFeatureType.status_request in features else None
    known["name_constraints"] = True if value(ExtensionOID.NAME_CONSTRAINTS) else None
    subject = value(ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    known["subject_key_id"] = subject and subject.digest.hex()
    authority = value(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    known["authority_key_id"] = authority and authority.key_identifier and authority.key_identifier.hex()
    names = value(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    known["names.count"] = len(names) if names else None
    for field, kind in (("dns", x509.DNSName), ("email", x509.RFC822Name), ("uri", x509.UniformResourceIdentifier)):
        known[f"names.{field}"] = (names and names.get_values_for_type(kind) or None) if names is None or len(names) <= 1000 else None
        if names and len(names) > 1000:
            del known[f"names.{field}"]
    known["names.ip"] = names and [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] or None
    return known


if __name__ == "__main__":
    main()
