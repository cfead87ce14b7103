"""Which numbers of a recipe belong to which method."""

from dataclasses import dataclass
from typing import Any

from acadiff.recipe.baselines import Baselines
from acadiff.recipe.parts import Optimisation
from acadiff.recipe.whole import Recipe

_EVERYBODY = ("voxel", "split", "codec", "conditioning", "precision")
"""Sections that every method depends on."""


@dataclass(frozen=True)
class _Sections:
    """Names of sections: handed to the generator; how each phase of its training is run."""

    arguments: tuple[str, ...]
    phases: tuple[str, ...]


_USUAL = {"kind": "adaptive", "modulation": "film"}

_ACADIFF = _Sections(
    ("start", "anchor", "denoiser", "fusion", "diffusion"),
    ("anchoring", "training"),
)
_METHODS: dict[str, _Sections] = {
    "acadiff": _ACADIFF,
    "acadiff_emb": _ACADIFF,
    "mean": _Sections((), ()),
}


@dataclass(frozen=True)
class Plan:
    """How one method is made and trained.

    Args:
        arguments: of its generator, as far as the data cannot say them.
        phases: how each phase of its training is run, in order.
        decisive: all numbers that its weights depend on, as plain data.
    """

    arguments: dict[str, Any]
    phases: tuple[Optimisation, ...]
    decisive: dict[str, Any]


def plan(recipe: Recipe, method: str) -> Plan:
    """What a recipe has to say of one method."""
    if method in Baselines.model_fields:
        return _baseline(recipe, method)
    sections = _METHODS[method]
    named = (*_EVERYBODY, *sections.arguments, *sections.phases)
    numbers = recipe.record()
    return Plan(
        {section: _chosen(numbers[section]) for section in sections.arguments},
        tuple(getattr(recipe, section) for section in sections.phases),
        {section: numbers[section] for section in named},
    )


def _chosen(section: dict[str, Any]) -> dict[str, Any]:
    """A section without what is the usual kind: weights of when there was no choice say none."""
    return {key: value for key, value in section.items() if _USUAL.get(key) != value}


def _baseline(recipe: Recipe, method: str) -> Plan:
    """What its own section says: runs of its phases, by name, and arguments."""
    numbers = recipe.record()
    own = numbers["baselines"][method]
    runs = {k: v for k, v in getattr(recipe.baselines, method) if isinstance(v, Optimisation)}
    arguments = {k: v for k, v in own.items() if k not in runs}
    shared = {section: numbers[section] for section in _EVERYBODY}
    return Plan(arguments, tuple(runs.values()), {**shared, method: own})
