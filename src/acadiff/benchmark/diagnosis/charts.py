"""Charts of a study of diagnoses as SVG: a metric against the missing rate, and differences."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from acadiff.evaluation.diagnosis_table import NO_THRESHOLD
from acadiff.evaluation.row_titles import DROP, MEAN, ORACLE, OURS, ZERO, place_of, title_of
from acadiff.outputs.audit_charts import Estimate, interval_chart
from acadiff.outputs.charts import INK, SERIES, svg

_GREY = "#8b949e"
_OTHERS = (*SERIES[1:], "#0e7490", "#be185d", "#65a30d", "#1d4ed8", "#9a3412")
_STYLES = {DROP: "--", MEAN: "-.", ZERO: ":", "scores": "--", "none": ":"}
"""Of simple rows, and of what stands after a method's name."""

_APART = 0.55  # percentage points between rows at one rate, so that their bars can be told apart


def rate_chart(table: pd.DataFrame, metric: str, threshold: str = NO_THRESHOLD) -> str:
    """Draw each row against the missing rate, with the 95 % interval of each mean.

    Args:
        table: lines of the summary, of one scenario, classifier and mask seed.
        metric: which.
        threshold: of it.
    """
    kept = table[(table["metric"] == metric) & (table["threshold"] == threshold)]
    rows = sorted(set(kept["method"]) - {ORACLE}, key=place_of)
    real = kept[kept["method"] == ORACLE]
    colours = _colours(rows)

    def draw(axes: Any) -> None:
        if len(real):
            line = real.iloc[0]
            axes.axhspan(line["low"], line["high"], color=INK, alpha=0.06, lw=0)
            axes.axhline(line["mean"], color=INK, lw=1.1, label=title_of(ORACLE))
        for n, row in enumerate(rows):
            own = kept[kept["method"] == row].sort_values("rate")
            x = own["rate"].to_numpy(float) + _APART * (n - (len(rows) - 1) / 2)
            mean = own["mean"].to_numpy(float)
            low, high = (np.abs(own[end].to_numpy(float) - mean) for end in ("low", "high"))
            axes.errorbar(
                x,
                mean,
                yerr=np.nan_to_num(np.stack([low, high])),
                fmt=f"o{_STYLES.get(row.rpartition(':')[-1], '-')}",
                ms=4.5 if row == OURS else 3.5,
                lw=2.0 if row == OURS else 1.2,
                elinewidth=0.8,
                color=colours[row],
                label=title_of(row),
            )
        axes.set_xticks(sorted(set(kept["rate"]) - {0}))
        axes.set_xlabel("people of whom scans are missing, %")
        axes.set_ylabel(metric)
        axes.tick_params(length=0)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    return svg(draw, (8.4, 4.0))


def _colours(rows: Sequence[str]) -> dict[str, str]:
    """ACADiff has the first colour, whatever it is told; simple rows are grey."""
    methods = dict.fromkeys(row.partition(":")[0] for row in rows)
    others = [m for m in methods if m not in (OURS, DROP, MEAN, ZERO)]
    known = {m: _OTHERS[n % len(_OTHERS)] for n, m in enumerate(others)} | {OURS: SERIES[0]}
    return {row: known.get(row.partition(":")[0], _GREY) for row in rows}


def difference_chart(gaps: pd.DataFrame, rate: int, against: Sequence[str]) -> str | None:
    """Draw the AUC of each row less that of others at one rate; None where nothing was compared.

    Args:
        gaps: lines of the differences, of one scenario, classifier and mask seed.
        rate: which.
        against: the others, each a colour.
    """
    kept = gaps[(gaps["metric"] == "AUC") & (gaps["rate"] == rate)]
    rows: dict[str, Mapping[str, Estimate]] = {}
    for method in sorted(set(kept["method"]), key=place_of):
        own = kept[kept["method"] == method].set_index("against")
        rows[title_of(method)] = {
            f"less {title_of(other)}": tuple(own.loc[other, ["difference", "low", "high"]])
            for other in against
            if other in own.index
        }
    known = {title: held for title, held in rows.items() if held}
    return interval_chart(known, f"difference in AUC at {rate} % missing") if known else None
