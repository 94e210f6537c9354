// What the reader chose, kept in the address of the page, so that a view can be sent and cited.

const kept = new Map(); // by name: read() returns the choice as text, "" for the default; write(text) applies it

function keep(name, read, write) {
  kept.set(name, { read, write });
}

// Returns the address of the current choices with some of them changed.
function addressOf(changes = {}) {
  const said = new URLSearchParams();
  for (const [name, { read }] of kept) {
    const value = changes[name] ?? read();
    if (value) said.set(name, value);
  }
  return `#${said.toString().replaceAll("%2C", ",")}`;
}

function writeAddress() {
  const address = addressOf();
  if (address !== (location.hash || "#")) history.replaceState(null, "", address);
}

// An address without "=" is a plain link to a part of the page, and changes no choice.
function readAddress() {
  if (!location.hash.includes("=")) return;
  const said = new URLSearchParams(location.hash.slice(1));
  for (const [name, { write }] of kept) write(said.get(name) ?? "");
  refresh();
}

const readCountries = (text) => {
  const asked = new Set(text.split(","));
  const found = everyone.filter((n) => asked.has(codes[n]));
  shown.clear();
  (text && (found.length || text === "none") ? found : everyone).forEach((n) => shown.add(n));
};
keep("countries", () => (shown.size === codes.length ? "" : chosen().map((n) => codes[n]).join(",") || "none"), readCountries);
