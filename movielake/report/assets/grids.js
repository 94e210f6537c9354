// Grids of cells: coverage, and problems by column and country.

const GAP = "gap", EMPTY = "empty", HURT = "damaged", FULL = "full";
const hurt = new Set(data.damaged.map(([country, stamp]) => `${country} ${stamp}`));

// Shapes of each kind of cell: a bar, a frame, a shade with a dot, a shade. They differ without colour too.
function cellShapes(kind, x, y, width, height, fill) {
  const whole = { x, y, width, height };
  const middle = { x: x + width / 2, y: y + height / 2 };
  if (kind === GAP) {
    const bar = { x, y: y + height * 0.4, width, height: Math.max(height * 0.2, 2) };
    return [{ type: "rect", shape: bar, style: { fill: tone("gap") } }];
  }
  const frame = { fill: "transparent", stroke: tone("strong-line"), lineWidth: 1 };
  if (kind === EMPTY) return [{ type: "rect", shape: whole, style: frame }];
  const shaded = { type: "rect", shape: whole, style: { fill } };
  if (kind === FULL) return [shaded];
  const dot = { cx: middle.x, cy: middle.y, r: Math.min(width, height) / 3.2 };
  const look = { fill: tone("gap"), stroke: tone("page"), lineWidth: 1 };
  return [shaded, { type: "circle", shape: dot, style: look }];
}

// cell(column, row) returns {kind, share, text} or null.
function makeGrid(name, { title, columns, rows, cell, rowHeight = 18, rowTitle }) {
  const cursor = { column: 0, row: 0 };
  let cells = [];

  function build() {
    const [across, down] = [columns(), rows()];
    cells = [];
    down.forEach((row, y) =>
      across.forEach((column, x) => {
        const found = cell(column.key, row.key);
        if (found) cells.push({ x, y, ...found });
      }),
    );
    const thin = across.length > 60 ? 0 : 1;
    const fills = cells.map((c) => shade(c.share));
    const category = (all) => ({ type: "category", data: all.map((one) => one.title), ...axisLook(), splitLine: { show: false } });
    return {
      grid: { left: 8, right: 12, top: 8, bottom: 8, containLabel: true },
      xAxis: category(across),
      yAxis: { ...category(down), inverse: true, axisLabel: { color: tone("soft"), interval: 0, fontSize: 11, width: rowTitle?.(), overflow: "truncate" } },
      tooltip: tooltip((at) => cellTip(cells[at.dataIndex], across, down)),
      series: [{
        type: "custom",
        progressive: 0,
        data: cells.map((c) => [c.x, c.y]),
        renderItem: (at, api) => {
          const [x, y] = api.coord([api.value(0), api.value(1)]);
          const [width, height] = api.size([1, 1]);
          const inner = [Math.max(width - thin, 0.5) + (thin ? 0 : 0.6), Math.max(height - 2, 0.5)];
          const from = [x - inner[0] / 2, y - inner[1] / 2];
          const n = at.dataIndex;
          return { type: "group", children: cellShapes(cells[n].kind, ...from, ...inner, fills[n]) };
        },
      }],
    };
  }

  const cellTip = (found, across, down) =>
    tip(`${down[found.y].name ?? down[found.y].title}, ${across[found.x].name ?? across[found.x].title}`, found.text.map((line) => [line]));

  function move(dx, dy, end) {
    const [across, down] = [columns(), rows()];
    if (!across.length || !down.length) return null;
    cursor.column = end ? (end < 0 ? 0 : across.length - 1) : clamp(cursor.column + dx, across.length);
    cursor.row = clamp(cursor.row + dy, down.length);
    const index = cells.findIndex((c) => c.x === cursor.column && c.y === cursor.row);
    const where = `${down[cursor.row].name ?? down[cursor.row].title}, ${across[cursor.column].name ?? across[cursor.column].title}`;
    return { series: 0, index, text: `${where}: ${index < 0 ? "no data" : cells[index].text.join(", ")}` };
  }

  const height = () => Math.max(rows().length * rowHeight + 56, 90);
  makePlot(name, { title, build, height, move });
}

function makeCoverage() {
  const largest = data.screenings.map((row) => Math.max(1, ...row));
  const cell = (stamp, country) => {
    const count = data.screenings[country][stamp];
    if (count == null) return { kind: GAP, share: 0, text: ["no feed zip"] };
    const theaters = data.theaters[country][stamp] ?? 0;
    const text = [`${number(count)} screenings`, `${number(theaters)} theaters`];
    const damaged = hurt.has(`${country} ${stamp}`);
    if (damaged) text.push("a part is damaged");
    const kind = damaged ? HURT : count ? FULL : EMPTY;
    return { kind, share: Math.sqrt(count / largest[country]), text };
  };
  makeGrid("coverage", {
    title: () =>
      `Coverage: ${chosen().length} countries by ${days.length} snapshots. Use the arrow keys to read the cells.`,
    columns: () => days.map((day, key) => ({ key, title: day })),
    rows: () => chosen().map((key) => ({ key, title: codes[key], name: names[key] })),
    cell,
  });
  onChange(coverageLegend);
}

function coverageLegend() {
  const draw = (kind, share) =>
    cellShapes(kind, 1, 1, 16, 12, shade(share)).map(({ type, shape, style }) => [type, {
      ...shape, fill: style.fill === "transparent" ? "none" : style.fill, stroke: style.stroke ?? "none",
    }]);
  const entries = [
    [FULL, 0.1, "few screenings"], [FULL, 1, "the country's maximum"], [GAP, 0, "no feed zip"],
    [EMPTY, 0, "no screenings"], [HURT, 0.6, "a part is damaged"],
  ];
  byId("coverage-legend").replaceChildren(
    ...entries.map(([kind, share, said]) => element("li", {}, drawing(18, 14, draw(kind, share)), said)),
  );
}

function makeProblems() {
  const FIRST_PROBLEMS = 30;
  const isNarrow = () => innerWidth < 640; // too narrow for the name of the table
  const rows = () =>
    data.problems
      .map((problem, key) => ({ key, total: add(pairs(problem.counts).map(([, count]) => count)), problem }))
      .filter((row) => row.total)
      .sort((a, b) => b.total - a.total)
      .slice(0, FIRST_PROBLEMS)
      .map(({ key, problem }) => ({ key, title: `${isNarrow() ? "" : `${problem.table}.`}${problem.column} (${problem.kind})`, name: `${problem.table}.${problem.column}, ${problem.kind}` }));
  const counts = data.problems.map((problem) => {
    const found = new Map();
    for (let n = 0; n < problem.counts.length; n += 2) found.set(problem.counts[n], problem.counts[n + 1]);
    return found;
  });
  const most = Math.log1p(Math.max(1, ...counts.flatMap((found) => [...found.values()])));
  makeGrid("problems", {
    title: () => `Problems: ${rows().length} columns by ${chosen().length} countries. Use the arrow keys to read the cells.`,
    columns: () => chosen().map((key) => ({ key, title: codes[key], name: names[key] })),
    rows,
    cell: (country, problem) => {
      const count = counts[problem].get(country);
      return count ? { kind: FULL, share: Math.log1p(count) / most, text: [`${number(count)} values`] } : null;
    },
    rowTitle: () => (isNarrow() ? 150 : 320),
  });
}
