"""What the measures of a scan allow: nothing to say, a warning, or a refusal.

A rule refuses (`E_…`) what would harm a model for certain, and warns (`W_…`) of what a person
should look at. Every threshold was set on the simulated cohort so that no scan of it offends;
docs/errors.md repeats them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float32

from acadiff.errors import Problem
from acadiff.modality import Modality
from acadiff.volume.alignment import Anatomy
from acadiff.volume.contrast import kind, texture
from acadiff.volume.image import Volume
from acadiff.volume.intensity import SUVR
from acadiff.volume.quality import (
    MEASURED_MM,
    Mask,
    coarse,
    flip,
    hindbrain,
    nmi,
    template_mask,
)
from acadiff.volume.regions import reference
from acadiff.volume.template import template

Measures = Mapping[str, float]
Image = Float32[np.ndarray, "x y z"]

_LEAST_COHORT = 10  # scans; of fewer, none is far from the others
_FAR = 4.0  # robust standard deviations
_LEAST_SPREAD = (0.01, 0.005)  # of a robust standard deviation: relative to the median, absolute
_KIN = 0.4  # least agreement of scans of one person


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

    def forbids(self, value: float) -> bool:
        """Whether a value lies outside; what could not be measured does not."""
        return value < self.least or value > self.most


RULES = (
    Rule("fov", "E_FOV", 0.8, 1, "shows {:.0%} of the brain", "leave the scan out"),
    Rule("fov", "W_QC_FOV", 0.98, 1, "shows {:.0%} of the brain", "see what is cut off"),
    Rule(
        "dice", "E_MISREG", 0.85, 1, "its brain overlaps with where it should be by {:.2f} (Dice)",
        "see that it is this person's, and that its header is right",
    ),
    Rule("dice", "W_QC_DICE", 0.9, 1, "its brain overlaps by {:.2f} (Dice)", "see its contour"),
    Rule("moved_mm", "E_MISREG", 0, 10, "lies {:.0f} mm off its place", "see its header"),
    Rule("moved_mm", "W_QC_MOVED", 0, 4, "lies {:.0f} mm off its place", "see its contour"),
    Rule(
        "agreement", "W_QC_PAIR", _KIN, 1, "follows its MRI no more than a stranger does ({:.2f})",
        "see that both are of one person, and that left is left in both",
    ),
    Rule("brain_ml", "W_QC_BRAIN", 1200, 2300, "has a brain of {:.0f} mL in template space",
         "see its contour"),
    Rule("reference", "W_QC_SUVR", 0.8, 1.25, "has {:.2f} SUVR in the reference region",
         "see that its unit is SUVR of that region"),
    Rule("outside", "W_QC_WINDOW", 0, 0.05, f"has {{:.1%}} of its brain beyond {SUVR[1]:g} SUVR",
         "see that its unit is SUVR"),
)  # fmt: skip

COHORT = (("fov", -1), ("dice", -1), ("nmi_template", -1), ("nmi_mri", -1), ("agreement", -1),
          ("texture", 0), ("reference", 0), ("outside", 1), ("brain_ml", 0))  # fmt: skip
"""Measures in which a scan is held against its cohort, and the side that is bad; 0 for both."""


def examine(
    where: str,
    volume: Volume,
    mask: Mask,
    inside: Bool[np.ndarray, "x y z"],
    known: Measures,
    whole: Image,
    mri: Anatomy | None = None,
    before: tuple[Anatomy, Image] | None = None,
    *,
    bare: bool = True,
) -> tuple[dict[str, float], tuple[Problem, ...]]:
    """All measures of one scan, and what is to be said of it.

    Args:
        where: its path, for what is said.
        volume: on a model's grid, background outside the brain.
        mask: the brain on that grid.
        inside: the same at the measures' voxel size.
        known: measures that were taken before: `fov`, and `dice` if the scan tells its brain.
        whole: the scan with all that is around the brain, at the measures' voxel size.
        mri: the MRI of the same visit at that size, if a PET has one.
        before: that MRI and the scan before they were deformed, if they were: bent to the
            template, brains are too alike to tell whose they are.
        bare: whether there is nothing around the brain.
    """
    data = coarse(volume)
    found = dict(known) | {
        "nmi_template": nmi(template(MEASURED_MM).t1, data, inside),
        "hindbrain": hindbrain(data, inside),
        "texture": texture(data, inside),
    }
    if volume.modality.is_pet:
        where_ones = reference(str(volume.modality.reference_region), MEASURED_MM) & inside
        found["reference"] = float(data[where_ones].mean()) if where_ones.any() else math.nan
        found["outside"] = float((volume.data[0][mask] > SUVR[1]).mean())
    else:
        found["brain_ml"] = float(inside.sum()) * MEASURED_MM**3 / 1000
        found["moved_mm"] = _average().displacement(whole)
    if mri is not None:
        own, shown = before or (mri, data)
        found |= {
            "nmi_mri": nmi(mri.image, data, inside),
            "agreement": own.agreement(shown),
            "mirrored": own.agreement(np.flip(shown, 0)),
            "moved_mm": mri.displacement(whole),
        }
    said = (*_broken(where, found), *_turned(where, flip(whole, bare=bare)))
    if _is_mirrored(found):
        said += _turned(where, "left and right", "its MRI")
    return found, (*said, *_contrast(where, volume.modality, found))


def broken(measures: Measures) -> frozenset[str]:
    """The measures that break a rule."""
    rules = (rule for rule in RULES if rule.measure in measures)
    return frozenset(rule.measure for rule in rules if rule.forbids(measures[rule.measure]))


def outliers(rows: Sequence[Measures]) -> list[tuple[str, ...]]:
    """Of every scan of one modality, the measures in which it is far from the others.

    Distance is in robust standard deviations (1.4826 · median absolute deviation) from the median,
    at least 1 % of it and 0.005, so that a measure which hardly varies flags nobody.
    """
    far: list[list[str]] = [[] for _ in rows]
    for name, side in COHORT:
        values = np.array([row.get(name, math.nan) for row in rows], np.float64)
        known = np.isfinite(values)
        if known.sum() < _LEAST_COHORT:
            continue
        middle = np.median(values[known])
        spread = 1.4826 * np.median(np.abs(values[known] - middle))
        away = (values - middle) / max(spread, _LEAST_SPREAD[0] * abs(middle), _LEAST_SPREAD[1])
        bad = np.abs(away) if side == 0 else side * away
        for index in np.flatnonzero(known & (bad > _FAR)):
            far[index].append(name)
    return [tuple(names) for names in far]


@cache
def _average() -> Anatomy:
    """The template, as what an MRI must lie on."""
    return Anatomy(template(MEASURED_MM).t1, template_mask())


def _broken(where: str, measures: Measures) -> list[Problem]:
    """The rules that a scan breaks; of two about one measure, the first, which is the worse."""
    found: dict[str, Problem] = {}
    for rule in RULES:
        value = measures.get(rule.measure)
        if value is not None and rule.forbids(value):
            text = rule.text.format(value)
            problem = _problem(where, rule.code, f"{value:.4g}", text, rule.hint)
            found.setdefault(rule.measure, problem)
    return list(found.values())


def _is_mirrored(measures: Measures) -> bool:
    """Whether a PET follows the mirror image of its MRI, and not the MRI."""
    mirrored = measures.get("mirrored", math.nan)
    return mirrored > max(_KIN, measures.get("agreement", math.nan))


def _turned(where: str, way: str | None, against: str = "its header") -> tuple[Problem, ...]:
    if way is None:
        return ()
    text = f"its content is mirrored {way} against {against}"
    return (_problem(where, "W_FLIP", way, text, "convert the scan anew"),)


def _contrast(where: str, modality: Modality, measures: Measures) -> tuple[Problem, ...]:
    """A warning if the scan is plainly of another modality."""
    seems = kind(measures["texture"], measures["hindbrain"])
    if seems in (None, modality):
        return ()
    numbers = f"texture {measures['texture']:.2f}, pons {measures['hindbrain']:.2f} × cerebellum"
    text = f"looks like {seems.title} ({numbers})"
    return (_problem(where, "W_MODALITY", seems.name, text, f"see that it is {modality.title}"),)


def _problem(where: str, code: str, value: str, text: str, hint: str) -> Problem:
    return Problem(where, code, value, hint, f"{where}: {text}; {hint}")
