"""Writes the tables of testdata/captures/README.md and testdata/README.md from the notes and the expected values."""
import collections
import json

CLIENT_MARK = "_nginx_"


def write(captures, notes):
    expected = {name: read(captures / "expected" / f"{name}.jsonl") for name in notes}
    fill(captures / "README.md", [capture_row(notes[n], expected[n]) for n in sorted(notes)])
    fill(captures.parent / "README.md", client_rows(notes, expected))


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def capture_row(note, handshakes):
    known = "; ".join(fact(k, v) for k, v in note["known"].items() if v is not None)
    return f"| `{note['file']}` | {note['what']} | {note['client']} | {note['server']} | {known} | {len(handshakes)} |"


def fact(name, value):
    if name in ("certs", "client_certs", "certs_any"):
        certificates = [f"`{c['subject']}` serial {c['serial']}, {c['not_before'][:8]} to {c['not_after'][:8]}"
                        for c in value[:3]]
        more = [f"{len(value) - 3} more"] if len(value) > 3 else []
        return f"{name}: {', '.join(certificates + more) or 'none'}"
    if value is True:
        return name
    return f"{name} {value}"


def client_rows(notes, expected):
    """One row per client and fingerprint, from the captures of clients against nginx."""
    rows = collections.defaultdict(set)
    for name, note in notes.items():
        if CLIENT_MARK not in name and not name.startswith(("openssl_tls1", "quic_v1.", "quic_v2.", "quic_chromium.",
                                                            "quic_go.", "dtls12_openssl", "dtls12_gnutls", "old_")):
            continue
        for handshake in expected[name]:
            if "ja4" in handshake:
                rows[note["client"], handshake["ja4"]].add(handshake["ja3"] if "ja3" in handshake else "-")
    out = []
    for (client, ja4), ja3 in sorted(rows.items()):
        shown = sorted(ja3)[0] if len(ja3) == 1 else f"{len(ja3)} different (extension order changes)"
        out.append(f"| {client} | `{ja4}` | {'`' + shown + '`' if len(ja3) == 1 else shown} |")
    return out


def fill(path, rows):
    """Replace the rows of the one table between the marks."""
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("<!-- rows -->\n")
    _, _, tail = rest.partition("<!-- end -->\n")
    path.write_text(head + "<!-- rows -->\n" + "\n".join(rows) + "\n<!-- end -->\n" + tail, encoding="utf-8")
