// The map of theaters. Each theater has a mark. A ring marks theaters outside their country.

const HIGHEST = 84; // largest latitude in the Mercator projection, in degrees
const CLOSE = 40; // zoom for a single theater
const APART_ZOOM = 300; // zoom from which theaters at one place are drawn around it
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

const screeningsOf = (country, at) => data.places[country].screenings[at];

function makeMap() {
  const world = JSON.parse(byId("world").textContent);
  echarts.registerMap("world", { geoJSON: world });
  const most = Math.max(1, ...data.places.map((place) => add(place.screenings) / Math.max(place.id.length, 1)));
  let drawn = []; // for each mark of each series: [country, its theaters]
  let cursor = -1;
  let roams = false;

  const build = (chart) => ({ geo: land(chart), tooltip: tooltip(read, { trigger: "item" }), series: [] });

  // Draws the marks. Which theaters share a mark depends on how far the map is zoomed in.
  function finish(chart) {
    drawn = [];
    const inside = chosen().flatMap((n) => {
      const all = data.places[n].id.map((_, at) => at).filter((at) => !outsiders[n].has(at));
      return all.length ? [series(n, marks(chart, n, all), { z: 2 })] : [];
    });
    const ring = { symbol: "circle", symbolSize: 17, z: 4, label: { show: false }, itemStyle: { color: "transparent", borderColor: tone("outside"), borderWidth: 2.5, opacity: 1 } };
    const outside = chosen().flatMap((n) => {
      const all = [...outsiders[n]].map((at) => ({ theaters: [at], at: position(n, at) }));
      return all.length ? [series(n, all, { z: 3 }), series(n, all, ring)] : [];
    });
    chart.setOption({ series: [...inside, ...outside] }, { replaceMerge: ["series"] });
  }

  function marks(chart, n, theaters) {
    const points = theaters.map((at) => mercator.project(position(n, at)));
    const scale = pixelsPerDegree(chart);
    const isClose = chart.getOption().geo[0].zoom >= APART_ZOOM;
    return clusters(points, CELL / scale).flatMap((members) => {
      const found = members.map((m) => theaters[m]);
      const middle = middleOf(members.map((m) => points[m]));
      if (found.length === 1) return [{ theaters: found, at: position(n, found[0]) }];
      if (!isClose) return [{ theaters: found, at: mercator.unproject(middle) }];
      return aroundPlace(middle, found.length, APART / scale).map((point, m) => ({ theaters: [found[m]], at: mercator.unproject(point) }));
    });
  }

  function pixelsPerDegree(chart) {
    const [[west], [east]] = [[0, 0], [90, 0]].map((at) => chart.convertToPixel("geo", at));
    return (east - west) / 90;
  }

  function series(n, all, look) {
    drawn.push(all.map(({ theaters }) => [n, theaters]));
    const count = (at) => all[at].theaters.length;
    return {
      type: "scatter",
      coordinateSystem: "geo",
      name: names[n],
      symbol: (_, { dataIndex }) => (count(dataIndex) > 1 ? "circle" : mark(n)),
      symbolSize: (_, { dataIndex }) => sizeOf(n, all[dataIndex].theaters),
      label: { show: true, formatter: ({ dataIndex }) => (count(dataIndex) > 1 ? String(count(dataIndex)) : ""), color: tone("page"), fontSize: 10, fontWeight: "bold" },
      labelLayout: { hideOverlap: true },
      itemStyle: { color: colour(n), opacity: 0.85, borderColor: tone("page"), borderWidth: 0.5 },
      data: all.map(({ at }) => at),
      ...look,
    };
  }

  // The area of a mark grows with the screenings of its theaters.
  function sizeOf(n, theaters) {
    const screenings = add(theaters.map((at) => screeningsOf(n, at)));
    const size = Math.min(5 + 2.5 * Math.sqrt(screenings / most), 28);
    return theaters.length > 1 ? Math.max(size, 14) : (size * markSize(n)) / 6;
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
      preserveAspect: true,
    };
  }

  const read = (at) => {
    const [country, theaters] = drawn[at.seriesIndex][at.dataIndex];
    if (theaters.length === 1) return tip(data.places[country].name[theaters[0]] || "(no name)", told(country, theaters[0]).map((line) => [line]));
    const sorted = [...theaters].sort((a, b) => screeningsOf(country, b) - screeningsOf(country, a));
    const rows = sorted.slice(0, LISTED).map((place) => [data.places[country].name[place] || "(no name)", data.places[country].city[place], number(screeningsOf(country, place))]);
    if (sorted.length > LISTED) rows.push([`and ${sorted.length - LISTED} more`, "", ""]);
    return tip(`${theaters.length} theaters in ${names[country]}, screenings`, rows);
  };

  function goTo(country, place, zoom) {
    const center = mercator.project(position(country, place)); // ECharts wants projected coordinates
    chart.setOption({ geo: { ...(zoom && { zoom }), center } });
    finish(chart);
    const isThere = ([n, theaters]) => n === country && theaters.includes(place);
    const series = drawn.findIndex((all) => all.some(isThere));
    const { name } = data.places[country];
    const text = [name[place] || "(no name)", ...told(country, place)].join(", ");
    tellReading("map", { series, index: drawn[series].findIndex(isThere), text });
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
    finish(chart);
  }

  const title = () =>
    `Map of ${number(add(chosen().map((n) => data.places[n].id.length)))} theaters. ` +
    "Arrow keys move the map. Plus and minus zoom. 0 shows all. N and P go to the next and previous theater.";
  const chart = makePlot("map", { title, build, keys, finish });
  let waiting = 0;
  chart.on("georoam", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => finish(chart)); // once for each picture, however fast the wheel turns
  });
  chart.on("click", ({ seriesIndex, dataIndex }) => {
    const [country, theaters] = drawn[seriesIndex]?.[dataIndex] ?? [0, []];
    if (theaters.length > 1) goTo(country, theaters[0], Math.min(chart.getOption().geo[0].zoom * 4, 1000));
  });

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
    `${number(screeningsOf(country, at))} screenings`,
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
  const isMeant = (text) => !find.value || fold(text).includes(fold(find.value.trim()));
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
    { title: "screenings", value: ([n, at]) => screeningsOf(n, at), kind: "number" },
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
  const draw = makeTable("places", { caption, columns, rows, sort: [7, "descending"], first: 10 });
  const redraw = () => {
    draw();
    writeAddress();
  };
  find.addEventListener("input", redraw);
  only.addEventListener("change", redraw);
  keep("find", () => find.value.trim(), (text) => (find.value = text));
  keep("outside", () => (only.checked ? "yes" : ""), (text) => (only.checked = text === "yes"));
}
