#!/usr/bin/env bash
# Installs what building, testing and the demo need and this machine lacks, with apt. Says first what that is.
#
#   scripts/setup.sh              the Rust toolchain is looked for, not installed
set -euo pipefail

packages=()

# Whether the C compiler finds a library to link with.
links() {
    echo 'int main(void) { return 0; }' | cc -x c - "-l$1" -o /dev/null 2>/dev/null
}

missing() {
    command -v cc >/dev/null || packages+=(gcc libc6-dev)
    links pcap || packages+=(libpcap-dev)
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3 python3-venv)
    command -v openssl >/dev/null || packages+=(openssl)
    command -v curl >/dev/null || packages+=(curl)
    command -v tcpdump >/dev/null || packages+=(tcpdump)
    command -v ip >/dev/null || packages+=(iproute2)
    command -v tcpreplay >/dev/null || packages+=(tcpreplay)
    { command -v tshark && command -v capinfos && command -v editcap; } >/dev/null || packages+=(tshark)
    type -P kill >/dev/null || packages+=(procps)
}

toolchain() {
    if ! command -v cargo >/dev/null; then
        echo "setup: there is no cargo: install Rust 1.95 or newer (https://rustup.rs), then run this again" >&2
        exit 2
    fi
    for part in fmt clippy; do
        cargo "$part" --version >/dev/null 2>&1 && continue
        [ "$part" = fmt ] && component=rustfmt || component=clippy
        if ! command -v rustup >/dev/null; then
            echo "setup: \`cargo $part\` is missing: install the $component of your Rust toolchain" >&2
            exit 2
        fi
        echo "setup: installing $component with rustup" >&2
        rustup component add "$component"
    done
}

install() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
    fi
    if ! command -v apt-get >/dev/null || ! { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; }; then
        echo "setup: please install: ${packages[*]} (Debian's names), then run this again" >&2
        exit 2
    fi
    echo "setup: installing with apt: ${packages[*]}" >&2
    "${as_root[@]}" apt-get -qq update
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${packages[@]}"
}

toolchain
missing
if [ "${#packages[@]}" -gt 0 ]; then
    install
    packages=()
    missing
    if [ "${#packages[@]}" -gt 0 ]; then
        echo "setup: still missing after the installation: ${packages[*]}" >&2
        exit 2
    fi
fi
