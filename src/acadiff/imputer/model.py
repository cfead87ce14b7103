"""One missing scan, from all the others that a person has."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acadiff.clinical import CachedEncoder, Detail, Prompt, Text
from acadiff.cohort.table import Subject
from acadiff.diffusion.noise import Noise
from acadiff.errors import CohortError, Problem, ScanError, UsageError
from acadiff.generators.base import Guidance
from acadiff.generators.folder import GeneratorFolder
from acadiff.imputer.doubt import trust_of
from acadiff.imputer.record import precision_of, provenance, reads
from acadiff.imputer.weights import Weights
from acadiff.latent.batch import stack_batch
from acadiff.latent.scan import ModelScan, read_model_scan, to_volume
from acadiff.modality import Modality
from acadiff.outputs.derivative import Imputation
from acadiff.training.arithmetic import HALF
from acadiff.volume.grid import restore
from acadiff.volume.image import Volume

MICROBATCH = 5
"""Draws computed together, always padded to this many, so that no draw's bits depend on how many
draws were asked for or on who else is imputed. More of them leave the caches of a processor."""


class Imputer(Weights):
    """Everything needed to make a missing scan, in evaluation mode.

    Attributes:
        together: draws computed at once.
    """

    together = MICROBATCH

    def impute(
        self,
        subject: Subject,
        target: Modality,
        draws: int = 10,
        seed: int = 0,
        *,
        detail: Detail = Detail.FULL,
        guidance: float = 1.0,
    ) -> Imputation:
        """Make one missing scan of one subject from all the others it has.

        Args:
            subject: with the scans to use (hide some with `subject.without(...)`).
            target: what to make.
            draws: Monte Carlo draws; the mean and SD are over them.
            seed: of the draws.
            detail: how much of the record the prompt tells; what the model was never told in
                training it is not told here.
            guidance: how strongly the prompt guides, 1 being as in training.

        Returns:
            The mean, the draw-to-draw SD and the draws, in the target's unit, and how far they can
            be trusted.

        Raises:
            CohortError: there is no source, or no generator for the target.
            ScanError: a source cannot be used.
        """
        if draws < 1:
            raise CohortError(f"draws is {draws}; at least one is needed")
        prompt = self.prompt(subject, target, detail)
        sources, scans = prompt.available, self._scans(subject, prompt.available)
        found, codec = self.generators[target], self.codecs[target]
        generator = found.generator
        latent = generator.space == "latent"
        images = self._encoded(scans) if latent else {m: scans[m].image for m in sources}
        batch = stack_batch([subject.key], [images], target, [sources])
        shape = codec.codec.latent_shape if latent else (1, *self.grid.shape)
        noise, text, guided = Noise(seed), self._text(prompt), None
        if guidance != 1:
            guided = Guidance(guidance, self._text(prompt.without_clinical()))
        made: list[Tensor] = []
        for start in range(0, draws, self.together) if generator.stochastic else (0,):
            starts = noise.draws([subject.key], range(start, start + self.together), shape)
            with self._arithmetic(found):
                drawn = generator.sample(batch, text, starts, guided)[0]
            made.extend(codec.codec.decode(drawn) if latent else drawn)
        made = made[:draws] if generator.stochastic else [made[0]] * draws
        whole = self._gather(made, target, scans[sources[0]])
        return replace(whole, trust=trust_of(self, scans, prompt, whole, guidance))

    def caution(self, simulated: bool) -> Problem | None:
        """A warning if the model has seen simulated people alone, and real ones are imputed.

        Args:
            simulated: whether those who are imputed are simulated, too.
        """
        known = [found.record.get("simulated", False) for found in self.generators.values()]
        if simulated or not any(known):
            return None
        hint = "train on acquired scans before you use any of this"
        text = f"{self.folder.name}: was trained on SIMULATED people only and knows no patient"
        return Problem(self.folder.name, "W_SIMULATED_MODEL", "simulated", hint, f"{text}; {hint}")

    def prompt(self, subject: Subject, target: Modality, detail: Detail = Detail.FULL) -> Prompt:
        """What the generator of a target is told of a subject.

        Raises:
            CohortError: there is no source, or no generator for the target.
        """
        if target not in self.generators:
            raise CohortError(f"{self.folder}: holds no generator for {target.title}; train one")
        learned = self.generators[target].record["recipe"]["conditioning"]
        sources = tuple(m for m in target.others if m in subject.scans)
        if not sources:
            raise CohortError(f"{subject.key}: no scan to make {target.title} from")
        prompt = Prompt.of(subject, target, sources, person=learned["person"])
        return prompt.told(Detail(learned["detail"])).told(detail)

    def tell(self, requests: Iterable[tuple[Subject, Modality, Detail]]) -> None:
        """Have a remote text encoder encode all prompts at once; a local one is asked as one goes.

        Args:
            requests: who, which target, and how much the prompt tells.

        Raises:
            EncoderError: it may not or cannot be asked; what was encoded is kept.
            CohortError: somebody has no source, or there is no generator for a target.
        """
        if isinstance(self.encoder, CachedEncoder):
            self.encoder.encode([self.prompt(*request) for request in requests])

    def require(self, detail: Detail, target: Modality) -> None:
        """Refuse a detail that the generator of a target was never told in training.

        Raises:
            UsageError: it was not.
        """
        if target not in self.generators:
            return
        record, levels = self.generators[target].record, [level.value for level in Detail]
        told = record["recipe"]["conditioning"]["detail"]
        told = told if reads(self.generators[target]) else Detail.NONE.value
        if levels.index(detail.value) > levels.index(told):
            trained = f"{record['name']} for {target.title} was trained with prompts that tell"
            raise UsageError(f"--clinical {detail.value}: {trained} {told}; ask for no more")

    def provenance(
        self,
        subject: Subject,
        target: Modality,
        draws: int,
        seed: int,
        *,
        detail: Detail = Detail.FULL,
        guidance: float = 1.0,
    ) -> dict[str, Any]:
        """What the record of an imputed scan tells of the model and of what was asked of it.

        Raises:
            CohortError: there is no source, or no generator for the target.
        """
        told = provenance(self, self.prompt(subject, target, detail), detail, guidance)
        return {**told, "RandomSeed": seed, "NumSamples": draws}

    def _scans(self, subject: Subject, sources: tuple[Modality, ...]) -> dict[Modality, ModelScan]:
        """The scans that are used, as networks see them."""
        try:
            return {m: read_model_scan(subject.scans[m], m, self.grid) for m in sources}
        except ScanError as error:
            raise error.at(subject.key) from error

    def _encoded(self, scans: Mapping[Modality, ModelScan]) -> dict[Modality, Tensor]:
        """Whitened latents."""
        with torch.no_grad():
            return {m: self.codecs[m].codec.encode(s.image[None])[0] for m, s in scans.items()}

    def _arithmetic(self, found: GeneratorFolder) -> torch.autocast:
        """What was asked for, or what it was trained in; bf16 halves the time."""
        here = precision_of(found, self.precision)
        return torch.autocast("cpu", torch.bfloat16, enabled=here == HALF)

    def _text(self, prompt: Prompt) -> Text:
        if self.encoder is None:
            return Text(torch.zeros(1, 1, 1), torch.zeros(1, 1, dtype=torch.bool))
        return self.encoder.encode([prompt])

    def _gather(self, images: list[Tensor], target: Modality, like: ModelScan) -> Imputation:
        """Mean and SD over draws, in the unit of the scan, where the first source lies."""
        scaling = self.codecs[target].scaling

        def placed(image: Tensor) -> Volume:
            return restore(to_volume(image, target, self.grid, scaling), like.shape, like.affine)

        kept = np.concatenate([placed(image).data for image in images])
        mean = placed(torch.stack(images).mean(dim=0))
        sd = kept.std(axis=0, ddof=1 if len(kept) > 1 else 0, keepdims=True).astype(np.float32)
        return Imputation(mean, Volume(sd, mean.affine, target), len(kept), kept)
