"""The causal model: age and genes → pathology → organs, impairment, scores and diagnosis.

Correlations are consequences of this graph, not an imposed matrix. Amyloid precedes and does not
determine neurodegeneration, which MRI (H, Cx), FDG (F) and cognition (C) each see with their own
error: scores hold PET information that MRI lacks, and MRI alone cannot tell amyloid.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import expit, ndtr, ndtri

from acadiff.cohort.table import Diagnosis
from acadiff.phantom.parameters import Clinic, Disease

Table = dict[str, Any]
"""Columns of equal length, one row a candidate."""

_AGE_0 = 73.0  # the age at which every age effect is zero


@dataclass(frozen=True)
class Causes:
    """What makes one simulated person; scores and diagnosis are its consequences.

    Args:
        age: years.
        female: 1 or 0.
        e4: copies of APOE4, 0 to 2.
        A: amyloid load; 1 is an average person's capacity.
        N: neurodegeneration of the Alzheimer type, 0 to 1.
        M: other neurodegeneration (LATE, FTLD), 0 to about 1.5.
        W: vascular load, above -1.
        R: reserve.
        C: impairment, 0 or more.
        u: subtype, positive limbic-predominant, negative cortical-predominant.
        lat: laterality of atrophy, positive left.
        H: minus log hippocampal volume.
        F: FDG loss.
        V: log ventricular volume.
        Cx: neocortical atrophy.
        mmse: 0 to 30.
        adas13: 0 to 85.
        cdrsb: 0 to 18.
        diagnosis: CN, MCI or AD.
    """

    age: float
    female: int
    e4: int
    A: float
    N: float
    M: float
    W: float
    R: float
    C: float
    u: float
    lat: float
    H: float
    F: float
    V: float
    Cx: float
    mmse: float
    adas13: float
    cdrsb: float
    diagnosis: Diagnosis


def candidates(rng: np.random.Generator, n: int, disease: Disease, clinic: Clinic) -> Table:
    """Draw `n` people before enrolment; `diagnosis` is "" for those no group would take."""
    table = _pathology(rng, n, disease)
    table |= _organs(rng, table, disease)
    table |= _scores(rng, table, clinic)
    return table | {"diagnosis": _diagnose(rng, table, clinic)}


def _pathology(rng: np.random.Generator, n: int, p: Disease) -> Table:
    """Age, genes, amyloid A, neurodegeneration N and M, vascular load W."""
    low, high = ndtr((np.array(p.age_range) - p.age[0]) / p.age[1])
    age = p.age[0] + p.age[1] * ndtri(low + (high - low) * rng.random(n))
    e4 = rng.binomial(2, p.e4, n)
    years = age - np.array(p.onset)[e4] - np.array(p.onset_sd)[e4] * rng.standard_normal(n)
    capacity = np.exp(p.A_sd * rng.standard_normal(n))
    lag = p.N_lag + p.N_lag_sd * rng.standard_normal(n) + p.N_lag_e4 * e4
    severe = rng.random(n) < np.minimum(p.M_share * np.exp(p.M_age * (age - _AGE_0)), 0.5)
    mild = rng.gamma(*p.M_mild, n)
    return {
        "age": age,
        "female": (rng.random(n) < p.female).astype(int),
        "e4": e4,
        "A": capacity * expit(p.A_rate * (years - p.A_half)),
        "N": expit(p.N_rate * (years - lag)),
        "M": np.where(severe, rng.uniform(*p.M_severe, n), mild),
        "W": np.exp(p.W_sd * rng.standard_normal(n) + p.W_age * (age - _AGE_0)) - 1,
        "R": rng.standard_normal(n),
        "u": rng.standard_normal(n),
        "lat": rng.standard_normal(n),
    }


def _organs(rng: np.random.Generator, t: Table, p: Disease) -> Table:
    """Impairment C, hippocampus H, FDG loss F, ventricles V and cortex Cx."""
    n = len(t["age"])
    years, shift = t["age"] - _AGE_0, p.subtype * t["u"] * t["N"]
    burden = p.C_N * t["N"] + p.C_M * t["M"] + p.C_W * t["W"] + p.C_A * t["A"] - p.C_R * t["R"]
    burden = burden + p.C_sd * rng.standard_normal(n)
    hippocampus = p.H_N * (t["N"] + shift) + p.H_M * t["M"] + p.H_age * years
    fdg = t["N"] - shift + p.F_M * t["M"] + p.F_W * t["W"]
    ventricle = p.V_N * t["N"] + p.V_M * t["M"] + p.V_W * t["W"] + p.V_age * years
    cortex = t["N"] - 0.5 * shift + p.Cx_M * t["M"] + p.Cx_age * years
    return {
        "C": _softplus(burden - p.C_threshold, p.C_sharpness),
        "H": hippocampus + p.H_sd * rng.standard_normal(n),
        "F": fdg + p.F_sd * rng.standard_normal(n),
        "V": ventricle + p.V_male * (1 - t["female"]) + p.V_sd * rng.standard_normal(n),
        "Cx": cortex + p.Cx_sd * rng.standard_normal(n),
    }


def _softplus(x: Float[np.ndarray, " n"], sharpness: float) -> Float[np.ndarray, " n"]:
    return np.logaddexp(0.0, sharpness * x) / sharpness


def _scores(rng: np.random.Generator, t: Table, p: Clinic) -> Table:
    """MMSE, ADAS13 (thirds of a point) and CDR-SB (halves), clipped to their scales."""
    impairment, n = t["C"], len(t["C"])
    adas = p.adas_base + p.adas_C * impairment + p.adas_H * t["H"] + p.adas_R * t["R"]
    adas = adas + p.adas_age * (t["age"] - _AGE_0)
    adas += (p.adas_sd[0] + p.adas_sd[1] * np.minimum(impairment, 4)) * rng.standard_normal(n)
    lost = p.mmse[0] + p.mmse[1] * impairment + p.mmse[2] * impairment**2 - p.mmse_R * t["R"]
    lost -= (p.mmse_sd[0] + p.mmse_sd[1] * np.minimum(impairment, 3)) * rng.standard_normal(n)
    cdr = p.cdr[0] + p.cdr[1] * impairment
    cdr = cdr + (p.cdr_sd[0] + p.cdr_sd[1] * impairment) * rng.standard_normal(n)
    healthy = cdr < rng.uniform(*p.cdr_zero, n)
    return {
        "mmse": np.clip(np.round(30 - lost), 0, 30),
        "adas13": np.clip(np.round(adas * 3) / 3, 0, 70),
        "cdrsb": np.where(healthy, 0.0, np.clip(np.round(cdr * 2) / 2, 0.5, 18)),
    }


def _diagnose(rng: np.random.Generator, t: Table, p: Clinic) -> Any:
    """Name of the diagnosis, or ""; rates most CN with a positive CDR-SB as 0 (in place)."""
    n = len(t["C"])
    seen = t["C"] + p.diagnosis_sd * rng.standard_normal(n)
    mmse, cdr = t["mmse"], t["cdrsb"]
    cn = (seen < p.cn) & (cdr <= 0.5) & (mmse >= 24)
    ad = (seen >= p.ad) & (cdr >= 1.5) & (mmse >= 19) & (mmse <= 27)
    mci = (seen >= p.mci[0]) & (seen < p.mci[1]) & (cdr >= 0.5) & (cdr <= 4) & (mmse >= 24)
    t["cdrsb"] = np.where(cn & (rng.random(n) < p.cdr_forgiven), 0.0, cdr)
    return np.select([cn, ad, mci], ["CN", "AD", "MCI"], "")
