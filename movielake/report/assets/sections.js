// The tables and texts of the sections.

const share = (part, whole) => (whole ? part / whole : null);
const asPercent = (_, value) => (value == null ? "–" : percent(value));
const bytes = (count) => {
  const unit = count < 1e6 ? ["kB", 1e3] : count < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${(count / unit[1]).toFixed(1)} ${unit[0]}`;
};
const totals = data.screenings.map(add);

function makeTotals() {
  onChange(() => {
    const zips = chosen().map((n) => data.screenings[n].filter((count) => count != null).length);
    const theaters = chosen().map((n) => data.places[n].described);
    const tiles = [
      ["countries", chosen().length], ["date stamps", days.length], ["feed zips", add(zips)],
      [data.current ? "current screenings" : "screenings", add(chosen().map((n) => totals[n]))], ["described theaters", add(theaters)],
    ];
    byId("totals").replaceChildren(
      ...tiles.map(([name, count]) => element("div", {}, element("dt", {}, name), element("dd", {}, number(count)))),
    );
  });
  const count = (title, name) => ({ title, value: (row) => row[name], kind: "number" });
  const size = (title, name) => ({ ...count(title, name), text: (_, value) => bytes(value) });
  makeTable("tables", {
    caption: `Tables (all ${codes.length} countries)`,
    columns: [
      { title: "table", value: (row) => row.table, kind: "text" },
      count("files", "members"), count("records", "records"), count("rows", "rows"),
      count("screenings", "screenings"), size("XML", "xml_bytes"), size("JSON Lines", "json_bytes"),
      size("Parquet", "parquet_bytes"),
    ],
    rows: () => data.tables,
    sort: [0, "ascending"],
  });
}

const country = { title: "country", value: label, kind: "name", node: (n) => countryLink(n) };

// A country's name leads to its own page: the report on this country alone.
function countryLink(n) {
  const go = (event) => {
    event.preventDefault();
    show([n]);
    scrollTo({ top: 0 });
    byId("countries-shown").focus({ preventScroll: true });
  };
  return element("span", {}, swatch(n), " ", element("a", { href: addressOf({ countries: codes[n] }), click: go }, label(n)));
}

const count = (title, value) => ({ title, value, kind: "number" });
const part = (title, value) => ({ title, value, text: asPercent, kind: "number" });

function makeCountries() {
  const present = (n) => data.stamps.filter((_, at) => data.screenings[n][at] != null);
  makeTable("countries", {
    caption: "Countries",
    columns: [
      country,
      count("snapshots", (n) => present(n).length),
      count("missing", (n) => days.length - present(n).length),
      { title: "first", value: (n) => present(n)[0], kind: "text" },
      { title: "last", value: (n) => present(n).at(-1), kind: "text" },
      count("screenings", (n) => totals[n]),
      count("described theaters", (n) => data.places[n].described),
      count("theaters without position", (n) => data.places[n].unplaced),
      count("theaters outside the country", (n) => data.places[n].strays),
    ],
    rows: chosen,
    sort: [5, "descending"],
  });
}

function makeSnapshots(index) {
  const sum = (rows, at) => add(chosen().map((n) => rows[n][at]));
  makeTable("snapshots", {
    caption: "Snapshots: sums over the countries shown",
    columns: [
      { title: "date stamp", value: (at) => data.stamps[at], kind: "text" },
      count("countries", (at) => chosen().filter((n) => data.screenings[n][at] != null).length),
      count("screenings", (at) => sum(data.screenings, at)),
      {
        ...part("compared", (at) => share(sum(data.screenings, at), sum(data.screenings, index()))),
        title: "% of the chosen snapshot",
      },
      count("active theaters", (at) => sum(data.theaters, at)),
    ],
    rows: () => data.stamps.map((_, at) => at),
    sort: [0, "descending"],
    first: 10,
  });
}

function makeQuality() {
  const problems = codes.map(() => 0);
  for (const { counts } of data.problems) {
    for (let n = 0; n < counts.length; n += 2) problems[counts[n]] += counts[n + 1];
  }
  const hurtZips = codes.map((_, n) => data.damaged.filter(([at]) => at === n).length);
  const lacking = (name) => (n) => (data.orphans[name] ? share(data.orphans[name][n], totals[n]) : null);
  const { counted, current } = data.superseded;
  const superseded = (n) => share(counted[n] - current[n], counted[n]);
  makeTable("quality", {
    caption: "Quality by country, in percent of screenings",
    columns: [
      country,
      count("screenings", (n) => totals[n]),
      part("superseded by a later snapshot", superseded),
      part("movie missing", lacking("movie")),
      part("theater missing", lacking("theater")),
      count("problems", (n) => problems[n]),
      count("damaged feed zips", (n) => hurtZips[n]),
      count("theaters outside the country", (n) => data.places[n].strays),
    ],
    rows: chosen,
    sort: [1, "descending"],
  });
  makeTable("problems", {
    caption: "Problems by column",
    columns: [
      { title: "column", value: (row) => row.column, kind: "text" },
      { title: "table", value: (row) => row.table, kind: "text" },
      { title: "problem", value: (row) => row.kind, kind: "text" },
      count("values", (row) => add(pairs(row.counts).map(([, n]) => n))),
      count("countries", (row) => pairs(row.counts).length),
...(data.aggregate ? [] : [{ title: "first example", value: (row) => row.example, kind: "long" }]),
    ],
    rows: () => data.problems.filter((row) => pairs(row.counts).length),
    sort: [3, "descending"],
    first: 20,
  });
}

function makeIncidents() {
  const { rows, total } = data.incidents;
  const [of, stamp, member, status, reason, records, files] = [0, 1, 2, 3, 4, 5, 6].map((n) => (row) => row[n]);
  const cut = total > rows.length ? ` (the first ${number(rows.length)} of ${number(total)})` : "";
  makeTable("incidents", {
    caption: `Incomplete members${cut}`,
    columns: [
      { title: "member", value: (row) => member(row) || "(the whole zip)", kind: "long" },
      { title: "date stamp", value: stamp, kind: "text" },
      { title: "country", value: (row) => label(of(row)), kind: "name" },
      { title: "status", value: status, kind: "text" },
      count("records kept", records),
      count("files in quarantine", files),
      { title: "reason", value: reason, kind: "long" },
    ],
    rows: () => rows.filter((row) => shown.has(of(row))),
    sort: [1, "descending"],
    first: 20,
  });
}

function describeMap() {
  const unplaced = add(data.places.map((place) => place.unplaced));
  const outside = add(outsiders.map((all) => all.size));
  const checked = isChecked
    ? `A ring marks the ${number(outside)} theaters outside their country.`
    : "Theaters outside their country are not checked.";
  byId("map-note").textContent =
    "The map shows each theater at its newest position. Each country has its own colour and mark. " +
    "Theaters close together share a mark with their number. The larger a mark, the more screenings its theaters have. " +
    `${checked} ${number(unplaced)} theaters have no position. Click the map to zoom with the wheel or by touch.`;
}
