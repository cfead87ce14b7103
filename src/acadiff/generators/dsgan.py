"""DS-GAN: a GAN whose scans must look alike to a classifier of disease.

Two methods bear the name. The paper describes one with diagnosis as a condition and spectral norm
[paper §3]; what it cites, Pan et al. 2019, has neither. Both have what makes DS-GAN itself: the
*disease-specific network*, a classifier of AD against CN on acquired scans of the target, whose
feature maps of the made and of the acquired scan are drawn together.

One departure [ours]: the classifier is trained first and then fixed, not beside the GAN. Feature
maps that still move are a target that moves, and one that is learnt in a third of the steps need
not be learnt in all of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from acadiff.clinical.encoder import Text
from acadiff.clinical.scores import told_diagnoses
from acadiff.cohort.table import Diagnosis
from acadiff.errors import CohortError
from acadiff.generators.base import Example, Generator, Guidance, Training
from acadiff.latent.batch import Batch, side_by_side
from acadiff.modality import Modality
from acadiff.nets.critic import PatchCritic, frozen
from acadiff.nets.dsnn import DSNN
from acadiff.nets.frame import Frame, shifted
from acadiff.nets.translator import ResidualTranslator
from acadiff.training.loop import Objective

_DIAGNOSES = list(Diagnosis)
_LABELS = len(_DIAGNOSES) + 1
_CLASSES = (_DIAGNOSES.index(Diagnosis.CN), _DIAGNOSES.index(Diagnosis.AD))
"""What the classifier tells apart; MCI, which may become either, it is not shown."""


class DSGAN(Generator):
    """Any → target by one pass of a residual network that is told the diagnosis.

    Attributes:
        labelled: whether translator and critic are told the diagnosis.
        spectral: whether the critic has spectral norm, in place of instance norm.
        criterion: of the critic, a name in `nets.critic.CRITERIA`.
    """

    name: ClassVar[str] = "dsgan"
    space: ClassVar[str] = "voxel"
    stochastic: ClassVar[bool] = False
    encoder: ClassVar[str | None] = "scores"
    labelled: ClassVar[bool] = True
    spectral: ClassVar[bool] = True
    criterion: ClassVar[str] = "hinge"

    def __init__(
        self,
        target: Modality,
        *,
        shape: Sequence[int],
        width_text_in: int,  # noqa: ARG002
        embed: int | None = None,  # noqa: ARG002
        translator: Mapping[str, Any],
        critic: Mapping[str, Any],
        classifier: Mapping[str, Any],
        adam: Mapping[str, Any],
        l1: float,
        features: float,
        shift: int,
    ) -> None:
        """Make an untrained generator.

        Args:
            target: what it makes.
            shape: of a scan, `(1, i, j, k)`.
            width_text_in: width of the encoded record; its diagnosis is read by its place.
            embed: width of an embedding of it, of which there is none here.
            translator: keyword arguments of `ResidualTranslator` that the data cannot say.
            critic: likewise of `PatchCritic`, but for its criterion and norm.
            classifier: likewise of `DSNN`.
            adam: `betas` and `constant` of the critic's and the translator's objectives.
            l1: weight of the voxelwise error.
            features: weight of the distance of feature maps.
            shift: most voxels that a training example is moved by along an axis.
        """
        super().__init__(target)
        self.sources, labels = len(target.others), _LABELS if self.labelled else 0
        self.frame = Frame(shape[1:], ResidualTranslator.divisor)
        self.classifier = DSNN(shape=self.frame.grid, **classifier)
        self.critic = PatchCritic(
            channels_in=1 + labels, criterion=self.criterion, spectral=self.spectral, **critic
        )
        channels = 2 * self.sources + labels
        self.translator = ResidualTranslator(
            channels_in=channels, told=self.labelled, **translator
        )
        self.adam = {"betas": tuple(adam["betas"]), "constant": adam["constant"]}
        self.weights, self.shift = {"fool": 1.0, "features": features, "l1": l1}, shift

    def begin(self, people: Training) -> None:
        """Refuse people of whom no classifier can be learnt.

        Raises:
            CohortError: no prompt tells of AD, or none of CN.
        """
        told = told_diagnoses(people.text).sum(dim=0)
        lacking = [_DIAGNOSES[place].value for place in _CLASSES if not told[place]]
        if lacking:
            raise CohortError(
                f"no training subject with {self.target.title} is known to be {lacking[0]}, and "
                f"the classifier inside {self.name} tells AD from CN",
                code="E_NO_DIAGNOSES",
                value=lacking[0],
                hint="add diagnoses, keep conditioning.detail = full, or train another method",
            )

    def phases(self) -> Sequence[Mapping[str, Objective[Example]]]:
        """First the classifier; then, around a fixed one, critic and translator in turn."""
        classifier, critic, rest = (
            {k: p for k, p in self.named_parameters() if k.startswith(f"{part}.")}
            for part in ("classifier", "critic", "translator")
        )
        return (
            {"classifier": Objective(classifier, self._classifier_losses, {"classifier": 1.0})},
            {
                "critic": Objective(critic, self._critic_losses, {"critic": 1.0}, **self.adam),
                "translator": Objective(rest, self._losses, self.weights, **self.adam),
            },
        )

    def _classifier_losses(self, example: Example) -> dict[str, Tensor]:
        """Cross-entropy on acquired scans of those who are known to be CN or AD."""
        known = told_diagnoses(example.text)[:, list(_CLASSES)].to(example.truth.device)
        scans = self.frame.put(shifted(example.truth, self.shift, example.random))
        said = F.log_softmax(self.classifier(scans), dim=1)
        return {"classifier": -(known * said).sum() / known.sum().clamp(min=1)}

    def _critic_losses(self, example: Example) -> dict[str, Tensor]:
        seen, truth, labels = self._shown(example)
        with torch.no_grad():
            made = self.translator(seen)
        real, fake = (self._labelled(image, labels) for image in (truth, made))
        return {"critic": self.critic.teach(real, fake)}

    def _losses(self, example: Example) -> dict[str, Tensor]:
        seen, truth, labels = self._shown(example)
        made = self.translator(seen)
        with frozen(self.classifier):
            features = self.classifier.distance(made, truth)
        return {
            "fool": self.critic.fool(self._labelled(made, labels)),
            "features": features,
            "l1": (made - truth).abs().mean(),
        }

    def _shown(self, example: Example) -> tuple[Tensor, Tensor, Tensor]:
        """What is seen and what is true, moved alike and framed; and labels, to go with them."""
        seen, labels = side_by_side(example.batch), self._labels(example.text)
        images = torch.cat([seen[:, : self.sources], example.truth], dim=1)
        moved = shifted(images, self.shift, example.random)
        told = torch.cat([seen[:, self.sources :, 0, 0, 0], labels.to(seen)], dim=1)
        shown, truth = moved[:, : self.sources], moved[:, self.sources :]
        return self.frame.put(shown, told), self.frame.put(truth), labels.to(seen)

    def _labels(self, text: Text) -> Float[Tensor, "b l"]:
        """One-hot diagnosis, the last place for one that is unknown; nothing if not told."""
        known = told_diagnoses(text)
        labels = torch.cat([known, 1 - known.sum(dim=1, keepdim=True)], dim=1)
        return labels if self.labelled else labels[:, :0]

    def _labelled(self, images: Tensor, labels: Tensor) -> Tensor:
        """Framed scans with labels as constant channels."""
        constants = labels[:, :, None, None, None].expand(-1, -1, *images.shape[2:])
        return torch.cat([images, constants.to(images)], dim=1)

    @torch.no_grad()
    def sample(
        self,
        batch: Batch,
        text: Text,
        noise: Float[Tensor, "b n c i j k"],
        guidance: Guidance | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "b n c i j k"]:
        """Translate; every draw is the same."""
        seen = side_by_side(batch)
        told = torch.cat([seen[:, self.sources :, 0, 0, 0], self._labels(text).to(seen)], dim=1)
        made = self.frame.cut(self.translator(self.frame.put(seen[:, : self.sources], told)))
        return made[:, None].expand(-1, noise.shape[1], *made.shape[1:])


class DSGANPan2019(DSGAN):
    """What Pan et al. 2019 made of it: no labels, instance norm, an L1-type criterion."""

    name: ClassVar[str] = "dsgan_pan2019"
    labelled: ClassVar[bool] = False
    spectral: ClassVar[bool] = False
    criterion: ClassVar[str] = "absolute"
