"""What every generator is: trained by objectives, asked for samples."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from acadiff.clinical.encoder import Text
from acadiff.latent.batch import Batch
from acadiff.modality import Modality
from acadiff.training.loop import Objective


@dataclass(frozen=True)
class Example:
    """One training batch.

    Args:
        batch: the sources, after modality dropout.
        truth: the target's latents (or volumes) `(b c i j k)`.
        text: encoded prompts, after clinical dropout.
        random: the step's source of randomness.
    """

    batch: Batch
    truth: Float[Tensor, "b c i j k"]
    text: Text
    random: torch.Generator


Examples = Iterable[Example]


class Guidance(NamedTuple):
    """How strongly a prompt guides: `without + scale · (with - without)`, 1 being the paper's.

    Args:
        scale: above 1 the prompt counts for more than it did in training, at 0 for nothing.
        null: the same prompts with all that is clinical withheld.
    """

    scale: float
    null: Text


@dataclass(frozen=True)
class Training:
    """What a generator may look at before its training begins.

    Args:
        truths: the target of everybody who has it.
        text: every prompt that training may show.
        told: everybody under every pattern of sources.
        untold: the same, with prompts that tell nothing of the patient.
    """

    truths: Iterable[Float[Tensor, "c i j k"]]
    text: Text
    told: Callable[[], Examples]
    untold: Callable[[], Examples]


class Generator(nn.Module, ABC):
    """Makes one target modality from whichever sources a subject has.

    Attributes:
        target: what it makes.
        name: how it is called in registries, sidecars and tables.
        space: `latent` if it reads and makes whitened latents, `voxel` if volumes in [-1, 1].
        stochastic: whether two draws differ.
        encoder: how it is told of a patient: a name in `clinical.ENCODERS`, `none` if it is told
            nothing, or None if the recipe chooses.
        undiffused: how many of its phases come before, and know nothing of, its diffusion.
    """

    name: ClassVar[str]
    space: ClassVar[str]
    stochastic: ClassVar[bool]
    encoder: ClassVar[str | None] = "none"
    undiffused: ClassVar[int] = 0

    def __init__(self, target: Modality) -> None:
        """Remember the target."""
        super().__init__()
        self.target = target

    @abstractmethod
    def phases(self) -> Sequence[Mapping[str, Objective[Example]]]:
        """What is trained, phase after phase; within a phase, one objective per optimiser.

        A generator without gradients has no phase, a diffusion model one or two, a GAN one with
        two objectives.
        """

    def begin(self, people: Training) -> None:
        """Take from the training people what no gradient is needed for; called before any step."""

    def after(
        self, phase: str, seen: Callable[[], Examples], unseen: Callable[[], Examples]
    ) -> None:
        """Take from training and validation people what a finished phase makes known.

        Args:
            phase: its name.
            seen: examples of training people, each under every pattern of sources.
            unseen: the same of validation people, as many; empty if there are none.
        """

    @abstractmethod
    def sample(
        self,
        batch: Batch,
        text: Text,
        noise: Float[Tensor, "b n c i j k"],
        guidance: Guidance | None = None,
    ) -> Float[Tensor, "b n c i j k"]:
        """One answer per starting noise.

        Args:
            batch: the sources.
            text: the encoded prompts.
            noise: standard normal; a deterministic generator only takes its shape.
            guidance: of a method that reads prompts; None lets them count as in training.
        """
