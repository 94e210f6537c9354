// Assembles the page.

const COUNTED = {
  movie: "A later snapshot supersedes an earlier one for the same film, theater and day, so that each screening counts once.",
  theater: "A later snapshot supersedes an earlier one for the same theater and day, so that each screening counts once.",
  all: "A later snapshot can repeat days of an earlier snapshot. Screenings on these days count in both.",
};

function introduce() {
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
    byId("countries-shown").textContent = `Countries: ${shown.size} of ${codes.length} shown`;
  });
  byId("countries").open = codes.length <= 12 && matchMedia("(min-width: 60rem)").matches;
}

function compareWith() {
  const select = byId("index-stamp");
  const some = data.stamps.map((stamp, at) => [stamp, at]).filter(([, at]) => data.screenings.some((row) => row[at]));
  select.append(...some.map(([stamp, at]) => element("option", { value: at }, days[at])));
  select.value = String(data.stamps.indexOf(data.index));
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
  });
  select.addEventListener("change", refresh);
  onChange(() => {
    const without = chosen().filter((n) => !data.screenings[n][index()]);
    byId("not-indexed").hidden = !without.length;
    byId("not-indexed").textContent = `Not in the plot, because the chosen snapshot has no screenings: ${without.map(label).join(", ")}.`;
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
    for (const { chart } of plots.values()) {
      chart.resize({ width: PAPER });
      chart.getZr().flush(); // draws now, because printing does not wait for the next frame
    }
    paper.isPrinted = true;
  });
  addEventListener("afterprint", () => {
    paper.isPrinted = false;
    byId("countries").open = before.open;
    set(before.theme);
    for (const { chart } of plots.values()) chart.resize({ width: "auto" });
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
makeSnapshots(compareWith());
makeLines("theaters", { title: "Active theaters", values: (n) => data.theaters[n], text: number, unit: "theaters" });
makeMap();
describeMap();
makeFilms();
makeQuality();
makeProblems();
makeIncidents();
document.documentElement.dataset.ready = "yes";
