// Theaters that lie close together are one mark, with the size of their screenings. Zooming in
// divides it, and theaters at one place are drawn around it.

const CELL = 26; // pixels, the reach of a mark
const APART = 16; // pixels between theaters that are drawn around their place

// Returns marks as lists of indices of points: all that lie in one cell of this width.
function clusters(points, width) {
  const cells = new Map();
  points.forEach(([x, y], at) => {
    const cell = `${Math.floor(x / width)} ${Math.floor(y / width)}`;
    if (cells.has(cell)) cells.get(cell).push(at);
    else cells.set(cell, [at]);
  });
  return [...cells.values()];
}

// Returns where to draw each of many theaters at one place, from the middle outwards.
function aroundPlace([x, y], many, apart) {
  return Array.from({ length: many }, (_, n) => {
    const [radius, angle] = [apart * Math.sqrt(n + 0.5), n * 2.4]; // the golden angle fills a disc evenly
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  });
}

const middleOf = (points) => [0, 1].map((axis) => add(points.map((p) => p[axis])) / points.length);
