"""What the measures of a scan allow: nothing to say, a warning, or a refusal.

A rule refuses (`E_…`) what would harm a model for certain, and warns (`W_…`) of what a person
should look at. Every threshold was set on the simulated cohort so that no scan of it offends;
docs/errors.md repeats them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from acadiff.errors import Problem
from acadiff.modality import Modality
from acadiff.volume.image import Volume
from acadiff.volume.intensity import SUVR
from acadiff.volume.quality import (
    MEASURED_MM,
    Mask,
    coarse,
    coarse_mask,
    hindbrain,
    kinship,
    nmi,
)
from acadiff.volume.regions import reference
from acadiff.volume.template import template

Measures = Mapping[str, float]

HINDBRAIN = {Modality.FDG: (0.0, 0.95), Modality.MRI: (0.95, 1.27), Modality.AV45: (1.27, 9.0)}
"""Pons over cerebellum by modality [ours: halfway between those of the simulated cohort]."""

_LEAST_COHORT = 10  # scans; of fewer, none is far from the others
_FAR = 4.0  # robust standard deviations


@dataclass(frozen=True)
class Rule:
    """Where a measure may lie.

    Args:
        measure: its name.
        code: what it is outside of that.
        least: lower bound.
        most: upper bound.
        text: what is said of the value, which stands for `{}`.
        hint: what to do.
    """

    measure: str
    code: str
    least: float
    most: float
    text: str
    hint: str


RULES = (
    Rule("fov", "E_FOV", 0.8, 1, "shows {:.0%} of the brain", "leave the scan out"),
    Rule("fov", "W_QC_FOV", 0.98, 1, "shows {:.0%} of the brain", "see what is cut off"),
    Rule(
        "dice", "E_MISREG", 0.85, 1, "its brain overlaps with where it should be by {:.2f} (Dice)",
        "see that it is this person's, and that its header is right",
    ),
    Rule("dice", "W_QC_DICE", 0.9, 1, "its brain overlaps by {:.2f} (Dice)", "see its contour"),
    Rule(
        "kinship", "W_QC_PAIR", 1.1, math.inf,
        "tells as little of this person's MRI as of anybody's (kinship {:.2f})",
        "see that both are of one person and lie upon each other",
    ),
    Rule("brain_ml", "W_QC_BRAIN", 1200, 2300, "has a brain of {:.0f} mL in template space",
         "see its contour"),
    Rule("reference", "W_QC_SUVR", 0.8, 1.25, "has {:.2f} SUVR in the reference region",
         "see that its unit is SUVR of that region"),
    Rule("outside", "W_QC_WINDOW", 0, 0.05, f"has {{:.1%}} of its brain beyond {SUVR[1]:g} SUVR",
         "see that its unit is SUVR"),
)  # fmt: skip

COHORT = (("fov", -1), ("dice", -1), ("nmi_template", -1), ("nmi_mri", -1), ("kinship", -1),
          ("reference", 0), ("outside", 1), ("brain_ml", 0))  # fmt: skip
"""Measures in which a scan is held against its cohort, and the side that is bad; 0 for both."""


def examine(
    where: str,
    volume: Volume,
    mask: Mask,
    known: Measures,
    mri: Float32[np.ndarray, "x y z"] | None = None,
    turned: str | None = None,
) -> tuple[dict[str, float], tuple[Problem, ...]]:
    """All measures of one scan, and what is to be said of it.

    Args:
        where: its path, for what is said.
        volume: on a model's grid, background outside the brain.
        mask: the brain on that grid.
        known: measures that were taken before: `fov`, and `dice` if the scan tells its brain.
        mri: the MRI of the same visit at the measures' voxel size, if a PET has one.
        turned: how its content is turned against its header (`quality.flip`).
    """
    data, inside = coarse(volume), coarse_mask(mask, round(float(volume.affine[0, 0])))
    found = dict(known) | {
        "nmi_template": nmi(template(MEASURED_MM).t1, data, inside),
        "hindbrain": hindbrain(data, inside),
    }
    if volume.modality.is_pet:
        where_ones = reference(str(volume.modality.reference_region), MEASURED_MM) & inside
        found["reference"] = float(data[where_ones].mean()) if where_ones.any() else math.nan
        found["outside"] = float((volume.data[0][mask] > SUVR[1]).mean())
    else:
        found["brain_ml"] = float(inside.sum()) * MEASURED_MM**3 / 1000
    if mri is not None:
        found |= {"nmi_mri": nmi(mri, data, inside), "kinship": kinship(mri, data, inside)}
    said = (*_broken(where, found), *_turned(where, turned))
    return found, (*said, *_contrast(where, volume.modality, found["hindbrain"]))


def outliers(rows: Sequence[Measures]) -> list[tuple[str, ...]]:
    """Of every scan of one modality, the measures in which it is far from the others.

    Distance is in robust standard deviations (1.4826 · median absolute deviation) from the median,
    at least 1 % of it.
    """
    far: list[list[str]] = [[] for _ in rows]
    for name, side in COHORT:
        values = np.array([row.get(name, math.nan) for row in rows], np.float64)
        known = np.isfinite(values)
        if known.sum() < _LEAST_COHORT:
            continue
        middle = np.median(values[known])
        spread = 1.4826 * np.median(np.abs(values[known] - middle))
        away = (values - middle) / max(spread, 0.01 * abs(middle), 1e-6)
        bad = np.abs(away) if side == 0 else side * away
        for index in np.flatnonzero(known & (bad > _FAR)):
            far[index].append(name)
    return [tuple(names) for names in far]


def _broken(where: str, measures: Measures) -> list[Problem]:
    """The rules that a scan breaks; of two about one measure, the first, which is the worse."""
    found: dict[str, Problem] = {}
    for rule in RULES:
        value = measures.get(rule.measure)
        if value is not None and not rule.least <= value <= rule.most:
            text = rule.text.format(value)
            problem = _problem(where, rule.code, f"{value:.4g}", text, rule.hint)
            found.setdefault(rule.measure, problem)
    return list(found.values())


def _turned(where: str, way: str | None) -> tuple[Problem, ...]:
    if way is None:
        return ()
    text = f"its content is mirrored {way} against its header"
    return (_problem(where, "W_FLIP", way, text, "convert the scan anew"),)


def _contrast(where: str, modality: Modality, value: float) -> tuple[Problem, ...]:
    """A warning if the contrast is that of another modality."""
    low, high = HINDBRAIN[modality]
    if not math.isfinite(value) or low <= value <= high:
        return ()
    other = next((m for m, (a, b) in HINDBRAIN.items() if a <= value <= b), None)
    text = f"its pons is {value:.2f} times its cerebellum" + (
        f", as in {other.title}" if other else ""
    )
    hint = f"see that it is {modality.title}"
    return (_problem(where, "W_MODALITY", f"{value:.2f}", text, hint),)


def _problem(where: str, code: str, value: str, text: str, hint: str) -> Problem:
    return Problem(where, code, value, hint, f"{where}: {text}; {hint}")
