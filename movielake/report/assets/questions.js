// Hours, runs, concentration and shares.

const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const HOURS = Array.from({ length: 24 }, (_, hour) => `${String(hour).padStart(2, "0")}:00`);

function makeHours() {
  const at = (weekday, hour) => add(chosen().map((n) => data.hours[n][weekday * 24 + hour]));
  const whole = () => add(chosen().map((n) => add(data.hours[n])));
  let most = 1;
  const cell = (hour, weekday) => {
    const found = at(weekday, hour);
    return found ? { kind: FULL, share: found / most, text: [`${number(found)} screenings`, `${percent(found / whole())} of all`] } : null;
  };
  makeGrid("hours", {
    title: () => "Screenings by weekday and hour. Use the arrow keys to read the cells.",
    columns: () => HOURS.map((title, key) => ({ key, title })),
    rows: () => {
      most = Math.max(1, ...WEEKDAYS.flatMap((_, weekday) => HOURS.map((_, hour) => at(weekday, hour))));
      return WEEKDAYS.map((title, key) => ({ key, title }));
    },
    cell,
    rowHeight: 26,
  });
  const weekdays = (weekday) => add(HOURS.map((_, hour) => at(weekday, hour)));
  const before = (weekday, from, to) => share(add(HOURS.map((_, hour) => (hour >= from && hour < to ? at(weekday, hour) : 0))), weekdays(weekday));
  makeTable("hours", {
    caption: "Weekdays",
    columns: [
      { title: "weekday", value: (weekday) => WEEKDAYS[weekday], kind: "name" },
      count("screenings", weekdays),
      part("share", (weekday) => share(weekdays(weekday), whole())),
      part("before noon", (weekday) => before(weekday, 5, 12)),
      part("12:00 to 17:59", (weekday) => before(weekday, 12, 18)),
      part("18:00 to 21:59", (weekday) => before(weekday, 18, 22)),
      part("from 22:00", (weekday) => 1 - before(weekday, 5, 22)),
    ],
    rows: () => WEEKDAYS.map((_, weekday) => weekday),
    sort: null,
  });
}

function makeRuns() {
  const longest = Math.max(...data.runs.map((row) => row.weeks.length));
  const inWeeks = (weeks) => add(chosen().map((n) => data.runs[n].weeks[weeks]));
  const whole = () => add(chosen().map((n) => add(data.runs[n].weeks)));
  const name = (weeks) => (weeks + 1 === data.longest ? `${weeks + 1} weeks or more` : `${weeks + 1} week${weeks ? "s" : ""}`);
  makeBars("runs", {
    title: () => "Runs by length in weeks",
    unit: "runs",
    bars: () =>
      Array.from({ length: longest }, (_, weeks) => ({
        title: `${weeks + 1}${weeks + 1 === data.longest ? "+" : ""}`,
        name: name(weeks),
        value: inWeeks(weeks),
        text: `${number(inWeeks(weeks))} runs, ${percent(share(inWeeks(weeks), whole()) ?? 0)}`,
      })),
  });
  makeTable("runs", {
    caption: "Runs by country",
    columns: [
      country,
      count("runs", (n) => add(data.runs[n].weeks)),
      count("median weeks", (n) => data.runs[n].median),
      { ...count("mean weeks", (n) => data.runs[n].mean), text: (_, value) => (value == null ? "–" : value.toFixed(1)) },
      part("one week", (n) => share(data.runs[n].weeks[0] ?? 0, add(data.runs[n].weeks))),
      count("runs cut off by the data", (n) => data.runs[n].cut),
    ],
    rows: chosen,
    sort: [1, "descending"],
  });
}

function makeConcentration() {
  const of = (n) => data.concentration[n];
  makeBars("concentration", {
    title: () => "Share of the ten most screened films",
    lying: true,
    format: (value) => `${Math.round(value * 100)} %`,
    bars: () =>
      chosen()
        .filter((n) => of(n).films)
        .sort((a, b) => of(b).top[2] - of(a).top[2])
        .map((n) => ({ title: names[n], value: of(n).top[2], text: `${percent(of(n).top[2])} of ${number(totals[n])} screenings` })),
  });
  const decimals = (title, value) => ({ ...count(title, value), text: (_, found) => (found == null ? "–" : found.toFixed(3)) });
  makeTable("concentration", {
    caption: "Concentration by country",
    columns: [
      country,
      count("films", (n) => of(n).films),
      ...data.tops.map((top, at) => part(top === 1 ? "the top film" : `top ${top}`, (n) => of(n).top[at])),
      decimals("Gini", (n) => of(n).gini),
      decimals("Herfindahl", (n) => of(n).herfindahl),
    ],
    rows: chosen,
    sort: [4, "descending"],
  });
}

function makeShares() {
  const select = byId("shares-by");
  const kinds = Object.keys(data.shares);
  select.append(...kinds.map((kind) => element("option", { value: kind }, kind)));
  const whole = () => add(chosen().map((n) => totals[n]));
  const rows = () =>
    data.shares[select.value].map(([name, ...counts]) => ({ name, in: pairs(counts) })).filter((row) => row.in.length)
      .map((row) => ({ ...row, screenings: add(row.in.map(([, found]) => found)) }))
      .sort((a, b) => b.screenings - a.screenings);
  const said = (name) => name ?? `(no ${select.value})`;
  makeBars("shares", {
    title: () => `Screenings by ${select.value}`,
    lying: true,
    format: (value) => `${Math.round(value * 100)} %`,
    bars: () =>
      rows().slice(0, 15).map((row) => ({
        title: said(row.name),
        value: share(row.screenings, whole()),
        text: `${number(row.screenings)} screenings, ${percent(share(row.screenings, whole()) ?? 0)}`,
      })),
  });
  const largest = (row) => row.in.reduce((top, one) => (share(one[1], totals[one[0]]) > share(top[1], totals[top[0]]) ? one : top));
  makeTable("shares", {
    caption: () => `Screenings by ${select.value}`,
    columns: [
      { title: "value", value: (row) => said(row.name), kind: "long" },
      count("screenings", (row) => row.screenings),
      part("share", (row) => share(row.screenings, whole())),
      count("countries", (row) => row.in.length),
      { title: "largest share in", value: (row) => `${names[largest(row)[0]]} (${percent(share(largest(row)[1], totals[largest(row)[0]]))})`, kind: "name" },
    ],
    rows,
    sort: [1, "descending"],
    first: 15,
  });
  onChange(() => (byId("shares-note").textContent = data.notesOfShares[select.value] ?? ""));
  select.addEventListener("change", refresh);
  keep("by", () => (select.value === kinds[0] ? "" : select.value), (text) => (select.value = kinds.includes(text) ? text : kinds[0]));
}
