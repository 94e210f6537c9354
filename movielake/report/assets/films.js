// Films: the most screened ones, each with its weeks by country, and where they opened first.

const DAY = 24 * 3600 * 1000;
const dayOf = (count) => day(Date.parse(`${data.origin}T00:00:00Z`) + count * DAY);

// A film's stays: how it was shown in each country. Their numbers are one flat list.
const STAY = ["country", "screenings", "theaters", "first", "last"];
function staysOf(film) {
  const found = [];
  for (let at = 0; at < film.stays.length; at += STAY.length) {
    const stay = Object.fromEntries(STAY.map((name, n) => [name, film.stays[at + n]]));
    if (shown.has(stay.country)) found.push(stay);
  }
  return found;
}

const least = (stays, name) => Math.min(...stays.map((stay) => stay[name]));
const most = (stays, name) => Math.max(...stays.map((stay) => stay[name]));
const titleOf = (film) => film.title ?? "(no title)";

// Returns the films shown in the chosen countries, the most screened first.
function shownFilms() {
  return data.films
    .map((film) => ({ ...film, in: staysOf(film) }))
    .filter((film) => film.in.length)
    .map((film) => ({ ...film, screenings: add(film.in.map((stay) => stay.screenings)) }))
    .sort((a, b) => b.screenings - a.screenings)
    .map((film, n) => ({ ...film, rank: n + 1 }));
}

function makeFilms() {
  const largest = (film) => film.in.reduce((top, stay) => (stay.screenings > top.screenings ? stay : top));
  makeTable("films", {
    caption: "The 100 most screened films",
    columns: [
      { title: "title", value: titleOf, kind: "long", node: (film) => filmButton(film) },
      count("rank", (film) => film.rank),
      count("screenings", (film) => film.screenings),
      count("countries", (film) => film.in.length),
      count("theaters", (film) => add(film.in.map((stay) => stay.theaters))),
      { title: "first day", value: (film) => dayOf(least(film.in, "first")), kind: "day" },
      { title: "last day", value: (film) => dayOf(most(film.in, "last")), kind: "day" },
      { title: "genres", value: (film) => film.genres, kind: "text" },
      { title: "most in", value: (film) => label(largest(film).country), kind: "name" },
      { title: "movie_id", value: (film) => film.id, text: (_, id) => String(id), kind: "number" },
    ],
    rows: () => shownFilms().slice(0, 100),
    sort: [2, "descending"],
    first: 20,
  });
  byId("films-note").textContent =
    "Sorted by the number of screenings in all countries shown. Titles come from the newest snapshot. " +
    "3D, IMAX and language versions count as one film, under the movie_id of their base film. " +
    `The table uses only the ${data.pool} most screened films of each country. A title opens the weeks of its film.`;
  makeFilm();
}

const opened = { film: null }; // the film whose weeks are shown

function filmButton(film) {
  return element("button", { type: "button", class: "link", click: () => showFilm(film.id, true) }, titleOf(film));
}

function showFilm(id, scroll) {
  opened.film = data.films.find((film) => film.id === id) ?? null;
  byId("film").hidden = !opened.film;
  refresh();
  if (opened.film && scroll) {
    byId("film").scrollIntoView();
    byId("film-title").focus({ preventScroll: true });
  }
}

function makeFilm() {
  const stays = () => (opened.film ? staysOf(opened.film) : []);
  const weeks = () => {
    if (!opened.film) return [];
    const [first, last] = [opened.film.first, opened.film.first + most([...Object.values(opened.film.weeks)].map((w) => ({ end: w[0] + w.length - 1 })), "end")];
    return Array.from({ length: last - first }, (_, n) => Date.parse(`${dayOf(7 * (first + n))}T00:00:00Z`));
  };
  const inWeek = (n) => {
    const [skipped, ...counts] = opened.film?.weeks[n] ?? [0];
    return weeks().map((_, at) => (at < skipped || at - skipped >= counts.length ? null : counts[at - skipped]));
  };
  makeLines("film", { title: "Screenings of the film by week and country", when: weeks, values: inWeek, text: number, unit: "screenings" });
  const opening = () => least(stays(), "first");
  makeTable("film", {
    caption: () => (opened.film ? `${titleOf(opened.film)}: countries` : ""),
    columns: [
      { ...country, value: (stay) => label(stay.country), node: (stay) => countryLink(stay.country) },
      { title: "first day", value: (stay) => dayOf(stay.first), kind: "day" },
      count("days after the first country", (stay) => stay.first - opening()),
      { title: "last day", value: (stay) => dayOf(stay.last), kind: "day" },
      count("weeks", (stay) => Math.ceil((stay.last - stay.first + 1) / 7)),
      count("screenings", (stay) => stay.screenings),
      count("theaters", (stay) => stay.theaters),
    ],
    rows: stays,
    sort: [2, "ascending"],
    first: 20,
  });
  onChange(() => {
    byId("film-title").textContent = opened.film ? titleOf(opened.film) : "";
    byId("film-weeks").hidden = !opened.film || !Object.keys(opened.film.weeks).length;
  });
  byId("film-close").addEventListener("click", () => showFilm(null));
  keep("film", () => (opened.film ? String(opened.film.id) : ""), (text) => {
    opened.film = data.films.find((film) => String(film.id) === text) ?? null;
    byId("film").hidden = !opened.film;
  });
}

function makeTravel() {
  const routes = new Map();
  for (let at = 0; at < data.travel.length; at += 4) {
    const [from, to, films, lag] = data.travel.slice(at, at + 4);
    routes.set(`${from} ${to}`, { films, lag });
  }
  const most = Math.max(1, ...[...routes.values()].map((route) => route.films));
  const countries = () => chosen().map((key) => ({ key, title: codes[key], name: names[key] }));
  makeGrid("travel", {
    title: () => `How films travel: ${chosen().length} by ${chosen().length} countries. Use the arrow keys to read the cells.`,
    columns: countries,
    rows: countries,
    cell: (to, from) => {
      const route = routes.get(`${from} ${to}`);
      const text = route && [`${number(route.films)} films opened in ${names[from]} and then in ${names[to]}`, `after ${number(route.lag)} days (median)`];
      return route ? { kind: FULL, share: Math.sqrt(route.films / most), text } : null;
    },
  });
}

function makePremieres() {
  const rows = () =>
    shownFilms()
      .filter((film) => film.known && film.in.length)
      .map((film) => {
        const opening = least(film.in, "first");
        const lags = film.in.map((stay) => stay.first - opening).sort((a, b) => a - b);
        const where = film.in.filter((stay) => stay.first === opening).map((stay) => stay.country);
        return { ...film, opening, where, lags: lags.slice(where.length) };
      });
  makeTable("premieres", {
    caption: (all) => `Premieres of the ${number(all.length)} most screened films that opened within the data`,
    columns: [
      { title: "title", value: titleOf, kind: "long", node: (film) => filmButton(film) },
      { title: "first premiere", value: (film) => dayOf(film.opening), kind: "day" },
      { title: "first in", value: (film) => film.where.map((n) => names[n]).join(", "), kind: "text" },
      count("countries", (film) => film.in.length),
      count("days to the second country", (film) => film.lags[0]),
      count("median days to the others", (film) => film.lags[Math.floor((film.lags.length - 1) / 2)]),
      count("days to the last", (film) => film.lags.at(-1)),
    ],
    rows,
    sort: [3, "descending"],
    first: 20,
  });
}
