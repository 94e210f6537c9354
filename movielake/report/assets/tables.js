// Tables that can be sorted by their headings, with mouse or keyboard.

const FIRST = 50; // rows shown before the reader chooses to show all

// sort is [column, "ascending" | "descending"], or null for rows with an order of their own.
// A column is {title, kind: "number" | "text" | "name" | "day" | "long", value(row), text(row, value)?, node(row)?}.
// A table cannot be sorted by a column without a value.
function makeTable(name, { caption, columns, rows, sort, first = FIRST }) {
  const place = document.querySelector(`[data-table="${name}"]`);
  const state = { column: sort?.[0], down: sort?.[1] === "descending", all: false };
  const body = element("tbody");
  const headings = columns.map((column, n) => heading(column, () => sortBy(n)));
  const title = element("caption");
  const head = element("thead", {}, element("tr", {}, ...headings));
  const more = element("p", { class: "more" });
  const told = element("span");
  const toSave = element("button", { type: "button", "aria-label": `Save the table ${name} as CSV`, click: () => saveTable(name, columns, ordered()) }, "Save as CSV");
  more.append(told, toSave);
  const table = element("table", { id: `table-${name}` }, title, head, body);
  const scroll = element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": name }, table);
  const sides = element("div", { class: "sides" }, scroll);
  place.append(sides, more);

  // Shades the side on which more columns are.
  function hint() {
    const rest = scroll.scrollWidth - scroll.clientWidth - scroll.scrollLeft;
    sides.classList.toggle("more-left", scroll.scrollLeft > 2);
    sides.classList.toggle("more-right", rest > 2);
  }
  scroll.addEventListener("scroll", hint);
  new ResizeObserver(hint).observe(scroll);

  function sortBy(n) {
    const fresh = columns[n].kind === "number";
    state.down = state.column === n ? !state.down : fresh;
    state.column = n;
    draw();
  }

  function ordered(found = rows()) {
    if (state.column == null) return found; // they have an order of their own
    const { value } = columns[state.column];
    return found.map((row) => [value(row), row]).sort(byValue(state.down)).map(([, row]) => row);
  }

  function draw() {
    const found = rows();
    const limit = state.all ? found.length : first;
    title.textContent = typeof caption === "function" ? caption(found) : caption;
    scroll.setAttribute("aria-label", title.textContent);
    headings.forEach((cell, n) => {
      if (!columns[n].value) return;
      const order = state.down ? "descending" : "ascending";
      cell.setAttribute("aria-sort", n === state.column ? order : "none");
    });
    body.replaceChildren(...ordered(found).slice(0, limit).map((row) => drawRow(columns, row)));
    tellMore(found.length, limit);
    hint();
  }

  function tellMore(total, limit) {
    const button = element("button", { type: "button", click: showAll }, `Show all ${number(total)}`);
    const cut = total > limit;
    const said = cut ? `${number(limit)} of ${number(total)} rows. ` : total ? "" : "No rows. ";
    told.replaceChildren(said, ...(cut && total <= 5000 ? [button] : []));
    toSave.hidden = !total;
  }

  function showAll() {
    state.all = true;
    draw();
    scroll.focus();
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
