// Light and dark colours. Each country has its own combination of colour, dash and mark.

const COLOURS = {
  light: ["#0065a3", "#c24e00", "#007a5a", "#a8397c", "#7d6200", "#5a4bb0", "#3b3f45", "#1c86c7"],
  dark: ["#5bb5f0", "#ff9a57", "#35c99d", "#eba0cb", "#e3cf57", "#b3a5ff", "#d3d8de", "#8fdcff"],
};
const DASHES = ["solid", [7, 3], [2, 2], [9, 3, 2, 3], [4, 2, 4, 6], [14, 4]];
const MARKS = ["circle", "rect", "triangle", "diamond", "arrow", "pin"];
const MARK_SIZES = [6, 6, 7, 8, 8, 11]; // all marks look equally large
const MARK_PATHS = [
  "M16 3a4 4 0 1 0 .01 0z", "M12.5 3.5h7v7h-7z", "M16 2.5l4.5 8h-9z", "M16 2l5 5-5 5-5-5z",
  "M16 2l4 9-4-2.5-4 2.5z", "M16 13c-5-6-4-10 0-10s5 4 0 10z",
];

// 8 colours and 6 dashes give 48 combinations, so no two of 48 countries share both.
const style = (n) => (Math.floor(n / 8) + n) % DASHES.length;
const isDark = () => document.documentElement.dataset.theme === "dark";
const colour = (n) => COLOURS[isDark() ? "dark" : "light"][n % 8];
const dash = (n) => DASHES[style(n)];
const mark = (n) => MARKS[style(n)];
const markSize = (n) => MARK_SIZES[style(n)];
const markOffset = (n) => [0, { pin: "50%", arrow: "-25%" }[mark(n)] ?? 0]; // centres the mark on its line
const tone = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function swatch(n) {
  const dashes = dash(n) === "solid" ? {} : { "stroke-dasharray": dash(n).join(" ") };
  const line = { x1: 0, x2: 32, y1: 7, y2: 7, stroke: colour(n), "stroke-width": 2, ...dashes };
  const marked = { d: MARK_PATHS[style(n)], fill: colour(n) };
  return drawing(32, 14, [["line", line], ["path", marked]], { class: "swatch" });
}

// Returns the shade for a share from 0 (lightest) to 1 (strongest).
function shade(share) {
  const [low, high] = [tone("low"), tone("high")].map((hex) =>
    [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)),
  );
  const mixed = low.map((from, n) => Math.round(from + (high[n] - from) * Math.min(share, 1)));
  return `rgb(${mixed.join(",")})`;
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme").setAttribute("aria-pressed", String(theme === "dark"));
}
