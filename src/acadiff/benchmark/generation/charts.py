"""Charts of a comparison as SVG: each task, what it costs, and where regions are off."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from acadiff.benchmark.generation.markdown import Cells, Measure, arrow
from acadiff.evaluation.league import REFERENCE, TWO
from acadiff.outputs.charts import INK, SERIES, figure_svg, svg
from acadiff.volume.regions import NAMES

Plane = Float[np.ndarray, "r c"]
_PSNR = Measure("mean", "psnr", "PSNR, dB", 2)
_SPARE = 0.12
"""Share of an axis that is left beside the least value."""


def task_chart(table: pd.DataFrame, measure: Measure = _PSNR) -> str:
    """Draw a panel for each task, and a bar with its interval for each method.

    Bars start where the least interval does: what they show is differences, and the axis says so.

    Args:
        table: of `league`.
        measure: which image and metric.
    """
    cells = Cells(table)
    tasks = [task for task in cells.tasks if "-" in task]
    columns = min(3, len(tasks))
    lines = -(-len(tasks) // columns)

    def draw(figure: Any) -> None:
        grid = figure.subplots(lines, columns, squeeze=False, sharey=True)
        for axes, task in zip(grid.flat, tasks, strict=False):
            _draw_task(axes, cells, task, measure)
        for axes in list(grid.flat)[len(tasks) :]:
            axes.set_visible(False)
        figure.supxlabel(f"{measure.title}; axes do not begin at zero", fontsize="medium")

    return figure_svg(draw, (9.6, lines * (0.7 + 0.17 * len(cells.methods)) + 0.3))


def _draw_task(axes: Any, cells: Cells, task: str, measure: Measure) -> None:
    rows = [cells.row(task, method, measure) for method in cells.methods]
    known = [(place, row) for place, row in enumerate(rows) if row is not None]
    ends = np.array([[r["value"], r["lower"], r["upper"]] for _, r in known], float)
    low, high = np.nanmin(ends), np.nanmax(ends)
    start = low - _SPARE * (high - low or 1.0)
    for place, row in known:
        colour = colour_of(str(row["method"]))
        axes.barh(place, row["value"] - start, left=start, color=colour, height=0.66, alpha=0.85)
        axes.plot((row["lower"], row["upper"]), (place, place), color=INK, lw=1.1)
    axes.set_xlim(start, high + 0.04 * (high - start))
    axes.set_yticks(range(len(cells.methods)), cells.methods)
    axes.set_ylim(len(cells.methods) - 0.4, -0.6)
    axes.set_title(arrow(task))
    axes.set_axisbelow(True)
    axes.grid(visible=False, axis="y")
    axes.tick_params(length=0)


def colour_of(method: str) -> str:
    """ACADiff stands out, its variants less; all others are alike."""
    if method == REFERENCE:
        return SERIES[0]
    return SERIES[4] if method.startswith(REFERENCE) else SERIES[1]


def compute_chart(table: pd.DataFrame, compute: pd.DataFrame) -> str:
    """Draw PSNR of the mean of the draws against the arithmetic of one volume."""
    cells = Cells(table)
    work = compute.groupby("method", sort=False)["gflop_a_volume"].mean()
    points = [
        (method, max(float(work[method]), _LEAST), float(row["value"]))
        for method in cells.methods
        if (row := cells.row(TWO, method, _PSNR)) is not None
    ]

    def draw(axes: Any) -> None:
        for method, x, y in points:
            axes.plot(x, y, "o", ms=7, color=colour_of(method))
            above = any(  # another point, whose label this one's would meet
                0 < higher - y < 0.3 and 0.7 < beside / x < 1.4 for _, beside, higher in points
            )
            way = (7, -9 if above else 4)
            axes.annotate(method, (x, y), xytext=way, textcoords="offset points", fontsize=8)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")  # powers of ten would be TeX, which is not read
        axes.xaxis.set_minor_formatter("")
        axes.margins(x=0.18, y=0.15)
        axes.set_xlabel(
            "GFLOP a volume, all draws (a method without a network stands at the left)"
        )
        axes.set_ylabel("PSNR, dB, average over tasks with two sources")
        axes.tick_params(length=0, which="both")

    return svg(draw, (8.4, 3.6))


_LEAST = 1.0


def bias_chart(regional: pd.DataFrame, order: Sequence[str]) -> str:
    """Draw how far regions of the mean of draws are off, averaged over people: method × region.

    Args:
        regional: method, target, sources, region and bias.
        order: of the methods.
    """
    targets = list(dict.fromkeys(regional["target"]))
    most = float(regional["bias"].abs().max()) or 1.0

    def draw(figure: Any) -> None:
        grid = figure.subplots(len(targets), 1, squeeze=False, sharex=True)[:, 0]
        for axes, target in zip(grid, targets, strict=True):
            shown = axes.imshow(
                _bias(regional[regional["target"] == target], order),
                cmap="RdBu_r",
                vmin=-most,
                vmax=most,
                aspect="auto",
            )
            axes.set_title(f"{target}: imputed − acquired, SUVR")
            axes.set_yticks(range(len(order)), order)
            axes.set_xticks(range(len(NAMES)), [n.replace("_", " ") for n in NAMES], rotation=90)
            axes.grid(visible=False)
            axes.tick_params(length=0)
        figure.colorbar(shown, ax=list(grid), shrink=0.6, label="SUVR")

    return figure_svg(draw, (9.6, len(targets) * (0.5 + 0.19 * len(order)) + 1.5))


def _bias(part: pd.DataFrame, order: Sequence[str]) -> Float[np.ndarray, "method region"]:
    """Methods by regions, averaged over the tasks with two sources, if there are any."""
    double = part[part["sources"].str.contains("+", regex=False)]
    kept = double if len(double) else part
    wide = kept.pivot_table("bias", "method", "region")
    return np.asarray(wide.reindex(index=list(order), columns=list(NAMES)).to_numpy(float))


def side_by_side(
    images: Mapping[str, tuple[Plane, Plane | None]],
    title: str,
    unit: tuple[str, float],
    words: tuple[str, str],
) -> str:
    """Draw one plane of one person under every method: what was made, and how it errs below.

    Args:
        images: name → plane and error, the acquired one first and without an error.
        title: whose scan it is, from what.
        unit: of the values, and the largest that is shown.
        words: that stand on the acquired picture and on every imputed one.
    """
    top = max(float(np.abs(e).max()) for _, e in images.values() if e is not None) or 1.0
    columns = min(6, len(images))
    lines = -(-len(images) // columns)

    def draw(figure: Any) -> None:
        grid = figure.subplots(2 * lines, columns, squeeze=False)
        for axes in grid.flat:
            axes.axis("off")
        for n, (name, (plane, error)) in enumerate(images.items()):
            line, column = divmod(n, columns)
            here, below = grid[2 * line][column], grid[2 * line + 1][column]
            here.imshow(plane, cmap="gray", vmin=0, vmax=unit[1], interpolation="nearest")
            here.set_title(name)
            word = words[error is not None]
            here.text(0.03, 0.03, word, transform=here.transAxes, color="#ffb84d", fontsize=6)
            if error is None:
                continue
            shown = below.imshow(
                error, cmap="RdBu_r", vmin=-top, vmax=top, interpolation="nearest"
            )
            below.text(0.03, 0.03, "error", transform=below.transAxes, color=INK, fontsize=6)
        figure.suptitle(title, fontsize=9, x=0.01, ha="left")
        figure.colorbar(shown, ax=grid.ravel().tolist(), shrink=0.5, label=f"error, {unit[0]}")

    return figure_svg(draw, (9.8, 0.5 + 3.4 * lines))
