#!/usr/bin/env bash
# zstddec returns its own memory, mostly zeros, for a Zstandard frame that does not state the size of its text.
# A good engineer expects an error, or the text: zstd writes such a frame whenever it reads a pipe. With the size given, the text is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --prefix . zstddec@0.3.4 >/dev/null
cat > finding.mjs <<'EOF'
import assert from 'node:assert'
import { readFileSync } from 'node:fs'
import { ZSTDDecoder } from 'zstddec'

console.log('zstddec', JSON.parse(readFileSync('node_modules/zstddec/package.json')).version)
const text = '{"a":1}\n{"a":2}\n'
const frame = Buffer.from('28b52ffd04588100007b2261223a317d0a7b2261223a327d0aeeedacf2', 'hex')
const decoder = new ZSTDDecoder()
await decoder.init()
const found = decoder.decode(frame)
console.log('bytes without a size:', found.length, 'with the size:', decoder.decode(frame, text.length).length)
assert.equal(Buffer.from(decoder.decode(frame, text.length)).toString(), text)
assert.ok(found.length > 1_000_000)
assert.ok(!Buffer.from(found).subarray(0, text.length).equals(Buffer.from(text)))
EOF
node finding.mjs
