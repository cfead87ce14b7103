"""Charts as SVG: scores of each task, agreement, training curves, spreads. Deterministic bytes."""

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

INK = "#1b1f24"
RULE = "#d9dee4"
_ODD = "#a4262c"
GROUPS = {"CN": "#2b5c8a", "MCI": "#b45309", "AD": _ODD}
"""Colours of the diagnoses; whoever has none is grey."""

_UNKNOWN = "#8b949e"
_LEGEND_LETTERS = 50  # that fit into one line beside their marks
SERIES = ("#b45309", "#2b5c8a", "#2f7d4f", "#7c3f98", "#8a6d3b", "#5b6570")

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "acadiff",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": "#eceff2",
    "text.color": INK,
    "xtick.color": "#5b6570",
    "ytick.color": "#5b6570",
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Dots:
    """The scores of one method on one task, a value for each subject."""

    task: str
    method: str
    values: tuple[float, ...]


def score_chart(dots: Sequence[Dots], label: str) -> str:
    """Draw each task as a row: faint subjects, bold mean, a bar of one SD.

    Args:
        dots: in the order in which rows and methods are to appear.
        label: what the axis measures, with its unit.
    """
    tasks = list(dict.fromkeys(d.task for d in dots))
    methods = list(dict.fromkeys(d.method for d in dots))

    def draw(axes: Any) -> None:
        for d in dots:
            n = methods.index(d.method)
            y = tasks.index(d.task) + 0.16 * (n - (len(methods) - 1) / 2)
            values, colour = np.asarray(d.values), SERIES[n % len(SERIES)]
            axes.plot(
                values, np.full(values.shape, y), "o", ms=3.5, color=colour, alpha=0.35, mew=0
            )
            axes.plot(_spread(values), (y, y), color=colour, lw=1.6)
            axes.plot(values.mean(), y, "o", ms=6, color=colour, label=d.method)
        axes.set_yticks(range(len(tasks)), tasks)
        axes.set_ylim(len(tasks) - 0.4, -0.6)
        axes.set_xlabel(label)
        axes.grid(visible=False, axis="y")
        axes.tick_params(length=0)
        legend(axes, above=True)

    return svg(draw, (8.4, 0.8 + 0.36 * max(2, len(tasks))))


@dataclass(frozen=True)
class Agreement:
    """One panel of a Bland-Altman plot: a value for each visit, and what was made of them."""

    title: str
    acquired: tuple[float, ...]
    imputed: tuple[float, ...]
    groups: tuple[str, ...]
    bias: float
    limits: tuple[float, float]


def agreement_chart(panels: Sequence[Agreement], quantity: str) -> str:
    """Draw imputed minus acquired over their mean, a panel a task, all on the same axes.

    Args:
        panels: in order; the groups are diagnoses.
        quantity: what was read, with its unit.
    """
    known = [g for g in GROUPS if any(g in p.groups for p in panels)]
    others = any(set(p.groups) - set(GROUPS) for p in panels)

    def draw(figure: Any) -> None:
        grid = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        for axes, panel in zip(grid, panels, strict=True):
            _draw_agreement(axes, panel)
            axes.set_title(panel.title)
        figure.supxlabel(f"mean of imputed and acquired: {quantity}", fontsize="medium")
        grid[0].set_ylabel("imputed − acquired")
        marks = {name: GROUPS[name] for name in known} | ({"unknown": _UNKNOWN} if others else {})
        dots = [
            grid[0].plot([], [], "o", ms=4.5, mew=0, color=colour, label=name)[0]
            for name, colour in marks.items()
        ]
        figure.legend(handles=dots, loc="outside upper right", ncols=4)

    return figure_svg(draw, (1.2 + 2.7 * max(2, len(panels)), 2.9))


def _draw_agreement(axes: Any, panel: Agreement) -> None:
    """Draw visits as dots, the bias as a line and the limits of agreement as broken ones."""
    acquired, imputed = np.asarray(panel.acquired), np.asarray(panel.imputed)
    colours = [GROUPS.get(group, _UNKNOWN) for group in panel.groups]
    axes.axhline(0, color=RULE, lw=1)
    axes.scatter((acquired + imputed) / 2, imputed - acquired, s=17, c=colours, alpha=0.7, lw=0)
    for value, style in ((panel.bias, "-"), *((limit, "--") for limit in panel.limits)):
        if np.isfinite(value):
            axes.axhline(value, color=INK, lw=1, ls=style)
            text = f"{round(value, 2) + 0.0:+.2f}".replace("-", "−")
            place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
            axes.annotate(text, (1, value), xytext=(-1, 2), ha="right", fontsize=7, **place)
    axes.tick_params(length=0)


def curve_chart(
    title: str, curves: Mapping[str, Float[np.ndarray, "n 2"]], label: str, *, logarithmic: bool
) -> str:
    """Draw curves over training steps: the raw numbers faint, their running mean bold.

    Args:
        title: above the chart.
        curves: name → rows of (step, value).
        label: of the vertical axis.
        logarithmic: whether the vertical axis is.
    """

    def draw(axes: Any) -> None:
        for n, (name, points) in enumerate(curves.items()):
            colour = SERIES[n % len(SERIES)]
            steps, values = thinned(points)
            axes.plot(steps, values, color=colour, lw=0.7, alpha=0.3)
            axes.plot(steps, running_mean(values), color=colour, label=name)
        if logarithmic:
            axes.set_yscale("log")
        axes.set_title(title)
        axes.set_xlabel("training step")
        axes.set_ylabel(label)
        axes.tick_params(length=0, which="both")
        legend(axes, above=False)

    return svg(draw, (4.0, 2.5))


def spread_chart(
    title: str,
    groups: Mapping[str, Float[np.ndarray, " n"]],
    marked: Mapping[str, Float[np.ndarray, " m"]],
) -> str:
    """Draw how a measure spreads in each group: a histogram, and a mark at each odd value.

    Args:
        title: what is measured.
        groups: name → its values, in order; NaN is left out.
        marked: name → those of its values that are odd. Values far beyond the middle of all lie
            at the edge.
    """
    known = np.concatenate([values[np.isfinite(values)] for values in groups.values()])
    low, high = _window(known)

    def draw(axes: Any) -> None:
        for n, (name, values) in enumerate(groups.items()):
            inside = np.clip(values[np.isfinite(values)], low, high)
            counts, edges = np.histogram(inside, bins=32, range=(low, high))
            height = 0.8 * counts / max(1, counts.max())
            axes.stairs(height - n, edges, baseline=-n, fill=True, color=SERIES[1], alpha=0.75)
            odd = np.clip(marked.get(name, np.empty(0)), low, high)
            axes.plot(odd, np.full(odd.shape, 0.06 - n), "v", ms=5, color=_ODD, clip_on=False)
        axes.set_yticks([-n + 0.3 for n in range(len(groups))], list(groups))
        axes.set_ylim(-len(groups) + 0.95, 1.0)
        axes.set_xlim(low, high)
        axes.set_title(title)
        axes.grid(visible=False, axis="y")
        axes.tick_params(length=0)

    return svg(draw, (4.0, 0.7 + 0.42 * len(groups)))


def _window(values: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Where values are drawn: all of them, but not what is very far from their middle."""
    if values.size == 0:
        return 0.0, 1.0
    middle = float(np.median(values))
    reach = (
        12 * float(np.median(np.abs(values - middle)))
        or float(np.ptp(values))
        or abs(middle) / 8
        or 1.0
    )
    low, high = max(float(values.min()), middle - reach), min(float(values.max()), middle + reach)
    spare = 0.04 * (high - low) or 0.5 * reach
    return low - spare, high + spare


def thinned(
    points: Float[np.ndarray, "n 2"], most: int = 400
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Return at most `most` points: averages of consecutive ones, so that no spike is invented."""
    parts = np.array_split(points, min(most, len(points)))
    means = np.array([part.mean(axis=0) for part in parts])
    return means[:, 0], means[:, 1]


def running_mean(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return the mean over a centred window of a 25th of the curve, cut at its ends."""
    reach = len(values) // 50
    total = np.concatenate([[0.0], np.cumsum(values)])
    start = np.clip(np.arange(len(values)) - reach, 0, None)
    end = np.clip(np.arange(len(values)) + reach + 1, None, len(values))
    return np.asarray((total[end] - total[start]) / (end - start))


def _spread(values: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Return mean ∓ one standard deviation (no width for a single subject)."""
    sd = values.std(ddof=1) if len(values) > 1 else 0.0
    return values.mean() - sd, values.mean() + sd


def legend(axes: Any, *, above: bool) -> None:
    """Name each series once, if there is more than one."""
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    if len(unique) < 2:
        return
    columns = 4 if sum(map(len, unique)) < _LEGEND_LETTERS else 2
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": columns} if above else {}
    axes.legend(unique.values(), unique.keys(), **place)


def svg(draw: Any, size: tuple[float, float]) -> str:
    """Return the SVG text of a figure of `size` inches whose only axes `draw` fills."""
    return figure_svg(lambda figure: draw(figure.add_subplot()), size)


def figure_svg(draw: Any, size: tuple[float, float]) -> str:
    """Return the SVG text of a figure of `size` inches that `draw` fills."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; the tables print it in full.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": "acadiff"})
    return buffer.getvalue()
