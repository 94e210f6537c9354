// The data of the report, the countries shown, and functions to call when the countries change.

const data = JSON.parse(document.getElementById("data").textContent);
const codes = data.countries.map((country) => country.code);
const names = data.countries.map((country) => country.name);
const days = data.stamps.map((stamp) => stamp.replace(/^(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3"));
const times = days.map((day) => Date.parse(`${day}T00:00:00Z`));
const everyone = codes.map((_, n) => n);
const shown = new Set(everyone);
const watchers = [];

const byId = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en").format;
const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format;
const add = (numbers) => numbers.reduce((sum, n) => sum + (n ?? 0), 0);
const chosen = () => everyone.filter((n) => shown.has(n));
const label = (n) => (names[n] === codes[n] ? codes[n] : `${names[n]} (${codes[n]})`);

function onChange(redraw) {
  watchers.push(redraw);
  redraw();
}

function show(countries) {
  shown.clear();
  countries.forEach((n) => shown.add(n));
  refresh();
}

function refresh() {
  watchers.forEach((redraw) => redraw());
  writeAddress();
}

// Makes texts comparable as readers type them: München is found by munchen, Łódź by lodz.
const LETTERS = { ß: "ss", æ: "ae", œ: "oe", ø: "o", đ: "d", ð: "d", ł: "l", ħ: "h", ı: "i", þ: "th" };
const fold = (text) =>
  text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[ßæœøđðłħıþ]/g, (letter) => LETTERS[letter]);

// Reads a flat list that alternates the index of a country and a count.
function pairs(counts) {
  const found = [];
  for (let n = 0; n < counts.length; n += 2) {
    if (shown.has(counts[n])) found.push([counts[n], counts[n + 1]]);
  }
  return found;
}

// Adds text only as text, never as markup, because titles and names of the feed can contain markup.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.map((child) => child ?? ""));
  return made;
}

function drawing(width, height, shapes, attributes = {}) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const all = { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", ...attributes };
  Object.entries(all).forEach(([name, value]) => svg.setAttribute(name, value));
  for (const [tag, shape] of shapes) {
    const drawn = document.createElementNS(space, tag);
    Object.entries(shape).forEach(([name, value]) => drawn.setAttribute(name, value));
    svg.append(drawn);
  }
  return svg;
}
