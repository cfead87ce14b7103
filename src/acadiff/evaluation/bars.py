"""What ACADiff has to reach against the others, and whether it does. What is missed says so."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from acadiff.evaluation.league import REFERENCE, TWO, WASSERSTEIN, fault

YARDSTICKS = ("regressor", "mean")
"""Methods that give everybody one answer, and no sample of what is possible."""

_NEAR = 0.2  # dB of PSNR below the regressor
_FIRST = {"mean": ("psnr", "ssim", "nmi", "mae"), "draw": ("ssim", WASSERSTEIN)}
_CALLED = {"mean": "the mean of the draws", "draw": "single draws"}

Look = Callable[[str, str, str], float | None]


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
    values = {
        (str(r["method"]), str(r["image"]), str(r["metric"])): float(r["value"])
        for r in here.to_dict("records")
    }

    def look(method: str, image: str, metric: str) -> float | None:
        return values.get((method, image, metric))

    methods = list(dict.fromkeys(str(m) for m in here["method"]))
    rivals = [m for m in methods if m not in (REFERENCE, *YARDSTICKS) and "@" not in m]
    first = [_first(look, rivals, image, metric) for image in _FIRST for metric in _FIRST[image]]
    return [*first, _near(look), _sharper(look)]


def _first(look: Look, rivals: list[str], image: str, metric: str) -> Bar:
    asked = f"{_CALLED[image]} first in {metric} among generative methods"
    ours = look(REFERENCE, image, metric)
    theirs = {m: v for m in rivals if (v := look(m, image, metric)) is not None}
    if ours is None or not theirs:
        return Bar(asked, None, "")
    best = min(theirs, key=lambda m: fault(metric, theirs[m]))
    told = f"{ours:.4g}, best of the others {best} {theirs[best]:.4g}"
    return Bar(asked, fault(metric, ours) < fault(metric, theirs[best]), told)


def _near(look: Look) -> Bar:
    asked = f"the mean of the draws within {_NEAR} dB of the regressor in psnr"
    ours, theirs = look(REFERENCE, "mean", "psnr"), look("regressor", "mean", "psnr")
    if ours is None or theirs is None:
        return Bar(asked, None, "")
    return Bar(asked, ours >= theirs - _NEAR, f"{ours:.4g} against {theirs:.4g}")


def _sharper(look: Look) -> Bar:
    asked = "single draws nearer than the regressor to the sharpness of acquired scans"
    ours, theirs = look(REFERENCE, "draw", "sharpness"), look("regressor", "draw", "sharpness")
    if ours is None or theirs is None:
        return Bar(asked, None, "")
    return Bar(asked, ours < theirs, f"{ours:.4g} against {theirs:.4g}")
