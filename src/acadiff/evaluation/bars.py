"""What ACADiff has to reach against the others, and whether it does. What is missed says so."""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from acadiff.evaluation.league import REFERENCE, TWO, WASSERSTEIN, fault

YARDSTICKS = ("regressor", "mean")
"""Methods that give everybody one answer, and no sample of what is possible."""

_NEAR = 0.2  # dB of PSNR below the regressor
_FIRST = {"mean": ("psnr", "ssim", "nmi", "mae"), "draw": ("ssim", WASSERSTEIN)}
_CALLED = {"mean": "the mean of the draws", "draw": "single draws"}
_DISTANCE = "the distance of regional SUVR"

Row = Mapping[Hashable, Any]
Look = Callable[[str, str, str], Row | None]


@dataclass(frozen=True)
class Bar:
    """One thing that is asked.

    Args:
        asked: what.
        met: whether it is; None where a method that it is about was not measured.
        told: the numbers.
    """

    asked: str
    met: bool | None
    told: str

    @property
    def verdict(self) -> str:
        """One word."""
        return "not measured" if self.met is None else "met" if self.met else "MISSED"


def bars(table: pd.DataFrame) -> list[Bar]:
    """All bars, on the average of the tasks with two sources.

    Args:
        table: as `league` gives it.
    """
    here = table[table["task"] == TWO]
    rows = {
        (str(r["method"]), str(r["image"]), str(r["metric"])): r for r in here.to_dict("records")
    }

    def look(method: str, image: str, metric: str) -> Row | None:
        return rows.get((method, image, metric))

    methods = list(dict.fromkeys(str(m) for m in here["method"]))
    rivals = [m for m in methods if m not in (REFERENCE, *YARDSTICKS) and "@" not in m]
    first = [_first(look, rivals, image, metric) for image in _FIRST for metric in _FIRST[image]]
    return [*first, _near(look), _sharper(look)]


def _first(look: Look, rivals: list[str], image: str, metric: str) -> Bar:
    called = _DISTANCE if metric == WASSERSTEIN else metric.upper()
    asked = f"{_CALLED[image]} first in {called} among generative methods"
    ours = look(REFERENCE, image, metric)
    theirs = {m: row for m in rivals if (row := look(m, image, metric)) is not None}
    if ours is None or not theirs:
        return Bar(asked, None, "")
    best = min(theirs, key=lambda m: fault(metric, theirs[m]["value"]))
    told = f"{ours['value']:.4g}, best of the others {best} {theirs[best]['value']:.4g}"
    met = fault(metric, ours["value"]) < fault(metric, theirs[best]["value"])
    return Bar(asked, met, told + _apart(theirs[best]))


def _near(look: Look) -> Bar:
    asked = f"the mean of the draws within {_NEAR} dB of the regressor in PSNR"
    ours, theirs = look(REFERENCE, "mean", "psnr"), look("regressor", "mean", "psnr")
    if ours is None or theirs is None:
        return Bar(asked, None, "")
    return Bar(asked, ours["value"] >= theirs["value"] - _NEAR, _against(ours, theirs))


def _sharper(look: Look) -> Bar:
    asked = "single draws nearer than the regressor to the sharpness of acquired scans"
    ours, theirs = look(REFERENCE, "draw", "sharpness"), look("regressor", "draw", "sharpness")
    if ours is None or theirs is None:
        return Bar(asked, None, "")
    return Bar(asked, ours["value"] < theirs["value"], _against(ours, theirs))


def _against(ours: Row, theirs: Row) -> str:
    return f"{ours['value']:.4g} against {theirs['value']:.4g}{_apart(theirs)}"


def _apart(theirs: Row) -> str:
    """The difference to ACADiff with its interval, and a word if that holds zero."""
    low, high = theirs["difference_lower"], theirs["difference_upper"]
    if math.isnan(low):
        return ""
    tie = ", a tie" if low <= 0 <= high else ""
    return f": {theirs['difference']:+.2g} [{low:+.2g}, {high:+.2g}]{tie}"
