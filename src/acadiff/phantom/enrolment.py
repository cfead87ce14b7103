"""Enrolment: which diagnosis subject i has, and how its person is found.

Subject i of a seed depends on nothing but (seed, i): not on how many subjects are asked for, nor
on who is simulated first or by which process.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from jaxtyping import Bool, Float

from acadiff.cohort.table import Diagnosis
from acadiff.phantom.causes import Causes, Table, candidates
from acadiff.phantom.parameters import Parameters

MIX = {Diagnosis.CN: 335, Diagnosis.MCI: 495, Diagnosis.AD: 198}
"""The cohort of the paper, 1,028 subjects. [paper §3]"""

_PERIOD = sum(MIX.values())
_BLOCK = 4  # divides the period; within a block the order is drawn
_POOL = 64  # candidates drawn at once


class Effect(IntEnum):
    """One stream of random numbers per effect, so that changing one leaves the others alone."""

    CAUSES = 0
    LOBES = 1
    BROAD_WARP = 2
    FINE_WARP = 3
    FOLDS_GM = 4
    FOLDS_WM = 5
    FOLDS_CSF = 6
    LESIONS = 7
    T1_CONTRAST = 8
    T1_BIAS = 9
    T1_NOISE = 10
    PET_SCANNER = 11
    FDG_UPTAKE = 12
    FDG_TEXTURE = 13
    FDG_NOISE = 14
    AV45_UPTAKE = 15
    AV45_TEXTURE = 16
    AV45_NOISE = 17
    RESIDUAL = 18
    ORDER = 19
    FDG_POSITION = 20
    AV45_POSITION = 21
    SITE = 22


@dataclass(frozen=True)
class Person:
    """Subject `index` (from 1) of a simulated cohort: its causes and its random streams.

    A counterfactual is `dataclasses.replace(person, causes=...)`: same noise, other disease.
    """

    seed: int
    index: int
    causes: Causes

    @property
    def id(self) -> str:
        """BIDS label, such as SIM0001."""
        return f"SIM{self.index:04d}"

    def stream(self, effect: Effect) -> np.random.Generator:
        """The random numbers of one effect, from their beginning."""
        return _stream(self.seed, self.index, effect)


def enrol(seed: int, index: int, parameters: Parameters) -> Person:
    """Subject `index` (from 1) of the cohort `seed`: the first candidate whom its group takes."""
    diagnosis = diagnosis_of(seed, index)
    rng = _stream(seed, index, Effect.CAUSES)
    while True:
        pool = candidates(rng, _POOL, parameters.disease, parameters.clinic)
        taken = (pool["diagnosis"] == diagnosis.name) & _weighed(rng, pool, diagnosis, parameters)
        if taken.any():
            row = int(np.argmax(taken))
            values = {name: column[row].item() for name, column in pool.items()}
            return Person(seed, index, Causes(**values | {"diagnosis": diagnosis}))


def site_stream(seed: int, number: int) -> np.random.Generator:
    """The random numbers of one scanner site, shared by everybody scanned there."""
    return np.random.default_rng(np.random.SeedSequence((seed,), spawn_key=(Effect.SITE, number)))


def diagnosis_of(seed: int, index: int) -> Diagnosis:
    """Diagnosis of subject `index`: any first n are mixed like the paper's 335 : 495 : 198."""
    block, place = divmod(index - 1, _BLOCK)
    order = _stream(seed, block, Effect.ORDER).permutation(_BLOCK)
    return _sequence()[(_BLOCK * block + int(order[place])) % _PERIOD]


@cache
def _sequence() -> tuple[Diagnosis, ...]:
    """One period with the diagnoses spread as evenly as can be."""
    counts = dict.fromkeys(MIX, 0)
    sequence = []
    for done in range(1, _PERIOD + 1):
        behind = {d: n * done / _PERIOD - counts[d] for d, n in MIX.items()}
        diagnosis = max(behind, key=behind.__getitem__)
        counts[diagnosis] += 1
        sequence.append(diagnosis)
    return tuple(sequence)


def _weighed(
    rng: np.random.Generator, pool: Table, diagnosis: Diagnosis, parameters: Parameters
) -> Bool[np.ndarray, " n"]:
    """Accept with probability ∝ exp(tilt · age): a group may prefer the old or the young."""
    tilt = dict(zip(Diagnosis, parameters.clinic.tilt, strict=True))[diagnosis]
    most = parameters.disease.age_range[1 if tilt > 0 else 0]
    weight: Float[np.ndarray, " n"] = np.exp(tilt * (pool["age"] - most))
    return rng.random(len(weight)) < weight


def _stream(seed: int, index: int, effect: Effect) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence((seed, index), spawn_key=(effect,)))
