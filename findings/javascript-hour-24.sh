#!/usr/bin/env bash
# JavaScript shows half past midnight as 24:30:00 in American English with hour12: false, and as 00:30:00 in British English.
# A good engineer expects 00:30:00 in both. hourCycle: 'h23' gives it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > finding.mjs <<'EOF'
import assert from 'node:assert'

console.log('node', process.version, 'ICU', process.versions.icu)
const late = new Date(2019, 11, 7, 0, 30)
const shown = {}
for (const language of ['en-US', 'en-GB', 'de-DE']) shown[language] = late.toLocaleTimeString(language, { hour12: false })
shown['en-US, h23'] = late.toLocaleTimeString('en-US', { hourCycle: 'h23' })
console.log(shown)
assert.deepEqual(shown, { 'en-US': '24:30:00', 'en-GB': '00:30:00', 'de-DE': '00:30:00', 'en-US, h23': '00:30:00' })
EOF
node finding.mjs
