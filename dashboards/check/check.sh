#!/usr/bin/env bash
# Holds the dashboards against the types of Grafana's own package @grafana/schema. Needs Node, and the network once;
# `make test` does without: it checks their structure, and asks their questions.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$here/../../target/grafana-check
mkdir -p "$work"
cp "$here/package.json" "$work"
cd "$work"
npm install --silent --no-audit --no-fund
node "$here/dashboards.mjs" "$here/.." "$work/dashboards.ts"
npx tsc --noEmit --strict --skipLibCheck --moduleResolution bundler --module esnext --target es2022 dashboards.ts
echo 'All of them fit.'
