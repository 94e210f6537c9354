// Bars: numbers side by side.

const THICK = 22; // pixels for each bar that lies

// bars() returns [{title, name?, value, text}]. Lying bars have room for long titles.
function makeBars(name, { title, bars, unit, lying = false, format = number }) {
  let cursor = 0;

  function build() {
    const all = bars();
    const names = { type: "category", data: all.map((bar) => bar.title), ...axisLook(), splitLine: { show: false } };
    const label = { color: tone("soft"), interval: lying ? 0 : "auto", width: narrow() ? 130 : 260, overflow: "truncate" };
    const categories = { ...names, axisLabel: label, inverse: lying };
    const values = { type: "value", name: unit, ...axisLook(), axisLabel: { color: tone("soft"), formatter: format } };
    return {
      grid: { left: 8, right: 24, top: 36, bottom: 8, containLabel: true },
      xAxis: lying ? { ...values, position: "top", nameLocation: "start", name: "" } : categories,
      yAxis: lying ? categories : values,
      tooltip: tooltip(({ dataIndex }) => tip(all[dataIndex].name ?? all[dataIndex].title, [[all[dataIndex].text]])),
      series: [{ type: "bar", data: all.map((bar) => bar.value), itemStyle: { color: tone("bar") }, barCategoryGap: "25%" }],
    };
  }

  function move(dx, dy, end) {
    const all = bars();
    if (!all.length) return null;
    cursor = end ? (end < 0 ? 0 : all.length - 1) : clamp(cursor + (lying ? dy : dx), all.length);
    const bar = all[cursor];
    return { series: 0, index: cursor, text: `${bar.name ?? bar.title}: ${bar.text}` };
  }

  const height = lying ? () => Math.max(bars().length * THICK + 60, 110) : undefined;
  makePlot(name, { title: () => `${title()}, ${bars().length} bars. Use the arrow keys to read them.`, build, height, move });
}

const narrow = () => innerWidth < 640;
