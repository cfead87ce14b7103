"""A trained model in use: codecs, generators and text encoder behind one call.

`Imputer.from_pretrained(folder)` reads a work folder (or a repository of the Hugging Face hub, if
its name is given and the network is allowed); `impute(subject, target)` fills in one scan.
"""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub import ModelHubMixin, snapshot_download
from torch import Tensor

from acadiff.clinical import Detail, Prompt, Text, TextEncoder, make_encoder
from acadiff.cohort.table import Subject
from acadiff.commit import write_text
from acadiff.diffusion.noise import Noise
from acadiff.errors import (
    CheckpointError,
    CohortError,
    MissingInputError,
    Problem,
    ScanError,
    UsageError,
)
from acadiff.generators import GENERATORS
from acadiff.generators.base import Guidance
from acadiff.generators.folder import GeneratorFolder, folder_name, load_generator
from acadiff.latent.batch import stack_batch
from acadiff.latent.codec_folder import CodecFolder, load_codec
from acadiff.latent.scan import ModelScan, read_model_scan, to_volume
from acadiff.modality import Modality
from acadiff.outputs.derivative import Imputation
from acadiff.volume.grid import restore
from acadiff.volume.image import Volume

MICROBATCH = 10
"""Draws computed together, always padded to this many, so that no draw's bits depend on how many
draws were asked for or on who else is imputed."""

_LOGGED = 10
"""One step in so many is kept in the log that travels with weights."""


class Imputer(ModelHubMixin):
    """Everything needed to make a missing scan, in evaluation mode."""

    def __init__(
        self,
        folder: Path,
        codecs: Mapping[Modality, CodecFolder],
        generators: Mapping[Modality, GeneratorFolder],
        encoder: TextEncoder | None,
    ) -> None:
        """Put the parts together; `from_pretrained` is the usual way.

        Raises:
            CheckpointError: a generator was trained with another text encoder.
        """
        self.folder, self.codecs, self.generators = folder, codecs, generators
        self.encoder, self.together = encoder, MICROBATCH
        self.grid = codecs[Modality.MRI].grid
        for found in generators.values():
            wanted = found.record["encoder"]
            if wanted and (encoder is None or wanted["identity"] != encoder.identity):
                raise CheckpointError(
                    f"{folder}: was trained with the text encoder {wanted['name']} of another "
                    "hash; install that one"
                )

    @classmethod
    def load(cls, folder: Path, method: str = "acadiff") -> "Imputer":
        """Read the model `method` from a work folder or a pretrained folder.

        Raises:
            MissingInputError: the folder holds no such model.
            CheckpointError: its files are damaged or do not belong together.
            EncoderError: its text encoder is not installed.
        """
        if not folder.is_dir():
            raise MissingInputError(f"{folder}: no such model folder")
        codecs = {m: load_codec(folder / "codecs" / m.name) for m in Modality}
        identities = {m: c.identity for m, c in codecs.items()}
        generators = {}
        for target in Modality:
            path = folder / "generators" / folder_name(method, target)
            if path.is_dir():
                generators[target] = load_generator(path, identities, GENERATORS)
        if not generators:
            raise MissingInputError(f"{folder}: holds no trained {method}; run `acadiff train`")
        told = [g.record["encoder"] for g in generators.values() if g.record["encoder"]]
        encoder = make_encoder(told[0]["key"], told[0]["settings"]) if told else None
        return cls(folder, codecs, generators, encoder)

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        method: str = "acadiff",
        **_: Any,
    ) -> "Imputer":
        """Called by `from_pretrained`: a local folder, or a snapshot of a hub repository."""
        folder = Path(model_id)
        if not folder.is_dir():
            folder = Path(
                snapshot_download(
                    model_id,
                    revision=revision,
                    cache_dir=cache_dir,
                    force_download=force_download,
                    local_files_only=local_files_only,
                    token=token,
                )
            )
        return cls.load(folder, method)

    def _save_pretrained(self, save_directory: Path) -> None:
        """Called by `save_pretrained`: copy the parts, without training state, logs thinned."""
        for part in ("codecs", "generators"):
            shutil.copytree(
                self.folder / part,
                save_directory / part,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("checkpoint"),
            )
        for log in save_directory.rglob("steps.jsonl"):
            write_text(log, "".join(log.read_text().splitlines(keepends=True)[::_LOGGED]))

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
            The mean, the draw-to-draw SD and the draws, in the target's unit.

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
        batch = stack_batch([subject.key], [self._encoded(scans)], target, [sources])
        shape = codec.codec.latent_shape if generator.space == "latent" else (1, *self.grid.shape)
        noise, text = Noise(seed), self._text(prompt)
        null = self._text(prompt.without_clinical())
        guided = None if guidance == 1 else Guidance(guidance, null)
        images: list[Tensor] = []
        for start in range(0, draws, self.together) if generator.stochastic else (0,):
            starts = [noise.draw(subject.key, start + k, shape) for k in range(self.together)]
            with self._precision(found):
                made = generator.sample(batch, text, torch.stack(starts)[None], guided)[0]
            images.extend(codec.codec.decode(made) if generator.space == "latent" else made)
        images = images[:draws] if generator.stochastic else [images[0]] * draws
        return self._gather(images, target, scans[sources[0]])

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

    def require(self, detail: Detail, target: Modality) -> None:
        """Refuse a detail that the generator of a target was never told in training.

        Raises:
            UsageError: it was not.
        """
        if target not in self.generators:
            return
        record, levels = self.generators[target].record, [level.value for level in Detail]
        reads = (record["encoder"] or {"key": "none"})["key"] != "none"
        told = record["recipe"]["conditioning"]["detail"] if reads else Detail.NONE.value
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
        prompt = self.prompt(subject, target, detail)
        found = self.generators[target]
        process: Mapping[str, Any] = found.record["diffusion"] or {}
        clinical = {"Diagnosis": prompt.diagnosis, **vars(prompt.scores), **vars(prompt.person)}
        reads = (found.record["encoder"] or {"key": "none"})["key"] != "none"
        return {
            "AvailableModalities": [m.name for m in prompt.available],
            "ClinicalInputsUsed": [k for k, v in clinical.items() if reads and v is not None],
            "ClinicalDetail": detail.value if reads else None,
            "PromptSHA256": hashlib.sha256(str(prompt).encode()).hexdigest() if reads else None,
            "Guidance": guidance if reads else None,
            "IntensityTransform": self.codecs[target].scaling.to_json(),
            "ModelName": found.record["name"],
            "ModelSHA256": found.identity,
            "TrainedOnSimulatedPeople": found.record.get("simulated", False),
            "CodecSHA256": {m.name: self.codecs[m].identity for m in (*prompt.available, target)},
            "TextEncoder": found.record["encoder"],
            "RandomSeed": seed,
            "NumSamples": draws,
            "Sampler": process.get("sampler"),
            "Steps": process.get("steps"),
        }

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

    def _precision(self, found: GeneratorFolder) -> torch.autocast:
        """The precision the generator was trained in; bf16 halves the time and costs nothing."""
        mixed = found.record["recipe"]["precision"] == "bf16-mixed"
        return torch.autocast("cpu", torch.bfloat16, enabled=mixed)

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
