"""Charts of an audit as SVG: intervals, changes against what was told, curves with a band."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from acadiff.outputs.charts import INK, RULE, SERIES, legend, svg

Estimate = tuple[float, float, float]


class Band(NamedTuple):
    """A curve with an SD at each point."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    sd: Sequence[float]


def interval_chart(
    rows: Mapping[str, Mapping[str, Estimate]], label: str, zero: float | None = 0.0
) -> str:
    """Draw each row's values as dots with their intervals, one colour a series.

    Args:
        rows: row → series → (value, low, high); ends that are no number are not drawn.
        label: what the axis measures, with its unit.
        zero: where a line marks nothing, if anywhere.
    """
    series = list(dict.fromkeys(name for held in rows.values() for name in held))

    def draw(axes: Any) -> None:
        if zero is not None:
            axes.axvline(zero, color=RULE, lw=1.2, zorder=0)
        for place, held in enumerate(rows.values()):
            for name, (value, low, high) in held.items():
                n = series.index(name)
                y = place + 0.17 * (n - (len(series) - 1) / 2)
                colour = SERIES[n % len(SERIES)]
                axes.plot((low, high), (y, y), color=colour, lw=1.5, alpha=0.6)
                axes.plot(value, y, "o", ms=5, color=colour, label=name)
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel(label)
        axes.grid(visible=False, axis="y")
        axes.tick_params(length=0)
        legend(axes, above=True)

    height = 0.19 + 0.07 * len(series)
    return svg(draw, (8.4, 0.9 + height * max(2, len(rows))))


_FOR_A_LINE = 10
"""People below whom a slope tells nothing."""


def change_chart(
    moved: Float[np.ndarray, " n"], change: Float[np.ndarray, " n"], labels: tuple[str, str]
) -> str:
    """Draw the change of each person's scan against the change in what was told; many get a line.

    Args:
        moved: change in what was told.
        change: change in the scan.
        labels: of the two axes.
    """

    def draw(axes: Any) -> None:
        axes.axhline(0, color=RULE, lw=1.2, zorder=0)
        axes.axvline(0, color=RULE, lw=1.2, zorder=0)
        axes.plot(moved, change, "o", ms=4.5, color=SERIES[0], alpha=0.55, mew=0)
        if len(moved) >= _FOR_A_LINE and np.ptp(moved) > 0:
            slope, start = np.polyfit(moved, change, 1)
            ends = np.array([moved.min(), moved.max()])
            axes.plot(ends, start + slope * ends, color=INK, lw=1.4)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        axes.tick_params(length=0)

    return svg(draw, (5.4, 3.4))


def band_chart(
    bands: Sequence[Band], x: str, y: str, size: tuple[float, float] = (3.5, 3.0)
) -> str:
    """Draw curves with a band of one SD; x runs from the greatest value to the least.

    Args:
        bands: the curves.
        x: label of the horizontal axis.
        y: label of the vertical axis.
        size: in inches.
    """

    def draw(axes: Any) -> None:
        for n, band in enumerate(bands):
            mean, sd = np.asarray(band.y, float), np.asarray(band.sd, float)
            colour = SERIES[n % len(SERIES)]
            axes.fill_between(band.x, mean - sd, mean + sd, color=colour, alpha=0.16, lw=0)
            axes.plot(band.x, mean, "o-", ms=3.5, color=colour, label=band.name)
        axes.invert_xaxis()
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.tick_params(length=0)
        legend(axes, above=True)

    return svg(draw, size)
