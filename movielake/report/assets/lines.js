// Lines over time, one for each country.

const LISTED = 14; // largest number of countries in a tooltip, so that it fits on a screen
const NAMED = 16; // largest number of lines with a name at their end
const FEW = 30; // largest number of snapshots that each get a mark and a day on the axis
const HALF_WEEK = 3.5 * 24 * 3600 * 1000; // so that a single snapshot has a width

const day = (time) => new Date(time).toISOString().slice(0, 10);
const snapshots = () => times;

// when() returns the times of the points, and values(n) a country's number at each of them, or null.
// limits(lines) returns {min, max} of the axis.
function makeLines(name, { title, values, text, unit, when = snapshots, scale = () => "value", limits = () => ({}) }) {
  const cursor = { stamp: Infinity, line: 0 };
  const drawn = () => chosen().filter((n) => values(n).some((value) => value != null));

  function line(n) {
    const few = when().length <= FEW;
    const points = when().map((time, at) => [time, positive(values(n)[at])]);
    const there = (at) => points[at]?.[1] != null;
    const alone = points.map((_, at) => there(at) && !there(at - 1) && !there(at + 1));
    return {
      type: "line",
      id: codes[n],
      name: names[n],
      data: points,
      symbol: mark(n),
      symbolSize: few ? markSize(n) : (_, { dataIndex }) => (alone[dataIndex] ? markSize(n) : 0),
      symbolOffset: markOffset(n),
      showSymbol: few || alone.includes(true), // a single point has no line, so it needs a mark
      itemStyle: { color: colour(n) },
      lineStyle: { color: colour(n), type: dash(n), width: 1.6 },
      emphasis: { focus: "series" },
    };
  }

  const positive = (value) => (scale() === "log" && !(value > 0) ? null : value);

  function read(points) {
    const at = when().indexOf(points[0].axisValue);
    const all = drawn().filter((n) => values(n)[at] != null);
    all.sort((a, b) => values(b)[at] - values(a)[at]);
    const rows = all.slice(0, LISTED).map((n) => [swatch(n), names[n], text(values(n)[at])]);
    if (all.length > LISTED) rows.push(["", `and ${all.length - LISTED} more`, ""]);
    return tip(day(when()[at]), rows.length ? rows : [["", "no data", ""]]);
  }

  function build() {
    const lines = drawn();
    const zoom = when().length > 12;
    const ends = lines.length <= NAMED;
    return {
      grid: { left: 34, right: ends ? 56 : 16, top: zoom ? 68 : 36, bottom: 12, containLabel: true },
      xAxis: { type: "time", ...span(when()), ...dayLook(when()), splitLine: { show: false } },
      yAxis: { type: scale(), name: unit, ...axisLook(), ...limits(lines) },
      tooltip: tooltip(read, { trigger: "axis" }),
      dataZoom: zoom ? [{ type: "slider", height: 24, top: 8, ...zoomLook() }] : [],
      series: lines.map(line),
    };
  }

  // Names the lines at their right ends. A thin line joins each name to its line.
  function finish(chart) {
    const lines = drawn();
    const area = chart.getModel().getComponent("grid").coordinateSystem.getRect();
    const ends = lines.length > NAMED ? [] : lines.map((n, at) => lastPoint(chart, n, at, area)).filter(Boolean);
    const left = area.x + area.width + 12;
    const heights = spread(ends.map(([, , y]) => y), 14, area.y - 7, area.y + area.height + 7);
    const elements = ends.flatMap(([n, x, y], at) => [
      { type: "polyline", silent: true, shape: { points: [[x + 4, y], [left, heights[at]]] }, style: { stroke: colour(n), lineWidth: 0.7, fill: "none" } },
      { type: "text", silent: true, x: left + 3, y: heights[at], style: { text: codes[n], fill: colour(n), font: "12px sans-serif", verticalAlign: "middle" } },
    ]);
    chart.setOption({ graphic: { elements } }, { replaceMerge: ["graphic"] });
  }

  // Returns the last point of a line in the area, as [country, x, y] in pixels. A point above or below
  // the area counts as one on its edge.
  function lastPoint(chart, n, seriesIndex, area) {
    for (let at = when().length - 1; at >= 0; at--) {
      const value = positive(values(n)[at]);
      if (value == null) continue;
      const [x, y] = chart.convertToPixel({ seriesIndex }, [when()[at], value]);
      if (x <= area.x + area.width + 1) return x < area.x ? null : [n, x, Math.min(Math.max(y, area.y), area.y + area.height)];
    }
    return null;
  }

  function move(dx, dy, end) {
    const lines = drawn();
    if (!lines.length) return null;
    const last = when().length - 1;
    cursor.stamp = end ? (end < 0 ? 0 : last) : clamp(Math.min(cursor.stamp, last) + dx, last + 1);
    cursor.line = clamp(cursor.line + dy, lines.length);
    const n = lines[cursor.line];
    const value = values(n)[cursor.stamp];
    const reading = value == null ? "no data" : text(value);
    return { series: cursor.line, index: cursor.stamp, text: `${day(when()[cursor.stamp])}, ${label(n)}: ${reading}` };
  }

  const described = () =>
    `${title}, ${drawn().length} lines over ${when().length} weeks. Use the arrow keys to read values. ` +
    "Left and right change the week. Up and down change the country.";
  makePlot(name, { title: described, build, move, finish });
}

// Moves heights apart so that no two are closer than a gap, each as near to where it was as that allows.
function spread(heights, gap, top, bottom) {
  const groups = [];
  for (const [y, n] of heights.map((y, n) => [Math.min(Math.max(y, top), bottom), n]).sort(([a], [b]) => a - b)) {
    groups.push({ members: [n], middle: y });
    while (groups.length > 1 && reach(groups.at(-1), -1) < reach(groups.at(-2), 1)) {
      const [upper, lower] = groups.splice(-2);
      const [few, many] = [upper.members.length, lower.members.length];
      groups.push({ members: [...upper.members, ...lower.members], middle: (upper.middle * few + lower.middle * many) / (few + many) });
    }
  }
  function reach({ members, middle }, side) {
    return middle + (side * members.length * gap) / 2;
  }
  const moved = [...heights];
  for (const group of groups) {
    const first = Math.min(Math.max(reach(group, -1), top), bottom - (group.members.length - 1) * gap) + gap / 2;
    group.members.forEach((n, at) => (moved[n] = first + at * gap));
  }
  return moved;
}

// Returns fixed limits of the axis, so that a plot without lines shows days too.
function span(times) {
  const margin = times.length > 1 ? 0 : HALF_WEEK;
  return { min: times[0] - margin, max: times.at(-1) + margin };
}

// Labels of the axis: the day of each snapshot, or as many days as fit if there are many snapshots.
function dayLook(times) {
  const look = axisLook();
  const few = times.length <= FEW;
  const own = few ? { customValues: times, formatter: day } : { formatter: { day: "{d} {MMM}" } };
  const ticks = few ? { customValues: times } : {};
  return { ...look, axisLabel: { ...look.axisLabel, ...own }, axisTick: { ...look.axisTick, ...ticks } };
}

function zoomLook() {
  const faint = { color: tone("line") };
  return {
    borderColor: tone("line"),
    fillerColor: "rgba(128,148,170,.25)",
    handleStyle: { color: tone("page"), borderColor: tone("strong-line") },
    moveHandleStyle: { color: tone("strong-line") },
    dataBackground: { lineStyle: faint, areaStyle: faint },
    textStyle: { color: tone("soft") },
    labelFormatter: day,
  };
}
