#!/usr/bin/env bash
# SheetJS reads film titles in a CSV file as dates: 9/11 becomes 11 September 2001, and 8 1/2 becomes 1 August 2002.
# A good engineer expects texts, because neither has a year. 50/50 stays a text. The option raw keeps all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --prefix . xlsx@0.18.5 >/dev/null
cat > finding.mjs <<'EOF'
import assert from 'node:assert'
import * as XLSX from 'xlsx'

console.log('xlsx', XLSX.version)
const csv = 'title\n9/11\n8 1/2\n50/50\n'
const titles = options => {
  const sheet = XLSX.read(csv, { type: 'string', ...options }).Sheets.Sheet1
  return XLSX.utils.sheet_to_json(sheet, options).map(row => row.title)
}
console.log('serial days:', titles({}), 'as shown:', titles({ raw: false }))
assert.deepEqual(titles({}), [37145, 37469, '50/50'])
assert.deepEqual(XLSX.utils.sheet_to_json(XLSX.read(csv, { type: 'string', raw: true }).Sheets.Sheet1).map(r => r.title),
  ['9/11', '8 1/2', '50/50'])
EOF
node finding.mjs
