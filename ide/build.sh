#!/bin/sh
# Builds the GraphiQL page.
set -eu
cd "$(dirname "$0")"

# npm writes this file last: newer than the lock, it says that what the lock names is there.
[ node_modules/.package-lock.json -nt package-lock.json ] || ./with-node npm ci --loglevel=error
./with-node node build.mjs
echo "built gateway/static/graphiql ($(du -sh ../gateway/static/graphiql | cut -f1))"
