"""Does it depend on who somebody is whether a scan is missing?

A model learns from those who have all scans and is used for those who do not. If the two differ,
it is used on people it has not seen. Every modality is held against every variable, once per
person; the tests are corrected together. That nothing is found never shows that nothing is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import optimize, stats

from acadiff.modality import Modality

CATEGORIES = ("diagnosis", "sex", "apoe4", "site")
NUMBERS = ("age", "education", "MMSE", "ADAS13", "CDRSB")
TOGETHER = "all together"
ALPHA = 0.05
"""Of the corrected p below which a dependence is called one."""

_FEW_EXPECTED = 5  # below, the chi-square approximation is not used [Cochran 1954]
_PER_PARAMETER = 10  # persons in the rarer group a parameter of the joint model [Peduzzi 1996]
_KNOWN = 0.9  # of the persons must have a variable for it to enter the joint model [ours]
_PERMUTATIONS = 9999
_SEED = 0

Values = Mapping[str, str | float | None]


@dataclass(frozen=True)
class Person:
    """Who counts once: what is missing, and what is known of that person; None is unknown."""

    lacks: frozenset[Modality]
    values: Values


@dataclass(frozen=True)
class Comparison:
    """Whether a modality's absence goes with one variable, or with several together.

    Args:
        modality: what is missing.
        variable: its name, or `TOGETHER`.
        method: of the test; why there is none if `p` is NaN.
        n: persons in it.
        lacking: how many of them lack the scan.
        effect: Cramér's V, or the rank-biserial correlation (positive: those who lack the scan
            have higher values), or McFadden's R².
        measure: which of them.
        p: of the test alone.
        q: corrected over all tests of all modalities [Benjamini and Hochberg 1995].
        pattern: in words, how they differ.
    """

    modality: Modality
    variable: str
    method: str
    n: int
    lacking: int
    effect: float = np.nan
    measure: str = ""
    p: float = np.nan
    q: float = np.nan
    pattern: str = ""


@dataclass(frozen=True)
class Missingness:
    """All tests, and one plain sentence a modality."""

    tests: tuple[Comparison, ...]
    verdicts: Mapping[Modality, str]


def missingness(people: Sequence[Person]) -> Missingness:
    """Comparison every modality against every variable, and against all of them together."""
    tests = [
        test
        for modality in Modality
        for test in (*_alone(people, modality), _together(people, modality))
    ]
    made = [test for test in tests if np.isfinite(test.p)]
    corrected = _corrected([test.p for test in made])
    q = dict(zip(map(id, made), corrected, strict=True))
    tests = [replace(test, q=float(q.get(id(test), np.nan))) for test in tests]
    verdicts = {m: _verdict(m, people, [t for t in tests if t.modality is m]) for m in Modality}
    return Missingness(tuple(tests), verdicts)


def _corrected(p: Sequence[float]) -> Sequence[float]:
    return stats.false_discovery_control(p).tolist() if p else []


def _alone(people: Sequence[Person], modality: Modality) -> list[Comparison]:
    return [
        _compare(people, modality, variable)
        for variable in (*CATEGORIES, *NUMBERS)
        if any(person.values.get(variable) is not None for person in people)
    ]


def _compare(people: Sequence[Person], modality: Modality, variable: str) -> Comparison:
    known = [person for person in people if person.values.get(variable) is not None]
    lacks = np.array([modality in person.lacks for person in known], bool)
    values = [person.values[variable] for person in known]
    plain = Comparison(modality, variable, "", len(known), int(lacks.sum()))
    if plain.lacking in (0, plain.n):
        return replace(plain, method="not tested: all of them lack it or none does")
    if len(set(values)) < 2:
        return replace(plain, method="not tested: all of them are alike")
    if variable in CATEGORIES:
        return _categorical(plain, lacks, [_text(value) for value in values])
    return _numeric(plain, lacks, np.array(values, float))


def _numeric(
    plain: Comparison, lacks: Bool[np.ndarray, " n"], values: Float[np.ndarray, " n"]
) -> Comparison:
    without, having = values[lacks], values[~lacks]
    u, p = stats.mannwhitneyu(without, having)
    effect = 2 * float(u) / (len(without) * len(having)) - 1
    word = "higher" if effect > 0 else "lower"
    pattern = (
        f"{plain.variable} is {word} where it is missing"
        f" (median {np.median(without):.3g} against {np.median(having):.3g})"
    )
    return replace(
        plain, method="Mann-Whitney", effect=effect, measure="rank-biserial correlation",
        p=float(p), pattern=pattern,
    )  # fmt: skip


def _categorical(
    plain: Comparison, lacks: Bool[np.ndarray, " n"], values: Sequence[str]
) -> Comparison:
    levels = sorted(set(values))
    index = np.array([levels.index(value) for value in values])
    counts = np.stack([np.bincount(index, lacks), np.bincount(index, ~lacks)], axis=1).astype(int)
    expected = stats.contingency.expected_freq(counts)
    statistic = float(((counts - expected) ** 2 / expected).sum())
    if expected.min() >= _FEW_EXPECTED:
        method, p = "chi-square", float(stats.chi2.sf(statistic, len(levels) - 1))
    elif len(levels) == 2:
        method, p = "Fisher", float(stats.fisher_exact(counts)[1])
    else:
        method, p = "chi-square, permuted", _permuted(counts, statistic)
    return replace(
        plain, method=method, effect=float(np.sqrt(statistic / plain.n)), measure="Cramér's V",
        p=p, pattern=_most(plain.variable, levels, counts, expected),
    )  # fmt: skip


def _permuted(counts: Int[np.ndarray, "k 2"], statistic: float) -> float:
    """How often chance, with both margins kept, gives a statistic as large."""
    rows, (lacking, having) = counts.sum(axis=1), counts.sum(axis=0)
    generator = np.random.default_rng(_SEED)
    drawn = generator.multivariate_hypergeometric(rows, lacking, _PERMUTATIONS)
    n = lacking + having
    first, second = rows * lacking / n, rows * having / n
    by_chance = ((drawn - first) ** 2 * (1 / first + 1 / second)).sum(axis=1)
    return float((1 + (by_chance >= statistic * (1 - 1e-9)).sum()) / (1 + _PERMUTATIONS))


def _most(
    variable: str,
    levels: Sequence[str],
    counts: Int[np.ndarray, "k 2"],
    expected: Float[np.ndarray, "k 2"],
) -> str:
    """Which group lacks the scan more often than all others, in words."""
    most = int(np.argmax((counts - expected)[:, 0] / np.sqrt(expected[:, 0])))
    own, rest = counts[most], counts.sum(axis=0) - counts[most]
    return (
        f"people of {variable} {levels[most]} lack it more often ({own[0] / own.sum():.0%} of"
        f" {own.sum()}, against {rest[0] / rest.sum():.0%} of the other {rest.sum()})"
    )


def _together(people: Sequence[Person], modality: Modality) -> Comparison:
    """Likelihood ratio of a logistic model of as many variables as the persons allow."""
    plain = Comparison(modality, TOGETHER, "not tested: too few people", len(people), 0)
    names: list[str] = []
    for variable in (*CATEGORIES, *NUMBERS):
        if _fits(people, modality, [*names, variable]):
            names.append(variable)
    whole = _complete(people, names)
    if len(names) < 2:
        return replace(plain, lacking=sum(modality in person.lacks for person in people))
    lacks = np.array([modality in person.lacks for person in whole], float)
    null = _deviance(np.ones((len(whole), 1)), lacks)
    design = _design(whole, names)
    gain = max(0.0, null - _deviance(design, lacks))
    return replace(
        plain,
        method=f"logistic model of {', '.join(names)}",
        n=len(whole),
        lacking=int(lacks.sum()),
        effect=gain / null,
        measure="McFadden's R²",
        p=float(stats.chi2.sf(gain, design.shape[1] - 1)),
        pattern=f"{', '.join(names)} together",
    )


def _fits(people: Sequence[Person], modality: Modality, names: Sequence[str]) -> bool:
    """Whether enough is known, of enough people, for a model of these variables."""
    whole = _complete(people, names)
    if len(whole) < _KNOWN * len(people) or not whole:
        return False
    lacking = sum(modality in person.lacks for person in whole)
    design = _design(whole, names)
    parameters = design.shape[1] - 1
    rarer = min(lacking, len(whole) - lacking)
    independent = np.linalg.matrix_rank(design) == design.shape[1]
    return bool(independent and rarer >= _PER_PARAMETER * parameters)


def _complete(people: Sequence[Person], names: Sequence[str]) -> list[Person]:
    return [p for p in people if all(p.values.get(name) is not None for name in names)]


def _design(people: Sequence[Person], names: Sequence[str]) -> Float[np.ndarray, "n k"]:
    """A constant, standardised numbers, and a column for each group but the first."""
    columns = [np.ones(len(people))]
    for name in names:
        values = [person.values[name] for person in people]
        if name in CATEGORIES:
            texts = np.array([_text(value) for value in values])
            columns += [(texts == level).astype(float) for level in np.unique(texts)[1:]]
        else:
            numbers = np.array(values, float)
            columns.append((numbers - numbers.mean()) / (numbers.std() or 1.0))
    return np.stack(columns, axis=1)


def _deviance(design: Float[np.ndarray, "n k"], lacks: Float[np.ndarray, " n"]) -> float:
    """−2 log likelihood of the best logistic model."""

    def loss(weights: Float[np.ndarray, " k"]) -> tuple[float, Float[np.ndarray, " k"]]:
        z = design @ weights
        chance = 0.5 * (1 + np.tanh(z / 2))
        return float(np.logaddexp(0, z).sum() - lacks @ z), design.T @ (chance - lacks)

    best = optimize.minimize(loss, np.zeros(design.shape[1]), jac=True, method="BFGS")
    return 2 * float(best.fun)


def _verdict(modality: Modality, people: Sequence[Person], tests: Sequence[Comparison]) -> str:
    lacking = sum(modality in person.lacks for person in people)
    of = f"{lacking} of {len(people)} people lack {modality.title}"
    if lacking in (0, len(people)):
        return f"{of}: there is nothing to compare."
    made = [test for test in tests if np.isfinite(test.p)]
    if not made:
        return f"{of}; too little is known of them to say whether that depends on anything."
    found = sorted((t for t in made if t.q < ALPHA), key=lambda t: (t.variable == TOGETHER, t.q))
    if not found:
        names = ", ".join(test.variable for test in made if test.variable != TOGETHER)
        least = min(test.q for test in made)
        return (
            f"{of}; no dependence on {names} was found (n = {len(people)}, smallest q ="
            f" {least:.2g}). That does not show that there is none."
        )
    parts = "; ".join(map(_told, found))
    return (
        f"{of}, and that goes {parts}. Models trained on complete subjects may be wrong for those"
        " who lack it, and results on complete subjects do not tell."
    )


def _told(test: Comparison) -> str:
    if test.variable == TOGETHER:
        return f"with {test.pattern} (q = {test.q:.2g})"
    return f"with {test.variable} (q = {test.q:.2g}): {test.pattern}"


def _text(value: str | float | None) -> str:
    return value if isinstance(value, str) else f"{value:g}"
