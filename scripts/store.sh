#!/usr/bin/env bash
# A local ClickHouse, without a container and without root.
#
#   scripts/store.sh setup              install it into target/store-venv (once; does nothing the second time)
#   scripts/store.sh run [OPTION...]    start it in the foreground; options of tests/store/server.py, such as --port 8123
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/target/store-venv
# The launcher uses an entry of the package that is not public: the version is fixed.
wheel=chdb-core==26.9.0

setup() {
    local installed='from importlib.metadata import version; from chdb import _chdb; print("chdb-core==" + version("chdb-core"))'
    if [ "$("$venv/bin/python" -c "$installed" 2>/dev/null)" = "$wheel" ]; then
        return
    fi
    echo "store: installing $wheel (ClickHouse 26.9; Apache-2.0; 181 MB to fetch, 560 MB on disk) into $venv" >&2
    if ! python3 -m venv "$venv"; then
        echo "store: python3 with its venv module is needed (Debian: apt install python3-venv)" >&2
        exit 2
    fi
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "$wheel"
}

case ${1:-} in
    setup)
        setup
        ;;
    run)
        shift
        setup
        mkdir -p "$root/target/store-data"
        exec "$venv/bin/python" "$root/tests/store/server.py" --data "$root/target/store-data" "$@"
        ;;
    *)
        sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac
