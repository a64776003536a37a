"""HTTPS with a libcurl of the system, whatever it was built with: libcurl_client.py LIBRARY_FILE URL CA_FILE TIMES [OPTION]

OPTION is http1, no-alpn or tls12 (at most that version).
"""
import ctypes
import sys

URL, CAINFO, FORBID_REUSE, NOBODY = 10002, 10065, 75, 44
# CURLOPT_HTTP_VERSION, CURLOPT_SSL_ENABLE_ALPN, CURLOPT_SSLVERSION
OPTIONS = {"http1": (84, 2), "no-alpn": (226, 0), "tls12": (32, 6 << 16)}
curl = ctypes.CDLL(sys.argv[1])
curl.curl_easy_init.restype = ctypes.c_void_p
handle = ctypes.c_void_p(curl.curl_easy_init())
for option, value in ((URL, sys.argv[2].encode()), (CAINFO, sys.argv[3].encode()),
                      (FORBID_REUSE, ctypes.c_long(1)), (NOBODY, ctypes.c_long(1))):
    curl.curl_easy_setopt(handle, option, value)
for word in sys.argv[5:]:
    curl.curl_easy_setopt(handle, OPTIONS[word][0], ctypes.c_long(OPTIONS[word][1]))
for _ in range(int(sys.argv[4])):
    print(curl.curl_easy_perform(handle))
