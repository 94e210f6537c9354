// Common parts of all plots: place, theme, size, keyboard, and a line that shows the value read.

const plots = new Map();
const paper = { isPrinted: false };

// build() returns the options for ECharts. move(dx, dy, end) moves the cursor and returns
// {series, index, text}. keys(event) can handle more keys. finish(chart) draws what depends on
// the places of other things, and is called again when they move.
function makePlot(name, { title, build, height, move, keys, finish }) {
  const place = document.querySelector(`[data-plot="${name}"]`);
  const box = element("div", {
    class: "plot",
    id: `plot-${name}`,
    tabindex: "0",
    role: "application",
    "aria-roledescription": "plot",
    "aria-describedby": `reading-${name}`,
  });
  const reading = element("p", { class: "reading", id: `reading-${name}`, "aria-live": "polite" });
  const saves = ["png", "svg"].map((format) =>
    element("button", { type: "button", "aria-label": `Save ${name} as ${format.toUpperCase()}`, click: () => savePlot(name, chart, format) }, format.toUpperCase()),
  );
  place.append(box, element("div", { class: "below" }, reading, element("div", { class: "saves" }, "Save as ", ...saves)));
  const chart = echarts.init(box, null, { devicePixelRatio: Math.max(devicePixelRatio, 2) });
  const end = () => box.clientWidth && finish?.(chart);
  plots.set(name, { chart, reading, end });

  onChange(() => {
    box.setAttribute("aria-label", title());
    if (height) box.style.height = `${height()}px`;
    chart.resize();
    chart.setOption({ ...common(), ...build(chart) }, { notMerge: true });
    end();
    reading.textContent = "";
  });
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (keys && keys(event, chart)) return event.preventDefault();
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const end = { Home: -1, End: 1 }[event.key];
    if (event.key === "Escape") chart.dispatchAction({ type: "hideTip" });
    if (!move || !(step || end)) return;
    event.preventDefault();
    const read = move(...(step || [0, 0]), end);
    if (read) tellReading(name, read);
  });
  const fit = () => {
    const isSeen = box.clientWidth && box.clientHeight; // a map without a size has no scale
    if (!isSeen || paper.isPrinted) return;
    chart.resize();
    end();
  };
  chart.on("datazoom", end);
  new ResizeObserver(fit).observe(box);
  return chart;
}

function tellReading(name, { series, index, text }) {
  const { chart, reading } = plots.get(name);
  chart.dispatchAction({ type: "showTip", seriesIndex: series, dataIndex: index });
  reading.textContent = text;
}

function common() {
  return {
    animation: false,
    useUTC: true,
    backgroundColor: "transparent",
    textStyle: { color: tone("ink"), fontFamily: "inherit" },
  };
}

function tooltip(formatter, more = {}) {
  return {
    confine: true,
    transitionDuration: 0,
    className: "tip",
    backgroundColor: tone("panel"),
    borderColor: tone("strong-line"),
    textStyle: { color: tone("ink"), fontSize: 13 },
    formatter,
    ...more,
  };
}

// The formatter returns elements, so that text is never parsed as markup.
function tip(title, rows) {
  const lines = rows.map((cells) => element("tr", {}, ...cells.map((c) => element("td", {}, c))));
  return element("div", {}, element("strong", {}, title), element("table", {}, ...lines));
}

function axisLook() {
  return {
    axisLine: { lineStyle: { color: tone("strong-line") } },
    axisTick: { lineStyle: { color: tone("strong-line") } },
    axisLabel: { color: tone("soft"), hideOverlap: true },
    splitLine: { lineStyle: { color: tone("line") } },
    nameTextStyle: { color: tone("soft"), align: "left" },
  };
}

const clamp = (value, length) => Math.max(0, Math.min(length - 1, value));
