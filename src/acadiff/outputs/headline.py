"""The report's few top numbers, and who made what: counts and means over the evidence."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from acadiff.cohort.table import Diagnosis
from acadiff.modality import Modality
from acadiff.outputs.doubts import doubts
from acadiff.outputs.evidence import Evidence, State
from acadiff.outputs.readout import Readout
from acadiff.volume.regions import NAMES

_STATED = ("ModelName", "ModelSHA256", "Sampler", "Steps", "NumSamples", "SoftwareVersion")


@dataclass(frozen=True)
class Fact:
    """A number, as text, and what it counts."""

    value: str
    meaning: str


@dataclass(frozen=True)
class Maker:
    """One way in which scans were made, and how many were made in it."""

    stated: Mapping[str, str]
    seeds: str
    scans: int


def headline(
    evidence: Evidence,
    by_scan: Mapping[tuple[str, str, str, str], Mapping[str, float]],
    readout: Readout,
) -> list[Fact]:
    """Return how many subjects, scans missing, scans imputed, and how good they are."""
    cohort = evidence.cohort
    states = Counter(evidence.state(s, m) for s in cohort.subjects for m in Modality)
    filled = states[State.CHECKED] + states[State.IMPUTED]
    missing = filled + states[State.MISSING]
    facts = [
        Fact(str(len(cohort.subjects)), f"subjects: {_diagnoses(evidence)}"),
        Fact(str(missing), f"of {len(cohort.subjects) * len(Modality)} scans missing"),
        Fact(str(filled), f"of them imputed{_draws(evidence)}"),
    ]
    if states[State.REPEATED]:
        facts.append(Fact(str(states[State.REPEATED]), "acquired scans imputed as a test"))
    facts += _doubtful(evidence)
    return facts + _quality(evidence, by_scan) + _regions(evidence, readout)


def makers(evidence: Evidence) -> list[Maker]:
    """Return each distinct way of making, from the records, with its seeds."""
    groups: dict[tuple[str, ...], list[object]] = {}
    for imputed in evidence.whole:
        sidecar = imputed.record.sidecar
        stated = tuple(_short(sidecar.get(key)) for key in _STATED)
        groups.setdefault(stated, []).append(sidecar.get("RandomSeed"))
    return [
        Maker(dict(zip(_STATED, stated, strict=True)), _seeds(seeds), len(seeds))
        for stated, seeds in groups.items()
    ]


def seal(evidence: Evidence) -> str:
    """Return one SHA-256 over the images' hashes in all records shown."""
    hashes = sorted(
        f"{name} {digest}"
        for imputed in evidence.whole
        for name, digest in imputed.record.sidecar["SHA256"].items()
    )
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def _diagnoses(evidence: Evidence) -> str:
    counts = Counter(s.diagnosis for s in evidence.cohort.subjects)
    parts = [f"{counts[d]} {d.value}" for d in Diagnosis if counts[d]]
    return ", ".join([*parts, f"{counts[None]} unknown"] if counts[None] else parts)


def _doubtful(evidence: Evidence) -> list[Fact]:
    """Return how many imputed scans are flagged, and how many regions are better not read."""
    found = doubts(imputed.record for imputed in evidence.whole)
    if not found.scans:
        return []
    flags = ", ".join(f"{count} {flag}" for flag, count in found.flags.items() if count)
    meaning = f"of {found.scans} imputed scans to be doubted"
    facts = [Fact(str(found.flagged), f"{meaning}: {flags}" if flags else meaning)]
    if found.uncalibrated < found.scans:
        meaning = f"of {len(NAMES)} regions better not read, a scan"
        facts.append(Fact(f"{found.regions:.1f}", meaning))
    return facts


def _draws(evidence: Evidence) -> str:
    draws = {i.record.sidecar.get("NumSamples") for i in evidence.whole}
    return f", each the mean of {draws.pop()} draws" if len(draws) == 1 else ""


def _quality(
    evidence: Evidence, by_scan: Mapping[tuple[str, str, str, str], Mapping[str, float]]
) -> list[Fact]:
    """Return mean ± SD of the scores of the first method's means."""
    if not evidence.whole:
        return []
    method = evidence.whole[0].method
    scores = [row for key, row in by_scan.items() if key[1] == method]
    wanted = (
        ("psnr", "dB PSNR inside the brain", 1),
        ("ssim", "SSIM inside the brain", 3),
        ("sd_error_rho", "rank correlation of SD and error", 2),
    )
    facts = []
    for column, meaning, decimals in wanted:
        values = np.array([row[column] for row in scores])
        values = values[~np.isnan(values)]
        if len(values):
            facts.append(Fact(f"{values.mean():.{decimals}f}", meaning))
    return facts


def _regions(evidence: Evidence, readout: Readout) -> list[Fact]:
    """Return the error of each regional read-out in the first task of the first method."""
    facts: dict[str, Fact] = {}
    for line in readout.lines:
        if evidence.whole and line.method == evidence.whole[0].method and not line.in_other_unit:
            meaning = f"RMSE, {line.quantity.text}: {line.task}"
            facts.setdefault(line.quantity.title, Fact(line.rmse, meaning))
    return list(facts.values())


def _short(value: object) -> str:
    return "–" if value is None else str(value)


def _seeds(seeds: Sequence[object]) -> str:
    unique = sorted({str(seed) for seed in seeds})
    return ", ".join(unique) if len(unique) <= 4 else f"{unique[0]} … {unique[-1]}"
