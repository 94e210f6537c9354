"""Run the code of a notebook, and check the labels of each figure: ``python FILE NOTEBOOK``.

Prints one line per figure, with the texts of its ticks. Labels that overlap, labels outside the
figure and warnings are errors.
"""

from __future__ import annotations

import json
import sys
import warnings
from itertools import combinations
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt


def ticks(axis):
    """List the labels of an axis that are drawn."""
    low, high = sorted(axis.get_view_interval())
    shown = (tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high)
    labels = (label for tick in shown for label in (tick.label1, tick.label2))
    return [label for label in labels if label.get_visible() and label.get_text()]


def check(figure):
    """Compare the place of each label with all others and with the figure."""
    figure.canvas.draw()
    axes = [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    labels = [label for axis in axes for label in (*ticks(axis), axis.label)]
    labels = [label for label in labels if label.get_text()] + figure.legends
    places = [label.get_window_extent() for label in labels]
    for (label, place), (other, there) in combinations(zip(labels, places, strict=True), 2):
        assert not place.overlaps(there), f"{label} overlaps {other}"
    whole = figure.bbox.padded(1)
    for label, place in zip(labels, places, strict=True):
        corners = (place.min, place.max)
        assert all(map(whole.contains, *zip(*corners, strict=True))), f"{label} is outside"
    return [label.get_text() for axis in axes for label in ticks(axis)] + [
        text.get_text() for legend in figure.legends for text in legend.get_texts()
    ]


def show():
    """Check the open figures and close them."""
    for number in plt.get_fignums():
        print("figure:", json.dumps(check(plt.figure(number))))
    plt.close("all")


if __name__ == "__main__":
    warnings.simplefilter("error")
    plt.show = show
    notebook = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    names = {"__name__": "__main__"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
