"""Which numbers of a recipe belong to which method."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from acadiff.recipe.parts import Optimisation, Recipe

_EVERYBODY = ("voxel", "split", "codec", "conditioning", "precision")
"""Sections that every method depends on."""


@dataclass(frozen=True)
class _Sections:
    """Names of sections: handed to the generator; phase of its training → how that is run."""

    arguments: tuple[str, ...]
    phases: Mapping[str, str]


_ACADIFF = _Sections(
    ("start", "anchor", "denoiser", "fusion", "diffusion"),
    {"anchor": "anchoring", "diffusion": "training"},
)
_METHODS: dict[str, _Sections] = {
    "acadiff": _ACADIFF,
    "acadiff_emb": _ACADIFF,
    "mean": _Sections((), {}),
}


@dataclass(frozen=True)
class Plan:
    """How one method is made and trained.

    Args:
        arguments: of its generator, as far as the data cannot say them.
        phases: how each phase of its training is run.
        decisive: all numbers that its weights depend on, as plain data.
    """

    arguments: dict[str, Any]
    phases: Mapping[str, Optimisation]
    decisive: dict[str, Any]


def plan(recipe: Recipe, method: str) -> Plan:
    """What a recipe has to say of one method."""
    sections = _METHODS[method]
    named = (*_EVERYBODY, *sections.arguments, *sections.phases.values())
    numbers = recipe.record()
    return Plan(
        {section: numbers[section] for section in sections.arguments},
        {phase: getattr(recipe, section) for phase, section in sections.phases.items()},
        {section: numbers[section] for section in named},
    )
