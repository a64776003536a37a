#!/usr/bin/env bash
# Tries the Debian package out: installs, starts, reloads, stops, upgrades, removes and purges it, and looks at what is there
# after each step. As root, on Debian or Ubuntu.
#
#   packaging/test.sh PACKAGE.deb
#
# The root is this machine's, under an overlay in memory, in a mount and a network namespace: nothing of it stays. There is no
# service manager in it: the unit is verified and judged by systemd-analyze, and its ExecStart is run as its user, with the
# capabilities that it grants and none of its other walls.
set -euo pipefail

step=begin

fail() {
    echo "package: $step: $*" >&2
    exit 1
}

# Where, then mode, owner and group that it has to have.
has() {
    local found
    found=$(stat -c '%a %U:%G' "$1" 2>/dev/null) || fail "$1 is not there"
    [ "$found" = "$2" ] || fail "$1 is $found, not $2"
}

gone() {
    for path in "$@"; do
        [ ! -e "$path" ] || fail "$path is still there"
    done
}

said() {
    step=$1
    echo "package: $1"
}

outside() {
    if [ "$(id -u)" -ne 0 ]; then
        echo 'package: nothing checked: run it as root' >&2
        exit 0
    fi
    for program in unshare chroot dpkg-deb setpriv systemd-analyze tcpreplay ip python3; do
        command -v "$program" >/dev/null || fail "there is no $program (Debian: util-linux, dpkg, systemd, tcpreplay, iproute2, python3)"
    done
    local here
    here=$(cd "$(dirname "$0")/.." && pwd)
    exec unshare --mount --net --pid --fork --kill-child --propagation private "$0" --inside "$(realpath "$1")" "$here"
}

# Mounts the root, and goes on in it.
inside() {
    local work=/mnt
    mount -t tmpfs -o size=2g tmpfs "$work"
    mkdir "$work"/{upper,work,root}
    mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" overlay "$work/root"
    mount -t proc proc "$work/root/proc"
    mount -t sysfs sysfs "$work/root/sys"
    mount --rbind /dev "$work/root/dev"
    mount -t tmpfs tmpfs "$work/root/run"
    mount -t tmpfs tmpfs "$work/root/tmp"
    cp "$1" "$work/root/tmp/package.deb"
    cp "$2/testdata/captures/chain_ok.pcap" "$work/root/tmp/"
    cp "$0" "$work/root/tmp/test.sh"
    ip link set lo up
    ip link add name tap0 type veth peer name far0
    ip link set tap0 mtu 65535 up
    ip link set far0 mtu 65535 up
    exec chroot "$work/root" /tmp/test.sh --in-root
}

in_root() {
    export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
    if dpkg-query -W tlsight >/dev/null 2>&1; then
        dpkg --purge tlsight >/dev/null
    fi
    rm -rf /etc/tlsight /var/lib/tlsight /var/log/tlsight
    if getent passwd tlsight >/dev/null; then
        deluser --quiet --system tlsight >/dev/null
    fi

    said install
    dpkg -i /tmp/package.deb >/tmp/out 2>&1 || { cat /tmp/out >&2; fail 'dpkg -i'; }
    installed
    [ "$(getent passwd tlsight | cut -d: -f6,7)" = /var/lib/tlsight:/usr/sbin/nologin ] || fail "$(getent passwd tlsight)"
    [ "$(id -Gn tlsight)" = tlsight ] || fail "groups: $(id -Gn tlsight)"
    [ "$(systemctl --root=/ is-enabled tlsight 2>/dev/null || true)" = disabled ] || fail 'it is enabled, though no interface is named'

    said unit
    local complaints
    # What it says of other units of this machine is not ours.
    complaints=$(systemd-analyze verify --man=no /lib/systemd/system/tlsight.service 2>&1 | grep -F tlsight || true)
    [ -z "$complaints" ] || fail "$complaints"
    systemd-analyze security --offline=yes --threshold=20 /lib/systemd/system/tlsight.service >/tmp/security 2>&1 \
        || { cat /tmp/security >&2; fail 'its exposure is above 2.0'; }
    tail -n 1 /tmp/security

    said start
    sed -i 's/^#interfaces = .*/interfaces = ["tap0"]/' /etc/tlsight/tlsight.toml
    runs 1

    said upgrade
    upgraded /tmp/package.deb /tmp/newer.deb
    dpkg -i /tmp/newer.deb >/tmp/out 2>&1 </dev/null || { cat /tmp/out >&2; fail 'dpkg -i'; }
    [ "$(dpkg-query -W -f '${Version}' tlsight)" = "$newer" ] || fail 'it is the old version'
    grep -q '^interfaces = \["tap0"\]' /etc/tlsight/tlsight.toml || fail 'the configuration was written over'
    installed
    # It goes on in the same file.
    runs 2

    said remove
    echo TLSIGHT_WEBHOOK_TOKEN=secret >/etc/tlsight/environment
    dpkg -r tlsight >/tmp/out 2>&1 || { cat /tmp/out >&2; fail 'dpkg -r'; }
    gone /usr/bin/tlsight /lib/systemd/system/tlsight.service /usr/share/tlsight /usr/share/doc/tlsight
    grep -q '^interfaces = \["tap0"\]' /etc/tlsight/tlsight.toml || fail 'the configuration is gone'
    [ -s /var/log/tlsight/sessions.ndjson ] || fail 'what was told is gone'
    getent passwd tlsight >/dev/null || fail 'the user is gone, whose files are not'

    said 'install again'
    dpkg -i /tmp/newer.deb >/tmp/out 2>&1 </dev/null || { cat /tmp/out >&2; fail 'dpkg -i'; }
    grep -q '^interfaces = \["tap0"\]' /etc/tlsight/tlsight.toml || fail 'the configuration is not what it was'
    installed

    said purge
    dpkg -P tlsight >/tmp/out 2>&1 || { cat /tmp/out >&2; fail 'dpkg -P'; }
    gone /usr/bin/tlsight /lib/systemd/system/tlsight.service /usr/share/tlsight /etc/tlsight /var/lib/tlsight /var/log/tlsight
    local links
    links=$(find /etc/systemd /var/lib/systemd -name '*tlsight*' 2>/dev/null || true)
    [ -z "$links" ] || fail "$links"
    dpkg-query -W tlsight >/dev/null 2>&1 && fail 'dpkg still knows it'
    echo 'package: all is well'
}

installed() {
    has /usr/bin/tlsight '755 root:root'
    has /lib/systemd/system/tlsight.service '644 root:root'
    has /etc/tlsight '750 root:tlsight'
    has /etc/tlsight/tlsight.toml '640 root:tlsight'
    has /usr/share/tlsight/rules/README.md '644 root:root'
    has /usr/share/doc/tlsight/copyright '644 root:root'
    # Nothing is linked that the package does not depend on.
    ! ldd /usr/bin/tlsight | grep -q 'not found' || fail "$(ldd /usr/bin/tlsight)"
    /usr/bin/tlsight config check /etc/tlsight/tlsight.toml >/dev/null || fail 'its configuration'
    /usr/bin/tlsight rules check /usr/share/tlsight/rules >/tmp/out 2>&1 || { cat /tmp/out >&2; fail 'its rules'; }
}

# Does what the unit does; so many sessions are in its file then.
runs() {
    # StateDirectory=, LogsDirectory=
    install -d -o tlsight -g tlsight -m 0755 /var/lib/tlsight /var/log/tlsight
    local command notify pid
    command=$(sed -n 's/^ExecStart=//p' /lib/systemd/system/tlsight.service)
    notify=/run/notify
    rm -f "$notify"
    python3 - "$notify" >/tmp/ready <<'PYTHON' &
import os, socket, sys
socket_ = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
socket_.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
while True:
    message = socket_.recv(4096).decode()
    print(message, flush=True)
    if 'STOPPING=1' in message:
        break
PYTHON
    waits_for 'the notification socket' test -S "$notify"
    # shellcheck disable=SC2086 # the unit's command, word by word
    NOTIFY_SOCKET=$notify setpriv --reuid tlsight --regid tlsight --clear-groups --inh-caps -all,+net_raw \
        --ambient-caps -all,+net_raw --bounding-set -all,+net_raw --no-new-privs $command >/tmp/told 2>/tmp/said </dev/null &
    pid=$!
    waits_for READY=1 grep -q READY=1 /tmp/ready
    grep -q '^Uid:.*\b'"$(id -u tlsight)"'\b' "/proc/$pid/status" || fail 'it is another user'
    grep -q '^CapEff:.*0000000000000000' "/proc/$pid/status" || fail "it has kept $(grep CapEff "/proc/$pid/status")"
    tcpreplay --quiet --intf1 far0 /tmp/chain_ok.pcap >/dev/null 2>&1 || fail 'tcpreplay'
    waits_for "session $1" sessions "$1"
    # ExecReload=
    kill -HUP "$pid"
    waits_for 'what SIGHUP does' grep -q 'read again' /tmp/said
    kill -TERM "$pid"
    wait "$pid" || fail "exit status $?: $(cat /tmp/said)"
    waits_for STOPPING=1 grep -q STOPPING=1 /tmp/ready
    has /var/log/tlsight/sessions.ndjson '644 tlsight:tlsight'
}

sessions() {
    [ "$(grep -c '"dataset":"tlsight.tls"' /var/log/tlsight/sessions.ndjson 2>/dev/null)" = "$1" ]
}

waits_for() {
    local what=$1
    shift
    for _ in $(seq 200); do
        "$@" && return
        sleep 0.1
    done
    fail "$what does not come: $(tail -n 5 /tmp/said 2>/dev/null)"
}

# The same package with a later version.
upgraded() {
    rm -rf /tmp/unpacked
    dpkg-deb -R "$1" /tmp/unpacked
    newer=$(sed -n 's/^Version: //p' /tmp/unpacked/DEBIAN/control)+newer1
    sed -i "s/^Version: .*/Version: $newer/" /tmp/unpacked/DEBIAN/control
    dpkg-deb --root-owner-group -Znone -b /tmp/unpacked "$2" >/dev/null
}

case ${1:?a package, as cargo deb makes it} in
    --inside) inside "$2" "$3" ;;
    --in-root) in_root ;;
    *) outside "$1" ;;
esac
