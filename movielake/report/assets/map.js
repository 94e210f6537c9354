// The map of theaters. Each theater has a mark. A ring marks theaters outside their country.

const HIGHEST = 84; // largest latitude in the Mercator projection, in degrees
const CLOSE = 40; // zoom for a single theater
const outsiders = data.places.map((place) => new Set(place.outside ?? []));
const isChecked = data.places.some((place) => place.outside);

const mercator = {
  project: ([lon, lat]) => {
    const bounded = Math.max(-HIGHEST, Math.min(HIGHEST, lat));
    return [lon, (-Math.log(Math.tan(Math.PI / 4 + (bounded * Math.PI) / 360)) * 180) / Math.PI];
  },
  unproject: ([x, y]) => [x, (Math.atan(Math.exp((-y * Math.PI) / 180)) * 360) / Math.PI - 90],
};

const position = (country, at) => {
  const place = data.places[country];
  return [place.lon[at] / data.scale, place.lat[at] / data.scale];
};

function makeMap() {
  const world = JSON.parse(byId("world").textContent);
  echarts.registerMap("world", { geoJSON: world });
  let drawn = []; // for each point of each series: [country, index in its lists]
  let cursor = -1;
  let roams = false;

  function points(country, chosenPlaces, look) {
    drawn.push(chosenPlaces.map((at) => [country, at]));
    return {
      type: "scatter",
      coordinateSystem: "geo",
      name: names[country],
      large: true,
      largeThreshold: 300,
      data: chosenPlaces.map((at) => position(country, at)),
      ...look,
    };
  }

  function build(chart) {
    drawn = [];
    cursor = -1;
    const inside = chosen().map((n) => {
      const all = data.places[n].id.map((_, at) => at).filter((at) => !outsiders[n].has(at));
      return points(n, all, { symbol: mark(n), symbolSize: markSize(n), itemStyle: { color: colour(n), opacity: 0.85 } });
    });
    const ringed = { color: "transparent", borderColor: tone("outside"), borderWidth: 2.5 };
    const outside = chosen().flatMap((n) => {
      const all = [...outsiders[n]];
      const own = { symbol: mark(n), symbolSize: markSize(n) + 1, itemStyle: { color: colour(n) }, z: 3 };
      const ring = { symbol: "circle", symbolSize: 17, itemStyle: ringed, z: 4, large: false };
      return all.length ? [points(n, all, own), points(n, all, ring)] : [];
    });
    return { geo: land(chart), tooltip: tooltip(read, { trigger: "item" }), series: [...inside, ...outside] };
  }

  function land(chart) {
    const before = chart.getOption()?.geo?.[0];
    return {
      map: "world",
      roam: roams,
      scaleLimit: { min: 0.5, max: 2000 },
      projection: mercator,
      boundingCoords: around(everyone),
      ...(before?.zoom && { zoom: before.zoom, center: before.center }),
      silent: true,
      itemStyle: { areaColor: tone("land"), borderColor: tone("border"), borderWidth: 0.6 },
      left: 0, right: 0, top: 0, bottom: 0,
    };
  }

  const read = (at) => {
    const [country, place] = drawn[at.seriesIndex][at.dataIndex];
    return tip(data.places[country].name[place] || "(no name)", told(country, place).map((line) => [line]));
  };

  function goTo(country, place, zoom) {
    const series = drawn.findIndex((all) => all.some((p) => p[0] === country && p[1] === place));
    const index = drawn[series].findIndex((p) => p[1] === place);
    const at = { ...(zoom && { zoom }), center: position(country, place) };
    chart.setOption({ geo: at });
    const { name } = data.places[country];
    const text = [name[place] || "(no name)", ...told(country, place)].join(", ");
    tellReading("map", { series, index, text });
  }

  // Goes to the next or previous theater. Theaters outside their country come first.
  function step(by) {
    const all = chosen().flatMap((n) => [...outsiders[n]].map((at) => [n, at]));
    const rest = chosen().flatMap((n) =>
      data.places[n].id.map((_, at) => [n, at]).filter(([, at]) => !outsiders[n].has(at)),
    );
    const order = [...all, ...rest];
    if (!order.length) return;
    cursor = (cursor + by + order.length) % order.length;
    goTo(...order[cursor], Math.max(chart.getOption().geo[0].zoom, 4));
  }

  function keys(event) {
    const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    const [dx, dy] = moves[event.key] ?? [];
    if (moves[event.key]) chart.dispatchAction({ type: "geoRoam", componentType: "geo", geoIndex: 0, dx, dy });
    else if (event.key === "+" || event.key === "=") zoomBy(1.6);
    else if (event.key === "-") zoomBy(1 / 1.6);
    else if (event.key === "0") showAll();
    else if (event.key === "n" || event.key === "p") step(event.key === "n" ? 1 : -1);
    else return false;
    return true;
  }

  function zoomBy(zoom) {
    const [originX, originY] = [chart.getWidth() / 2, chart.getHeight() / 2];
    chart.dispatchAction({ type: "geoRoam", componentType: "geo", geoIndex: 0, zoom, originX, originY });
  }

  function showAll() {
    const [west, east] = around(chosen());
    chart.setOption({ geo: { zoom: 1, center: null, boundingCoords: [west, east] } });
  }

  const title = () =>
    `Map of ${number(add(chosen().map((n) => data.places[n].id.length)))} theaters. ` +
    "Arrow keys move the map. Plus and minus zoom. 0 shows all. N and P go to the next and previous theater.";
  const chart = makePlot("map", { title, build, keys });

  // The map uses wheel and touch only while it has the focus. Otherwise the page must scroll.
  const box = byId("plot-map");
  const roam = (yes) => () => {
    roams = yes;
    chart.setOption({ geo: { roam: yes } });
  };
  box.addEventListener("focus", roam(true));
  box.addEventListener("blur", roam(false));
  box.addEventListener("click", () => box.focus({ preventScroll: true }));
  const acts = { in: () => zoomBy(1.6), out: () => zoomBy(1 / 1.6), all: showAll };
  for (const button of document.querySelectorAll("[data-map]")) {
    button.addEventListener("click", acts[button.dataset.map]);
  }
  makePlaces((country, at) => {
    goTo(country, at, CLOSE);
    box.scrollIntoView({ block: "center" });
  });
}

function told(country, at) {
  const place = data.places[country];
  const [lon, lat] = position(country, at);
  return [
    place.city[at],
    `${label(country)}, theater_id ${place.id[at]}`,
    `${lat}°, ${lon}°`,
    outsiders[country].has(at) ? "outside its country" : "",
  ].filter(Boolean);
}

// Returns the corners of the area of most theaters. A few wrong positions must not shrink the map.
function around(countries) {
  const all = countries.flatMap((n) =>
    data.places[n].id.map((_, at) => at).filter((at) => !outsiders[n].has(at)).map((at) => position(n, at)),
  );
  if (!all.length) return [[-180, HIGHEST], [180, -58]];
  const ends = [0, 1].map((axis) => {
    const sorted = all.map((p) => p[axis]).sort((a, b) => a - b);
    const cut = Math.floor(sorted.length / 500);
    const [low, high] = [sorted[cut], sorted[sorted.length - 1 - cut]];
    const margin = Math.max((high - low) * 0.08, 0.5);
    return [low - margin, high + margin];
  });
  const [[west, east], [south, north]] = ends;
  return [
    [Math.max(west, -180), Math.min(north, HIGHEST)],
    [Math.min(east, 180), Math.max(south, -HIGHEST)],
  ];
}

function makePlaces(goTo) {
  const find = byId("find");
  const only = byId("outside");
  byId("only-outside").hidden = !isChecked;
  const isMeant = (text) => !find.value || text.toLowerCase().includes(find.value.trim().toLowerCase());
  const rows = () =>
    chosen().flatMap((n) => {
      const place = data.places[n];
      return place.id
        .map((_, at) => [n, at])
        .filter(([, at]) => !only.checked || outsiders[n].has(at))
        .filter(([, at]) => isMeant(`${place.name[at]} ${place.city[at]} ${place.id[at]}`));
    });
  const of = (name) => ([n, at]) => data.places[n][name][at];
  const columns = [
    { title: "theater", value: (row) => of("name")(row) || "(no name)", kind: "long" },
    { title: "city", value: of("city"), kind: "text" },
    { title: "country", value: ([n]) => label(n), kind: "name" },
    { title: "theater_id", value: of("id"), text: (_, id) => String(id), kind: "number" },
    { title: "latitude", value: ([n, at]) => position(n, at)[1], text: (_, v) => v.toFixed(3), kind: "number" },
    { title: "longitude", value: ([n, at]) => position(n, at)[0], text: (_, v) => v.toFixed(3), kind: "number" },
    {
      title: "outside its country",
      value: ([n, at]) => (outsiders[n].has(at) ? 1 : 0),
      text: ([n], v) => (data.places[n].outside ? (v ? "yes" : "no") : "not checked"),
      kind: "number",
    },
    { title: "on the map", kind: "action", node: (row) => mapButton(row) },
  ];
  const mapButton = ([n, at]) =>
    element("button", { type: "button", click: () => goTo(n, at), "aria-label": `Show ${data.places[n].name[at] || "the theater"} on the map` }, "Show");
  const caption = (found) => `Theaters with a position: ${number(found.length)}`;
  const draw = makeTable("places", { caption, columns, rows, sort: [6, "descending"], first: 10 });
  find.addEventListener("input", draw);
  only.addEventListener("change", draw);
}
