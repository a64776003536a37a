#!/usr/bin/env bash
# Shows what tlsight does, on captures of real programs: reads them, explains a fingerprint, stores the sessions in a
# local ClickHouse and asks it a question. Nothing is left running. `make demo` does the set-up before it.
set -euo pipefail
cd "$(dirname "$0")/.."

browsers=(chromium_nginx_tls13 firefox_nginx_tls13 curl_cffi_safari_nginx_tls13)
programs=(curl_http2_nginx_tls12 go_http_nginx_tls13 java_httpclient_nginx_tls13 requests_nginx_tls12)
ways=(quic_chromium webrtc_chromium starttls_smtp proxy_connect_refused_first vxlan_inside_and_outside)
trouble=(openssl_hello_retry cert_expired alert_unknown_ca old_tls10_3des)
names=("${browsers[@]}" "${programs[@]}" "${ways[@]}" "${trouble[@]}")
captures=("${names[@]/%/.pcap}")
captures=("${captures[@]/#/testdata/captures/}")

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\033[1m' plain=$'\033[0m'
fi

say() {
    printf '\n%s== %s%s\n' "$bold" "$1" "$plain"
}

# The command is shown, and run with the program that was just built.
show() {
    printf '%s$ %s%s\n\n' "$bold" "$1" "$plain"
    shift
    "$@"
}

store_pid=
stop_store() {
    if [ -n "$store_pid" ]; then
        # It ends with its standard input, and removes its data.
        exec {to_store}>&-
        wait "$store_pid" 2>/dev/null || true
        store_pid=
    fi
}
trap stop_store EXIT

say 'Building tlsight'
cargo build --release --quiet
tlsight=${CARGO_TARGET_DIR:-target}/release/tlsight

say "Reading ${#captures[@]} captures of browsers, programs and trouble, with the rules of rules/"
show 'tlsight read FILES --rules rules' "$tlsight" read "${captures[@]}" --rules rules --table

say 'What the fingerprint of Chromium says'
show 'tlsight explain t13d1517h2_8daaf6152771_cb7bf5808d99' \
    "$tlsight" explain t13d1517h2_8daaf6152771_cb7bf5808d99

say 'Starting a ClickHouse on this machine, for as long as the demo lasts'
coproc STORE { exec target/store-venv/bin/python tests/store/server.py; }
store_pid=$STORE_PID
exec {to_store}>&"${STORE[1]}" {from_store}<&"${STORE[0]}"
eval "exec ${STORE[1]}>&- ${STORE[0]}<&-"
read -r told <&"$from_store"
url=$(sed -n 's/.*"url": "\([^"]*\)".*/\1/p' <<<"$told")
version=$(sed -n 's/.*"version": "\([^"]*\)".*/\1/p' <<<"$told")
echo "ClickHouse $version answers at $url"

say 'Reading the same captures into it'
show "tlsight read FILES --rules rules --clickhouse $url --sessions --threads 1" \
    "$tlsight" read "${captures[@]}" --rules rules --clickhouse "$url" --sessions --threads 1

ask() {
    cat "$1"
    echo
    { cat "$1"; echo 'FORMAT PrettyCompactMonoBlock'; } |
        curl --silent --show-error --fail-with-body --noproxy '*' --data-binary @- "$url/?output_format_pretty_color=0"
}

say 'Asking it which clients there are, and what they speak'
ask dashboards/queries/clients.sql

say 'And what the rules found'
ask dashboards/queries/alerts.sql

say 'Hunting: one library in several programs, by the ciphers that their hellos share'
ask dashboards/queries/variants_of_a_library.sql

say 'Stopping ClickHouse'
stop_store
echo 'Done: nothing is left running. `make store` starts a ClickHouse that keeps its tables.'
