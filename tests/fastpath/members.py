"""Movies and theaters members made and damaged at random, to compare the two paths.

``python -m tests.fastpath.members [--count N] [--seed N]`` compares N members of each table and
reports how many took which path. `test_elements` runs a part of it. `mutations` does the same for
showings, and provides the changes.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter

from movielake.schema.tables import Column, Table, table
from tests.fastpath.mutations import (
    ENCODINGS,
    MUTATIONS,
    ODD_LEAVES,
    differences,
    escape,
    insert,
    read_by_reference,
    read_fast,
)

TABLES = (table("movies"), table("theaters"))
TEXTS = {
    "string": (
        "Süß & salzig",
        "冰雪奇缘2",
        'The "Best"',
        "a\\b",
        "",
        " ",
        "x\ny",
        "Plain",
        "\u00a0x",
    ),
    "markup": ("A <b> word & more", "", "One.\nTwo."),
    "int32": ("7", "201030", "", "x", "+5", "99999999999", " 12 "),
    "date": ("July 05, 2013", "11/27/2019", "2019-11-27", "", "soon", "July\u00a05, 2013"),
    "boolean": ("Y", "N", "", "https://x.example/?a=1&b=2"),
    "price": ("$13.00", "12,50 EUR", "", "free", "1.200"),
    "float64": ("52,520", "-37.8", "", "north", "-5E-05", "\u22125"),
    "list": ("Drama", "Digital, 3D", "", " ", "Action", "R&B"),
}
ODD = (
    *ODD_LEAVES,
    "<{0} id='7'>{1}</{0}>",
    "<{0} id='7' notes=\"a 'b'\"/>",
    "<{0} id='7' id='8'>{1}</{0}>",
    "<{0} id='a&amp;b'>{1}</{0}>",
    "<{0} id=' 7 '></{0}>",
    "<{0}></{0}>",
    "<{0}><intl_name>{1}</intl_name></{0}>",
    "<genres/><genres></genres>",
    "<genres>x<genre>{1}</genre></genres>",
    "<genres><genre>{1}</genre>x</genres>",
    "<intl/>",
    "<intl>{1}</intl>",
    "<intl country='AUS'/>",
    "<intl country='AUS' x='1'><intl_cert>7</intl_cert></intl>",
    "<intl country=''><intl_cert/></intl>",
    "<theater_types><type/><type>{1}</type></theater_types>",
    "<theater_types/>",
    "<movie>{1}</movie>",
    "<theater></theater>",
)
TOKENS = (
    b"<genre>a</genre>",
    b"<genres>",
    b"</genres>",
    b"<intl>",
    b"<intl country='DEU'>",
    b"</intl>",
    b"<movie>",
    b"</movie>",
    b"<movie/>",
    b"<theater>",
    b"</theater>",
    b"<type>",
    b"</type>",
    b"<theater_chain id='1'/>",
)


class Maker:
    """Makes random members of a table. Most records are regular, some are not."""

    def __init__(self, rng: random.Random, of: Table) -> None:
        self._rng = rng
        self._table = of
        self._gap = rng.choice(("", "\n", "\r\n", "\n  ", " "))
        self._oddity = rng.choice((0.0, 0.0, 0.01, 0.1))
        self._empty = rng.choice(("<{0}{1}></{0}>", "<{0}{1}/>", "<{0}{1} />"))
        self._wrapped = rng.random()
        self._kept = rng.choice((0.1, 0.5, 0.9))

    def leaf(self, path: str, column: Column) -> str:
        """Write a leaf, with its attributes if it has some."""
        rng, name = self._rng, path.rpartition("/")[2]
        text = rng.choice(TEXTS[column.type])
        if rng.random() < self._oddity:
            return rng.choice(ODD).format(name, escape(text)) + self._gap
        attributes = self._attributes(path)
        if not text:
            return self._empty.format(name, attributes) + self._gap
        return f"<{name}{attributes}>{escape(text)}</{name}>{self._gap}"

    def _attributes(self, path: str) -> str:
        written = ""
        for column in self._table.with_fields:
            for own in column.paths:
                if own.startswith(f"{path}/@") and self._rng.random() < 0.6:
                    value = self._rng.choice(("109", "", " AUS", "Ü", "a>b" * (self._oddity > 0)))
                    written += f' {own.partition("/@")[2]}="{value}"'
        return written

    def column(self, column: Column) -> str:
        """Write the elements of a column."""
        rng = self._rng
        if column.type == "structs":
            return "".join(self._item(column) for _ in range(rng.choice((1, 1, 2, 3))))
        paths = [path for path in column.paths if "/@" not in path]
        if not paths:
            return ""
        path = paths[0] if rng.random() < self._wrapped else paths[-1]
        if rng.random() < self._oddity:
            path = rng.choice(paths)
        count = rng.choice((0, 1, 2, 5)) if column.repeatable else 1
        inside = "".join(self.leaf(path, column) for _ in range(count))
        wrapper = path.rpartition("/")[0]
        return f"<{wrapper}>{self._gap}{inside}</{wrapper}>{self._gap}" if wrapper else inside

    def _item(self, column: Column) -> str:
        path = column.paths[0]
        inside = "".join(
            self.leaf(f"{path}/{field.paths[0]}", field)
            for field in column.field
            if not field.paths[0].startswith("@") and self._rng.random() < self._kept
        )
        return f"<{path}{self._attributes(path)}>{self._gap}{inside}</{path}>{self._gap}"

    def record(self) -> str:
        """Write a record."""
        rng, name = self._rng, self._table.record
        columns = [c for c in self._table.columns if c.paths and rng.random() < self._kept]
        if rng.random() < self._oddity:
            rng.shuffle(columns)
            columns += rng.choices(columns, k=min(2, len(columns)))
        inside = "".join(map(self.column, columns))
        return f"<{name}>{self._gap}{inside}</{name}>{self._gap}"

    def member(self) -> bytes:
        """Write a member."""
        rng, root = self._rng, self._table.root
        codec, declared, mark = (
            rng.choice(ENCODINGS[:25]) if rng.random() < 0.9 else rng.choice(ENCODINGS)
        )
        head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
        records = "".join(self.record() for _ in range(rng.choice((0, 1, 3, 8, 20))))
        text = f"{head}{self._gap if head else ''}<{root}>{self._gap}{records}</{root}>{self._gap}"
        return mark + text.encode(codec, "xmlcharrefreplace")


def mutant(rng: random.Random, of: Table) -> bytes:
    """Make a member and change it up to twice."""
    data = Maker(rng, of).member()
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        if data and rng.random() < 0.2:
            data = insert(data, rng, TOKENS)
        elif data:
            data = rng.choice(MUTATIONS)(data, rng)
    return data


def compare(seed: int, of: Table) -> Counter[str]:
    """Read one mutant by both paths, and count members and records by path.

    Raises
    ------
    AssertionError
        If they differ.
    """
    rng = random.Random(seed)
    data = mutant(rng, of)
    fast, left = read_fast(data, rng.choice((700, 2000, 1 << 20)), of)
    if fast is None:
        return left
    differ = differences(fast, read_by_reference(data, of))
    assert not differ, f"{of.name}, seed {seed}: {', '.join(differ)}"
    regular = fast.records - sum(left.values())
    return left + Counter({"fast members": 1, "fast records": regular})


def main() -> None:
    """Run the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for of in TABLES:
        taken: Counter[str] = Counter()
        for seed in range(options.seed, options.seed + options.count):
            taken += compare(seed, of)
        print(of.name)
        for what, count in taken.most_common():
            print(f"{count:8} {what}")


if __name__ == "__main__":
    main()
