"""PASTA: two mirror-image U-Nets, one that reads and one that denoises, which then swap parts.

Li et al. (MICCAI 2024), as the paper adapts it [paper §3], in MONAI's parts. Stacks of
neighbouring slices are diffused in voxel space. One arm has the sources for its image, the other
the target. To make the target, the sources' arm reads and guesses, and leads the target's arm,
block by block; the network predicts the clean stack. Then everything is turned round: what was
made is read, and the sources are denoised (*cycle exchange*). Gradients pass through what was
made.

Ours: several sources at once, with losses where one is there; scores are added to the embedding of
time, not multiplied; no region weighs more than another, as the published masks are not ours to
give.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from monai.losses import SSIMLoss
from torch import Tensor

from acadiff.clinical.encoder import Text
from acadiff.clinical.scores import told_numbers
from acadiff.diffusion.objective import PREDICTIONS
from acadiff.diffusion.sampler import DDIMSampler
from acadiff.diffusion.schedule import CosineSchedule
from acadiff.generators.base import Example, Generator, Guidance, Training
from acadiff.latent.batch import Batch, side_by_side
from acadiff.modality import Modality
from acadiff.nets.stacks import Stacks
from acadiff.nets.twins import Arm, facts
from acadiff.training.loop import Objective

_SCORES = ("mmse", "adas13", "cdrsb")


class _Side(NamedTuple):
    """Stacks of one side of an exchange.

    Args:
        image: of each modality; background where one is absent.
        there: 1 for each modality that is there, else 0.
    """

    image: Float[Tensor, "b c s i j"]
    there: Float[Tensor, "b c"]


class PASTA(Generator):
    """Any → target by diffusion of stacks of slices."""

    name: ClassVar[str] = "pasta"
    space: ClassVar[str] = "voxel"
    stochastic: ClassVar[bool] = True
    encoder: ClassVar[str | None] = "scores"
    score_mean: Tensor
    score_sd: Tensor

    def __init__(
        self,
        target: Modality,
        *,
        shape: Sequence[int],
        width_text_in: int,  # noqa: ARG002
        embed: int | None = None,  # noqa: ARG002
        slices: int,
        stride: int,
        network: Mapping[str, Any],
        diffusion: Mapping[str, Any],
        weights: Mapping[str, float],
        cycle: float,
        window: int,
    ) -> None:
        """Make an untrained generator.

        Args:
            target: what it makes.
            shape: of a scan, `(1, i, j, k)`.
            width_text_in: width of a vector of scores, which are read back to numbers.
            embed: not used.
            slices: of a stack.
            stride: slices from one stack to the next.
            network: keyword arguments of an arm that the data cannot say.
            diffusion: `timesteps`, `sampler` and `steps`.
            weights: of `clean`, `guess` and `ssim`.
            cycle: weight of what is exchanged, beside making the target from the sources.
            window: of SSIM, in voxels.
        """
        super().__init__(target)
        self.sources = len(target.others)
        self.stacks = Stacks(depth=shape[-1], size=slices, stride=stride)
        wide = self.sources * self.stacks.size
        # As many channels on both sides, so that either arm can read and denoise.
        channels = {"channels_in": wide + self.sources, "channels_out": wide}
        self.source_arm = Arm(**channels, **network)
        self.target_arm = Arm(**channels, **network)
        self.facts = facts(2 * len(_SCORES), self.target_arm.width_time)
        self.register_buffer("score_mean", torch.zeros(len(_SCORES)))
        self.register_buffer("score_sd", torch.ones(len(_SCORES)))
        self.schedule = CosineSchedule(timesteps=diffusion["timesteps"])
        self.sampler = DDIMSampler(
            schedule=self.schedule,
            prediction=PREDICTIONS["clean"],
            steps=diffusion["steps"],
            bound=1.0,
        )
        self.weights, self.cycle = dict(weights), cycle
        self.ssim = SSIMLoss(spatial_dims=2, data_range=1.0, win_size=window, reduction="none")

    def begin(self, people: Training) -> None:
        """Store mean and SD of the scores that training prompts tell."""
        values, told = told_numbers(people.text, _SCORES)
        count = told.sum(dim=0).clamp(min=1)
        mean = values.sum(dim=0) / count
        square = (told * (values - mean) ** 2).sum(dim=0) / count
        self.score_mean.copy_(mean)
        self.score_sd.copy_(torch.where(square > 0, square.sqrt(), 1.0))

    def phases(self) -> Sequence[Mapping[str, Objective[Example]]]:
        """One: both arms, both ways."""
        own = dict(self.named_parameters())
        return ({"exchange": Objective(own, self._losses, self.weights)},)

    def _losses(self, example: Example) -> dict[str, Tensor]:
        """From sources to target and back; from target to sources and back."""
        starts = self.stacks.anywhere(len(example.truth), example.random)
        seen = side_by_side(example.batch)
        told, random = self._told(example.text), example.random
        images = self.stacks.some(seen[:, : self.sources], starts)
        sources = _Side(images, seen[:, self.sources :, 0, 0, 0])
        truth = self.stacks.some(example.truth, starts)
        target = _Side(truth, torch.ones_like(sources.there[:, :1]))
        made, losses = self._make(sources, target, self.target_arm, told, random)
        if self.cycle:
            _, back = self._make(made, sources, self.source_arm, told, random)
            turned, there = self._make(target, sources, self.source_arm, told, random)
            _, again = self._make(turned, target, self.target_arm, told, random)
            for name in losses:
                losses[name] = losses[name] + self.cycle * (back[name] + there[name] + again[name])
        return losses

    def _make(
        self, given: _Side, wanted: _Side, arm: Arm, told: Tensor, random: torch.Generator
    ) -> tuple[_Side, dict[str, Tensor]]:
        """One direction: the other arm reads what is given, this one denoises what is wanted."""
        reader = self.source_arm if arm is self.target_arm else self.target_arm
        image, there = wanted
        guess, features = reader.read(self._framed(given))
        t = torch.randint(self.schedule.timesteps, (len(image),), generator=random)
        eps = torch.randn(image.shape, generator=random).to(image.device)
        noisy = self.schedule.add_noise(image, eps, t.to(image.device))
        framed = self._framed(_Side(noisy, there))
        clean = self._cut(arm.denoise(framed, t.to(image.device), features, told), image)
        losses = {
            "clean": _masked((clean - image).abs().mean(dim=(2, 3, 4)), there),
            "guess": _masked((self._cut(guess, image) - image).abs().mean(dim=(2, 3, 4)), there),
            "ssim": _masked(self._dissimilarity(clean, image), there),
        }
        background = there[:, :, None, None, None] == 0
        return _Side(clean.clamp(-1, 1).masked_fill(background, -1.0), there), losses

    def _dissimilarity(
        self, one: Float[Tensor, "b c s i j"], other: Float[Tensor, "b c s i j"]
    ) -> Float[Tensor, "b c"]:
        """1 - SSIM of slices on [0, 1], averaged over a stack; in full precision."""
        rows = [((x + 1) / 2).flatten(0, 1).float() for x in (one, other)]
        with torch.autocast(one.device.type, enabled=False):
            return torch.as_tensor(self.ssim(*rows)).reshape(one.shape[:2])

    def _framed(self, side: _Side) -> Float[Tensor, "b c i j"]:
        """As an arm takes it: stacks as channels, room up to the wider side, what is there."""
        image = side.image.flatten(1, 2)
        missing = self.sources - side.there.shape[1]
        told = F.pad(side.there, (0, missing))[:, :, None, None].expand(-1, -1, *image.shape[2:])
        room = (0, 0, 0, 0, 0, missing * self.stacks.size)
        return torch.cat([F.pad(image, room), told], dim=1)

    def _cut(
        self, answer: Float[Tensor, "b o i j"], like: Float[Tensor, "r c s i j"]
    ) -> Float[Tensor, "b c s i j"]:
        """An arm's answer as the stacks of one side."""
        count, size = like.shape[1], self.stacks.size
        return rearrange(answer[:, : count * size], "b (c s) i j -> b c s i j", s=size)

    def _told(self, text: Text) -> Float[Tensor, "b w"]:
        values, told = told_numbers(text, _SCORES)
        scaled = told * (values - self.score_mean) / self.score_sd
        return torch.as_tensor(self.facts(torch.cat([scaled, told], dim=1)))

    @torch.no_grad()
    def sample(
        self,
        batch: Batch,
        text: Text,
        noise: Float[Tensor, "b n c i j k"],
        guidance: Guidance | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "b n c i j k"]:
        """Read every stack once, denoise it for each draw, and blend."""
        draws = noise.shape[1]
        seen, told = side_by_side(batch), self._told(text)
        start = self.stacks.all(rearrange(noise, "b n c i j k -> (b n) c i j k"))
        start = rearrange(start, "(b n) p c s i j -> b p n c s i j", n=draws)
        images = self.stacks.all(seen[:, : self.sources])
        blended = []
        for row in range(len(start)):
            there = seen[row, None, self.sources :, 0, 0, 0].expand(len(images[row]), -1)
            made = self._denoised(_Side(images[row], there), told[row], start[row])
            blended.append(self.stacks.blend(rearrange(made, "p n c s i j -> n p c s i j")))
        return torch.stack(blended)

    def _denoised(
        self, given: _Side, told: Float[Tensor, " w"], start: Float[Tensor, "p n 1 s i j"]
    ) -> Float[Tensor, "p n 1 s i j"]:
        """All stacks and draws of one person."""
        last, noise = self.schedule.timesteps - 1, start.flatten(0, 1)
        _, features = self.source_arm.read(self._framed(given))
        there = torch.ones_like(noise[:, :, 0, 0, 0])

        def network(x_t: Tensor, t: Tensor) -> Tensor:
            framed, times = self._framed(_Side(x_t, there)), (t * last).round().long()
            facts = told.expand(len(x_t), -1)
            return self._cut(self.target_arm.denoise(framed, times, features, facts), x_t)

        made = self.sampler.sample(network, noise)
        return rearrange(made, "(p n) c s i j -> p n c s i j", p=len(start))


def _masked(each: Float[Tensor, "b c"], there: Float[Tensor, "b c"]) -> Float[Tensor, ""]:
    """Mean over what is there."""
    return (each * there).sum() / there.sum().clamp(min=1)
