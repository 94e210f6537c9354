// Assembles the page.

const COUNTED = {
  movie: "A later snapshot supersedes an earlier one for the same film, theater and day, so that each screening counts once.",
  theater: "A later snapshot supersedes an earlier one for the same theater and day, so that each screening counts once.",
  all: "A later snapshot can repeat days of an earlier snapshot. Screenings on these days count in both.",
};

function introduce() {
  for (const part of document.querySelectorAll("[data-detail]")) part.hidden = data.aggregate;
  const [first, last] = [days[0], days.at(-1)];
  const span = days.length > 1 ? `${first} to ${last}` : first;
  byId("about").textContent =
    `${data.lake}: ${codes.length} countries, ${days.length} date stamps, ${span}. ` +
    `Written ${data.written} by movielake ${data.version}.` +
    (data.zones ? ` Places are checked by the tz database ${data.zones}.` : "");
  byId("counted").textContent = COUNTED[data.current ?? "all"];
  byId("notes").replaceChildren(...data.notes.map((note) => element("li", {}, note)));
  byId("notes").hidden = !data.notes.length;
}

function chooseCountries() {
  const boxes = everyone.map((n) => {
    const toggle = () => {
      if (boxes[n].checked) shown.add(n);
      else shown.delete(n);
      refresh();
    };
    return element("input", { type: "checkbox", id: `country-${codes[n]}`, change: toggle });
  });
  const labels = everyone.map((n) => element("label", {}, boxes[n]));
  byId("country-boxes").append(...labels);
  const bySize = [...everyone].sort((a, b) => totals[b] - totals[a]);
  const choices = {
    all: () => everyone,
    none: () => [],
    largest: () => bySize.slice(0, 10),
    others: () => everyone.filter((n) => !shown.has(n)),
  };
  for (const button of document.querySelectorAll("[data-choose]")) {
    button.addEventListener("click", () => show(choices[button.dataset.choose]()));
  }
  onChange(() => {
    everyone.forEach((n) => {
      boxes[n].checked = shown.has(n);
      labels[n].replaceChildren(boxes[n], swatch(n), element("span", {}, label(n)));
    });
    const alone = shown.size === 1 ? `, ${names[chosen()[0]]} alone` : "";
    byId("countries-shown").textContent = `Countries: ${shown.size} of ${codes.length} shown${alone}`;
  });
  byId("countries").open = codes.length <= 12 && matchMedia("(min-width: 60rem)").matches;
}

// Returns limits of an axis for nine of ten values and 100. A few weeks of closed cinemas must not
// press all lines into one band.
function usual(values) {
  const sorted = values.filter((value) => value != null).sort((a, b) => a - b);
  if (!sorted.length) return {};
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const [low, high] = [Math.min(at(0.05), 100), Math.max(at(0.95), 100)];
  const margin = Math.max((high - low) * 0.15, 1);
  const step = [1, 2, 5, 10, 20, 50].find((one) => (high - low) / one <= 8) ?? 100;
  return { min: Math.max(0, step * Math.floor((low - margin) / step)), max: step * Math.ceil((high + margin) / step) };
}

function compareWith() {
  const select = byId("index-stamp");
  const some = data.stamps.map((stamp, at) => [stamp, at]).filter(([, at]) => data.screenings.some((row) => row[at]));
  select.append(...some.map(([stamp, at]) => element("option", { value: at }, days[at])));
  const preset = String(data.stamps.indexOf(data.index));
  select.value = preset;
  const index = () => Number(select.value);
  const values = (n) => {
    const whole = data.screenings[n][index()];
    return data.screenings[n].map((value) => (whole && value != null ? (100 * value) / whole : null));
  };
  makeLines("indexed", {
    title: "Screenings compared with one snapshot",
    values,
    text: (value) => `${value.toFixed(value < 10 ? 1 : 0)} %`,
    unit: "% of the chosen snapshot",
    limits: (lines) => (byId("whole").checked ? {} : usual(lines.flatMap(values))),
  });
  byId("whole").addEventListener("change", refresh);
  keep("whole", () => (byId("whole").checked ? "yes" : ""), (text) => (byId("whole").checked = text === "yes"));
  keep("snapshot", () => (select.value === preset ? "" : data.stamps[index()]), (text) => {
    const at = some.find(([stamp]) => stamp === text);
    select.value = at ? String(at[1]) : preset;
  });
  select.addEventListener("change", refresh);
  onChange(() => {
    const without = chosen().filter((n) => !data.screenings[n][index()]);
    const { min, max } = usual(chosen().flatMap(values));
    const outside = byId("whole").checked ? 0 : chosen().flatMap(values).filter((value) => value != null && (value < min || value > max)).length;
    const notes = [
      ...(without.length ? [`Not in the plot, because the chosen snapshot has no screenings: ${without.map(label).join(", ")}.`] : []),
      ...(outside ? [`${number(outside)} values lie outside of the axis. Check “All values” to see them.`] : []),
    ];
    byId("not-indexed").hidden = !notes.length;
    byId("not-indexed").textContent = notes.join(" ");
  });
  return index;
}

function chooseTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  setTheme(dark.matches ? "dark" : "light");
  const set = (theme) => {
    setTheme(theme);
    refresh();
  };
  dark.addEventListener("change", () => set(dark.matches ? "dark" : "light"));
  byId("theme").addEventListener("click", () => set(isDark() ? "light" : "dark"));
  preparePrint(set);
}

// Prepares printing: light colours, the whole legend, and plots as wide as the paper.
function preparePrint(set) {
  const PAPER = 680;
  let before = null;
  addEventListener("beforeprint", () => {
    before = { theme: document.documentElement.dataset.theme, open: byId("countries").open };
    byId("countries").open = true;
    set("light");
    for (const { chart, end } of plots.values()) {
      chart.resize({ width: PAPER });
      end();
      chart.getZr().flush(); // draws now, because printing does not wait for the next frame
    }
    paper.isPrinted = true;
  });
  addEventListener("afterprint", () => {
    paper.isPrinted = false;
    byId("countries").open = before.open;
    set(before.theme);
    for (const { chart, end } of plots.values()) {
      chart.resize({ width: "auto" });
      end();
    }
  });
}

chooseTheme();
introduce();
chooseCountries();
makeTotals();
makeCoverage();
makeCountries();
const scale = () => (byId("logarithmic").checked ? "log" : "value");
makeLines("screenings", { title: "Screenings by country", values: (n) => data.screenings[n], text: number, unit: "screenings", scale });
byId("logarithmic").addEventListener("change", refresh);
keep("scale", () => (byId("logarithmic").checked ? "log" : ""), (text) => (byId("logarithmic").checked = text === "log"));
makeSnapshots(compareWith());
makeLines("theaters", { title: "Active theaters", values: (n) => data.theaters[n], text: number, unit: "theaters" });
makeHours();
if (!data.aggregate) makeFilms();
makeTravel();
if (!data.aggregate) makePremieres();
makeRuns();
makeConcentration();
makeShares();
if (!data.aggregate) {
  makeMap();
  describeMap();
}
makeQuality();
makeProblems();
if (!data.aggregate) makeIncidents();
readAddress();
addEventListener("hashchange", readAddress);
document.documentElement.dataset.ready = "yes";
