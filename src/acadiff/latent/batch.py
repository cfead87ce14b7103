"""The record that flows into a generator: some subjects, what they have, and what is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from acadiff.errors import CohortError
from acadiff.modality import Modality


@dataclass(frozen=True)
class Batch:
    """Sources of a few subjects, and the modality to make from them.

    Availability is per sample. A slot that is not available may hold anything: no code path reads
    it, so that changing its content changes no bit of an output.

    Args:
        subjects: ids, one a row.
        images: latents (or volumes) by slot, in the order of `Modality`.
        available: which slots are sources.
        target: what to make; never a source.

    Raises:
        CohortError: shapes disagree, a row has no source, or the target is among the sources.
    """

    subjects: tuple[str, ...]
    images: Float[Tensor, "b m c i j k"]
    available: Bool[Tensor, "b m"]
    target: Modality

    def __post_init__(self) -> None:
        """Refuse what a generator could only guess about."""
        if self.images.shape[:2] != self.available.shape or len(self.subjects) != len(self.images):
            raise CohortError(
                f"a batch of {len(self.subjects)} subjects has images {tuple(self.images.shape)} "
                f"and availability {tuple(self.available.shape)}; they must agree"
            )
        if bool(self.available[:, self.target.index].any()):
            raise CohortError(f"{self.target.title} is both the target and a source; hide it")
        empty = [s for s, row in zip(self.subjects, self.available, strict=True) if not row.any()]
        if empty:
            raise CohortError(f"sub-{empty[0]}: no scan to make {self.target.title} from")

    def hide(self, hidden: Bool[Tensor, "b m"]) -> "Batch":
        """The same subjects without some of their sources.

        Modality dropout, the simulation of missing scans and "what if this input were absent" are
        all this call.
        """
        return replace(self, available=self.available & ~hidden)


def pattern_of(row: Bool[Tensor, " m"]) -> tuple[Modality, ...]:
    """The sources of one row, in order."""
    return tuple(m for m in Modality if bool(row[m.index]))


def side_by_side(batch: Batch) -> Float[Tensor, "b s i j k"]:
    """The sources as channels, each with a constant one that says whether it is there.

    What networks see that know no other way to be told: the target's others in order, background
    (0 in latents, -1 in voxels) where one is absent. [baselines' shared contract]
    """
    slots = [m.index for m in batch.target.others]
    images, there = batch.images[:, slots], batch.available[:, slots]
    mask = there[:, :, None, None, None, None]
    background = -1.0 if images.shape[2] == 1 else 0.0
    shown = torch.where(mask, images, background)
    told = mask.expand(-1, -1, 1, *images.shape[3:]).to(images.dtype)
    return torch.cat([shown.flatten(1, 2), told.flatten(1, 2)], dim=1)


def source_patterns(target: Modality) -> tuple[tuple[Modality, ...], ...]:
    """Every set of sources a target can be made from: both others, then each alone."""
    return (target.others, *((m,) for m in target.others))


def drop_sources(
    target: Modality, count: int, both: float, generator: torch.Generator
) -> Bool[Tensor, "b m"]:
    """Modality dropout [paper §2, Training]: which sources to hide, drawn per sample.

    Args:
        target: the modality that is made.
        count: samples.
        both: probability of keeping both sources; the rest is shared by the single ones.
        generator: source of randomness.
    """
    chance = torch.rand(count, generator=generator)
    hidden = torch.zeros(count, len(Modality), dtype=torch.bool)
    first, second = target.others
    hidden[:, second.index] = (chance >= both) & (chance < (1 + both) / 2)
    hidden[:, first.index] = chance >= (1 + both) / 2
    return hidden


def stack_batch(
    subjects: Sequence[str],
    images: Sequence[dict[Modality, Tensor]],
    target: Modality,
    sources: Sequence[tuple[Modality, ...]],
) -> Batch:
    """Make a batch from each subject's latents; absent slots are filled with zeros.

    Args:
        subjects: ids.
        images: latents `(c i j k)` of each subject by modality.
        target: what to make.
        sources: which of them to use, per subject.
    """
    like = next(iter(images[0].values()))
    slots = torch.zeros(len(subjects), len(Modality), *like.shape)
    available = torch.zeros(len(subjects), len(Modality), dtype=torch.bool)
    for row, (scans, used) in enumerate(zip(images, sources, strict=True)):
        for modality in used:
            slots[row, modality.index] = scans[modality]
            available[row, modality.index] = True
    return Batch(tuple(subjects), slots, available, target)
