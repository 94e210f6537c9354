#!/usr/bin/env bash
# ExcelJS writes the UTC time of a Date into the workbook: 19:30 in Stockholm is 18:30 in Excel.
# A good engineer expects the local time, because Excel has no zones, or at least the same time for every reader.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --prefix . exceljs@4.4.0 >/dev/null
cat > finding.mjs <<'EOF'
import assert from 'node:assert'
import { createRequire } from 'node:module'
import ExcelJS from 'exceljs'
import JSZip from 'jszip'

console.log('exceljs', createRequire(import.meta.url)('exceljs/package.json').version)
const book = new ExcelJS.Workbook()
book.addWorksheet('showings').addRow([new Date(2019, 11, 6, 19, 30)])
const zip = await JSZip.loadAsync(await book.xlsx.writeBuffer())
const xml = await zip.file('xl/worksheets/sheet1.xml').async('string')
const serial = Number(/<v>([0-9.]+)<\/v>/.exec(xml)[1])
const minutes = Math.round((serial % 1) * 1440)
console.log('19:30 ->', `${Math.floor(minutes / 60)}:${minutes % 60}`, 'in the file:', serial)
assert.equal(minutes, 18 * 60 + 30)
EOF
TZ=Europe/Stockholm node finding.mjs
