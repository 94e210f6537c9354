// Files to take away: tables as CSV, plots as PNG or SVG.

function save(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = element("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser may still be reading it
}

const fileName = (name, ending) => `${data.lake.replace(/[^\w.-]+/g, "_")}-${name}.${ending}`;

// Quotes as RFC 4180 does. A text that a spreadsheet would take for a formula gets an apostrophe.
function csvCell(value) {
  if (value == null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function saveTable(name, columns, rows) {
  const written = columns.filter((column) => column.value);
  const lines = [written.map((c) => c.title), ...rows.map((row) => written.map((c) => c.value(row)))];
  save(fileName(name, "csv"), "text/csv", lines.map((cells) => `${cells.map(csvCell).join(",")}\r\n`).join(""));
}

function savePlot(name, chart, format) {
  const backgroundColor = tone(name === "map" ? "sea" : "page");
  if (format === "png") {
    const url = chart.getDataURL({ pixelRatio: 3, backgroundColor });
    const bytes = Uint8Array.from(atob(url.split(",")[1]), (c) => c.charCodeAt(0));
    return save(fileName(name, "png"), "image/png", bytes);
  }
  const [width, height] = [chart.getWidth(), chart.getHeight()];
  const drawn = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  drawn.setOption({ ...chart.getOption(), backgroundColor });
  save(fileName(name, "svg"), "image/svg+xml", drawn.renderToSVGString());
  drawn.dispose();
}
