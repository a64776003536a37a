#!/usr/bin/env python3
"""Write testdata/vectors/dh_groups.json: the primes of well-known Diffie-Hellman groups, as OpenSSL's library has them.

usage: dh_groups.py
"""
import ctypes
import ctypes.util
import json
import pathlib

from lab import openssl

TARGET = pathlib.Path(__file__).resolve().parent.parent / "vectors" / "dh_groups.json"
# Name, specification, and the function of libcrypto that knows the prime or, for DH_new_by_nid, the name it goes by.
GROUPS = [
    ("modp_768", "RFC 2409, section 6.1", "BN_get_rfc2409_prime_768"),
    ("modp_1024", "RFC 2409, section 6.2", "BN_get_rfc2409_prime_1024"),
    *((f"modp_{bits}", f"RFC 3526, section {section}", f"BN_get_rfc3526_prime_{bits}")
      for section, bits in enumerate((1536, 2048, 3072, 4096, 6144, 8192), 2)),
    ("dh_1024_160", "RFC 5114, section 2.1", "DH_get_1024_160"),
    ("dh_2048_224", "RFC 5114, section 2.2", "DH_get_2048_224"),
    ("dh_2048_256", "RFC 5114, section 2.3", "DH_get_2048_256"),
    *((f"ffdhe{bits}", f"RFC 7919, appendix A.{n}", "DH_new_by_nid")
      for n, bits in enumerate((2048, 3072, 4096, 6144, 8192), 1)),
]

crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
pointer, text = ctypes.c_void_p, ctypes.c_char_p
for name, result, arguments in (("DH_new_by_nid", pointer, [ctypes.c_int]), ("DH_get0_p", pointer, [pointer]),
                                ("OBJ_txt2nid", ctypes.c_int, [text]), ("BN_bn2hex", text, [pointer])):
    getattr(crypto, name).restype, getattr(crypto, name).argtypes = result, arguments


def prime(name, function):
    if function == "DH_new_by_nid":
        number = crypto.DH_get0_p(crypto.DH_new_by_nid(crypto.OBJ_txt2nid(name.encode())))
    else:
        getattr(crypto, function).restype = pointer
        getattr(crypto, function).argtypes = [pointer] if function.startswith("BN_") else []
        made = getattr(crypto, function)(*([None] if function.startswith("BN_") else []))
        number = made if function.startswith("BN_") else crypto.DH_get0_p(made)
    return crypto.BN_bn2hex(number).decode().lower()


rows = [{"name": name, "specification": where, "prime": prime(name, function)} for name, where, function in GROUPS]
TARGET.write_text(json.dumps({"source": openssl(), "groups": rows}, indent=1) + "\n")
