// Tables that can be sorted by their headings, with mouse or keyboard.

const FIRST = 50; // rows shown before the reader chooses to show all

// A column is {title, kind: "number" | "text" | "name" | "long", value(row), text(row, value)?, node(row)?}.
// A table cannot be sorted by a column without a value.
function makeTable(name, { caption, columns, rows, sort, first = FIRST }) {
  const place = document.querySelector(`[data-table="${name}"]`);
  const state = { column: sort[0], down: sort[1] === "descending", all: false };
  const body = element("tbody");
  const headings = columns.map((column, n) => heading(column, () => sortBy(n)));
  const title = element("caption");
  const head = element("thead", {}, element("tr", {}, ...headings));
  const more = element("p", { class: "more" });
  const table = element("table", { id: `table-${name}` }, title, head, body);
  place.append(
    element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": name }, table),
    more,
  );

  function sortBy(n) {
    const fresh = columns[n].kind === "number";
    state.down = state.column === n ? !state.down : fresh;
    state.column = n;
    draw();
  }

  function draw() {
    const found = rows();
    const { value } = columns[state.column];
    const ordered = found.map((row) => [value(row), row]).sort(byValue(state.down));
    const limit = state.all ? ordered.length : first;
    title.textContent = typeof caption === "function" ? caption(found) : caption;
    place.firstChild.setAttribute("aria-label", title.textContent);
    headings.forEach((cell, n) => {
      if (!columns[n].value) return;
      const order = state.down ? "descending" : "ascending";
      cell.setAttribute("aria-sort", n === state.column ? order : "none");
    });
    body.replaceChildren(...ordered.slice(0, limit).map(([, row]) => drawRow(columns, row)));
    tellMore(ordered.length, limit);
  }

  function tellMore(total, limit) {
    const button = element("button", { type: "button", click: showAll }, `Show all ${number(total)}`);
    const cut = total > limit;
    const told = cut ? `${number(limit)} of ${number(total)} rows.` : total ? "" : "No rows.";
    more.replaceChildren(told, ...(cut && total <= 5000 ? [button] : []));
  }

  function showAll() {
    state.all = true;
    draw();
    place.firstChild.focus();
  }

  onChange(draw);
  return draw;
}

function heading(column, sort) {
  if (!column.value) return element("th", { scope: "col", class: "action" }, column.title);
  const button = element("button", { type: "button", click: sort }, column.title);
  return element("th", { scope: "col", class: column.kind }, button);
}

function byValue(down) {
  return ([a], [b]) => {
    if (a == null || b == null) return (a == null) - (b == null); // missing values come last
    const order = typeof a === "string" ? a.localeCompare(b) : a - b;
    return down ? -order : order;
  };
}

function drawRow(columns, row) {
  const cells = columns.map((column, n) => {
    const value = column.value?.(row);
    const plain = value == null ? "–" : column.kind === "number" ? number(value) : value;
    const text = column.text ? column.text(row, value) : plain;
    const attributes = { class: column.kind, ...(n === 0 && { scope: "row" }) };
    return element(n === 0 ? "th" : "td", attributes, column.node ? column.node(row) : text);
  });
  return element("tr", {}, ...cells);
}
