"""A TLS server on OpenSSL 1.0.2 (SSL 3.0 to TLS 1.2): legacy_server.py METHOD PORT CHAIN KEY [CIPHERS]

METHOD: SSLv3 TLSv1 TLSv1_1 TLSv1_2 SSLv23, or SSLv23:VERSION for at most that version. Only SSLv23 takes a hello in
SSL 2.0 form. Needs LD_LIBRARY_PATH and OPENSSL_DIR to point at the library.
"""
import ctypes
import glob
import os
import socket
import sys

method, port, chain, key = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
method, _, highest = method.partition(":")
# SSL_CTX_set_options is a macro around SSL_CTX_ctrl; these are SSL_OP_NO_TLSv1 and its like in 1.0.2.
TOO_NEW = {"": 0, "SSLv3": 0x1C000000, "TLSv1": 0x18000000, "TLSv1_1": 0x08000000}
home = os.environ["OPENSSL_DIR"]
ctypes.CDLL(glob.glob(home + "/libcrypto-*")[0], ctypes.RTLD_GLOBAL)
lib = ctypes.CDLL(glob.glob(home + "/libssl-*")[0])
pointer, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
for name, result, arguments in (
        (method + "_server_method", pointer, []), ("SSL_CTX_new", pointer, [pointer]),
        ("SSL_CTX_use_certificate_chain_file", number, [pointer, text]),
        ("SSL_CTX_use_PrivateKey_file", number, [pointer, text, number]),
        ("SSL_CTX_ctrl", ctypes.c_long, [pointer, number, ctypes.c_long, pointer]),
        ("SSL_CTX_set_cipher_list", number, [pointer, text]), ("SSL_new", pointer, [pointer]),
        ("SSL_set_fd", number, [pointer, number]), ("SSL_accept", number, [pointer]),
        ("SSL_read", number, [pointer, pointer, number]), ("SSL_write", number, [pointer, text, number]),
        ("SSL_shutdown", number, [pointer]), ("SSL_get_version", text, [pointer])):
    function = getattr(lib, name)
    function.restype, function.argtypes = result, arguments

lib.SSL_library_init()
context = lib.SSL_CTX_new(getattr(lib, method + "_server_method")())
if not context or lib.SSL_CTX_use_certificate_chain_file(context, chain.encode()) != 1 \
        or lib.SSL_CTX_use_PrivateKey_file(context, key.encode(), 1) != 1 \
        or len(sys.argv) > 5 and lib.SSL_CTX_set_cipher_list(context, sys.argv[5].encode()) != 1:
    raise SystemExit("legacy_server.py: OpenSSL 1.0.2 refused the method, the certificate or the ciphers")

lib.SSL_CTX_ctrl(context, 32, TOO_NEW[highest], None)

listener = socket.create_server(("127.0.0.1", port))
while True:
    sock, _ = listener.accept()
    session = lib.SSL_new(context)
    lib.SSL_set_fd(session, sock.fileno())
    if lib.SSL_accept(session) == 1:
        print(lib.SSL_get_version(session).decode(), flush=True)
        buffer = ctypes.create_string_buffer(4096)
        lib.SSL_read(session, buffer, 4096)
        lib.SSL_write(session, b"ok\n", 3)
        lib.SSL_shutdown(session)
    sock.close()
