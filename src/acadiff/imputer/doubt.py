"""How far an imputed scan can be trusted: its inputs, its intervals, regions better not read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from acadiff.clinical import Detail, Prompt
from acadiff.errors import ScanError
from acadiff.evaluation.intervals import percent
from acadiff.evaluation.trust import Calibration, Trust
from acadiff.imputer.record import reads
from acadiff.imputer.weights import Weights
from acadiff.latent.look import advice, judge, look
from acadiff.latent.scan import ModelScan
from acadiff.modality import Modality
from acadiff.outputs.derivative import Imputation
from acadiff.volume.grid import Grid, place
from acadiff.volume.image import Volume
from acadiff.volume.labels import region_means
from acadiff.volume.regions import NAMES

LEVEL = 0.9
"""Of the intervals that a record spells out; the others are in `trust.json`."""

Record = dict[str, Any]


def trust_of(
    weights: Weights,
    scans: Mapping[Modality, ModelScan],
    prompt: Prompt,
    made: Imputation,
    guidance: float,
) -> Record:
    """What the record of an imputed scan says under `Trust`.

    Args:
        weights: the model.
        scans: the sources, as networks saw them.
        prompt: what the generator was told.
        made: the imputed scan, with its draws.
        guidance: how strongly the prompt guided.

    Returns:
        `Inputs`: of every source, how usual it is. `Calibrated`: whether there are intervals, and
        if not, `Why`. `VoxelIntervals90`: factor and floor by label. `RegionIntervals90`: mean,
        low, high. `Abstain`: regions of which the scan tells no more than the average person, and
        why. `Warnings`: each as its code and a sentence.
    """
    found = weights.generators[prompt.target]
    inputs, warnings = _inputs(weights, scans)
    if found.trust is not None and reads(found):
        warnings += _unseen(found.trust, prompt)
    told: Record = {"Inputs": inputs, "Warnings": warnings}
    trial = trial_name(prompt, Detail.FULL if reads(found) else Detail.NONE)
    why = _why_not(found.trust, trial, made.draws, guidance)
    if why or found.trust is None:
        return {**told, "Calibrated": False, "Why": why}
    regional = _regional(found.trust, found.trust.trials[trial], made, weights.grid)
    return {**told, "Calibrated": True, **regional}


def trial_name(prompt: Prompt, detail: Detail) -> str:
    """Under which trial an imputation falls: `MRI+FDG-full`.

    A prompt that tells nothing is one of no detail, whatever was asked for.
    """
    clinical = (prompt.diagnosis, *vars(prompt.scores).values())
    if all(value is None for value in clinical):
        detail = Detail.NONE
    elif prompt.diagnosis is None and detail is Detail.FULL:
        detail = Detail.SCORES
    return "+".join(m.name for m in prompt.available) + f"-{detail.value}"


def refuse_doubtful(told: Mapping[str, Any]) -> None:
    """Refuse a scan made from inputs that are not to be trusted, or for a patient unlike any.

    Raises:
        ScanError: it was; the first reason.
    """
    for code, text in told.get("Warnings", ()):
        if code == "W_COND_OOD" or "do not trust" in text:
            raise ScanError(text, code="E_OOD", value=code, hint="look at it, or leave --strict")


def _inputs(weights: Weights, scans: Mapping[Modality, ModelScan]) -> tuple[Record, list[Any]]:
    """Each source's score, p-value and verdict, and the warnings they give."""
    told: Record = {}
    warnings: list[Any] = []
    for modality, scan in scans.items():
        codec = weights.codecs[modality]
        if codec.typical is None:
            told[modality.name] = {"Verdict": "unknown", "Reason": "no statistics of training"}
            continue
        seen = look(codec.codec, scan.image, weights.grid.voxel)
        verdict = judge(codec.typical, seen, weights.grid)
        told[modality.name] = {
            "Verdict": verdict.word,
            "Score": verdict.score,
            "P": verdict.p,
            "Measure": verdict.measure,
            "Reason": verdict.reason,
        }
        if verdict.word != "typical":
            warnings.append(["W_OOD", advice(modality, verdict)])
    return told, warnings


def _unseen(trust: Trust, prompt: Prompt) -> list[Any]:
    """Scores beyond those of everybody in training."""
    warnings = []
    person = {"age": prompt.person.age}
    for name, value in {**vars(prompt.scores), **person}.items():
        ends = trust.conditions.get(name)
        if value is None or ends is None or ends[0] <= value <= ends[1]:
            continue
        text = f"{name.upper()} is {value:g}; training saw {ends[0]:g} to {ends[1]:g}"
        warnings.append(["W_COND_OOD", text])
    return warnings


def _why_not(trust: Trust | None, trial: str, draws: int, guidance: float) -> str:
    """Why there are no intervals; nothing if there are."""
    if trust is None:
        return "nobody ran `acadiff calibrate` on these weights"
    if trial not in trust.trials:
        known = ", ".join(sorted(trust.trials)) or "nothing"
        return f"calibrated for {known}, not for {trial}"
    if draws != trust.draws:
        return f"calibrated for {trust.draws} draws, not for {draws}"
    return "" if guidance == 1 else f"calibrated for a guidance of 1, not of {guidance:g}"


def _regional(trust: Trust, found: Calibration, made: Imputation, grid: Grid) -> Record:
    """Intervals, and the regions that are better not read."""
    mean, sd = regions_of(made, grid)
    intervals: Record = {}
    abstain: Record = {}
    for name, known in trust.population.items():
        where = NAMES.index(name)
        half = found.regions.half(float(sd[where]), name, LEVEL)
        if np.isfinite(half):
            value = float(mean[where])
            ends = (value, max(value - half, 0.0), value + half)
            intervals[name] = [round(end, 5) for end in ends]
        if half >= known.half:
            abstain[name] = (
                f"± {half:.3g}, where ± {known.half:.3g} around the average of training holds "
                f"{100 * LEVEL:g} % of people"
            )
    level = percent(LEVEL)
    floor, factors = found.voxels.floor, found.voxels.factors[level]
    return {
        "Subjects": found.subjects,
        f"VoxelIntervals{level}": {"Floor": dict(floor), "Factor": dict(factors)},
        f"RegionIntervals{level}": intervals,
        "Abstain": abstain,
    }


def regions_of(
    made: Imputation, grid: Grid
) -> tuple[Float[np.ndarray, " r"], Float[np.ndarray, " r"]]:
    """Each region's mean in an imputed scan, and its SD over the draws."""
    affine, modality = made.mean.affine, made.mean.modality
    kept = made.mean.data if made.kept is None else made.kept
    placed = [place(Volume(x[None], affine, modality), grid).data[0] for x in kept]
    drawn = region_means(np.stack(placed), grid.voxel)
    mean = region_means(place(made.mean, grid).data[0], grid.voxel)
    return mean, drawn.std(axis=0, ddof=1 if len(drawn) > 1 else 0)
