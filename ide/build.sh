#!/bin/sh
# Builds the GraphiQL page. Takes the machine's Node, or where there is none (or an old one) Node from PyPI, put into .venv.
set -eu
cd "$(dirname "$0")"

node_is_usable() {
    command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 18)' 2>/dev/null
}

if ! node_is_usable; then
    bin="$(cd ../.venv/bin && pwd)"
    "$bin/uv" pip install --quiet --python "$bin/python" --require-hashes -r ../requirements-node.lock ||
        "$bin/python" -m pip install --quiet --require-hashes -r ../requirements-node.lock
    PATH="$bin:$PATH"
fi

# npm writes this file last: newer than the lock, it says that what the lock names is there.
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --loglevel=error
node build.mjs
echo "built gateway/static/graphiql ($(du -sh ../gateway/static/graphiql | cut -f1))"
