"""Scans → one frozen codec a modality, and the latents of everyone trained on."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import PARTS, Ledger, write_split
from acadiff.cohort.split import head_counts, split
from acadiff.cohort.table import Cohort
from acadiff.commit import atomic_write, write_json
from acadiff.diffusion.noise import generator
from acadiff.errors import CheckpointError, CohortError
from acadiff.evaluation.metrics import judge
from acadiff.latent.codec import Codec
from acadiff.latent.codec_folder import half, load_codec, read_record, save_codec
from acadiff.latent.scan import ModelScan, read_model_scan
from acadiff.latent.store import write_latents
from acadiff.latent.survey import survey
from acadiff.modality import Modality
from acadiff.recipe import Recipe, save_recipe
from acadiff.training.loop import Objective, Run, Settings
from acadiff.volume.grid import Grid
from acadiff.volume.intensity import RobustScale, Scaling, Window

OnStep = Callable[[str], None]
_PANEL = 1
"""Subjects shown; a panel travels with the weights."""


def run(cohort: Path, work: Path, recipe: Recipe, fabric: Fabric, on_step: OnStep) -> None:
    """Split the cohort, train the codecs that are not there yet, write all latents.

    Args:
        cohort: root of a BIDS dataset on the recipe's grid.
        work: where `split.tsv`, `codecs/` and `latents/` go.
        recipe: the numbers.
        fabric: device and precision.
        on_step: told of each thing done.

    Raises:
        CohortError: too few subjects, or no training scan of a modality.
        CheckpointError: a codec of another recipe is in the way.
    """
    people = read_cohort(cohort)
    parts = divide(people, recipe)
    done = {m for m in Modality if _is_done(work / "codecs" / m.name, recipe)}
    ledger = write_split(work, people, parts)
    save_recipe(recipe, work / "recipe.toml")
    visits = {
        part: tuple(s.key for s in people.subjects if s.id in set(ids))
        for part, ids in parts.items()
    }
    for modality in Modality:
        folder = work / "codecs" / modality.name
        scans = _read(people, visits, modality, Grid(recipe.voxel), work)
        on_step(f"{modality.title}: {len(scans)} scans read")
        if modality not in done:
            _train(folder, modality, scans, visits, ledger, recipe, fabric, on_step)
        _encode(work, folder, modality, scans)
        on_step(f"{modality.title}: latents written")
        _survey(folder, scans, visits, on_step)


def _is_done(folder: Path, recipe: Recipe) -> bool:
    """Whether a codec of this very recipe is there.

    Raises:
        CheckpointError: one of another recipe is.
    """
    if not (folder / "codec.json").is_file():
        return False
    record = read_record(folder / "codec.json", "codec")
    wanted = json.loads(json.dumps(_origin(recipe)))
    if any(record.get(key, value) != value for key, value in wanted.items()):
        raise CheckpointError(
            f"{folder}: holds a codec of another recipe; use another work folder"
        )
    return True


def _origin(recipe: Recipe) -> dict[str, Any]:
    """What a codec's record says of the numbers it came from."""
    numbers = recipe.codec.model_dump()
    training = {"training": numbers.pop("training"), "kl": numbers.pop("kl")}
    return {
        "voxel": recipe.voxel,
        "arguments": {"shape": Grid(recipe.voxel).shape, **numbers},
        "recipe": training,
    }


def divide(people: Cohort, recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """Who is in each of `ledger.PARTS`."""
    sizes = recipe.split.model_dump(include=set(PARTS))
    return split(people, head_counts(sizes, len(people.ids)), recipe.split.seed)


def _read(
    people: Cohort,
    visits: Mapping[str, Sequence[str]],
    modality: Modality,
    grid: Grid,
    work: Path,
) -> dict[str, ModelScan]:
    """The scans of one modality of every visit that is trained on or validated with, by key.

    The images lie in a file mapped into memory, so that a cohort at 1 mm (20 MB a scan) need not
    fit; the file has no name any more, so that nothing is left of it, however the process ends.
    """
    wanted = {*visits["train"], *visits["validation"]}
    chosen = [s for s in people.subjects if s.key in wanted and modality in s.scans]
    if not chosen:
        return {}
    with tempfile.TemporaryFile(dir=work) as file:
        images = np.memmap(file, np.float32, "w+", shape=(len(chosen), 1, *grid.shape))
    scans = {}
    for subject, mapped in zip(chosen, images, strict=True):
        scan = read_model_scan(subject.scans[modality], modality, grid)
        mapped[:] = scan.image.numpy()
        scans[subject.key] = replace(scan, image=torch.from_numpy(mapped))
    return scans


def _train(
    folder: Path,
    modality: Modality,
    scans: Mapping[str, ModelScan],
    visits: Mapping[str, Sequence[str]],
    ledger: Ledger,
    recipe: Recipe,
    fabric: Fabric,
    on_step: OnStep,
) -> None:
    training = [scans[s].image for s in visits["train"] if s in scans]
    if not training:
        raise CohortError(f"no training subject has a {modality.title}; a codec needs some")
    origin = _origin(recipe)
    torch.manual_seed(recipe.codec.training.seed)
    codec = Codec(**origin["arguments"])
    codec.fit_linear(training)
    fabric.to_device(codec)
    fit_codec(codec, training, recipe, fabric, folder, on_step)
    codec.load_state_dict({k: v.float() for k, v in half(codec.state_dict()).items()})
    codec.cpu().eval()
    spread = torch.cat([codec.moments(image[None])[0].flatten() for image in training[:64]]).std()
    codec.scale.copy_(spread.half().float())
    record = {
        **origin,
        "modality": modality.name,
        "scaling": typical_scaling(modality, [s.scaling for s in scans.values()]).to_json(),
        "trained_on": ledger.hashed("train"),
        "validated_on": ledger.hashed("validation"),
    }
    _evaluate(folder, codec, [scans[s].image for s in visits["validation"] if s in scans])
    save_codec(folder, codec, record)


def fit_codec(
    codec: Codec,
    training: Sequence[Tensor],
    recipe: Recipe,
    fabric: Fabric,
    folder: Path,
    on_step: OnStep,
) -> None:
    """Train a codec from its linear start; ends with the averaged weights."""
    numbers = recipe.codec.training
    settings = Settings(**numbers.model_dump(exclude={"batch", "seed"}))

    def batch(step: int) -> tuple[Tensor, Tensor]:
        random = generator(numbers.seed, "codec", step)
        rows = torch.randint(len(training), (numbers.batch,), generator=random).tolist()
        noise = torch.randn(len(rows), *codec.latent_shape, generator=random)
        images = torch.stack([training[row] for row in rows])
        return fabric.to_device(images), fabric.to_device(noise)

    objective: Objective[tuple[Tensor, Tensor]] = Objective(
        {k: p for k, p in codec.named_parameters() if p.requires_grad},
        lambda xs: codec.losses(*xs),
        {"reconstruction": 1.0, "kl": recipe.codec.kl},
    )
    belongs = {
        "recipe": recipe.codec.model_dump(mode="json"),
        "precision": recipe.precision,
        "scans": hashlib.sha256(codec.template.cpu().numpy().tobytes()).hexdigest(),
    }
    steps = Run(
        codec, {"codec": objective}, settings, fabric=fabric, folder=folder, belongs=belongs
    )
    for step in steps.steps(batch):
        if (step.index + 1) % settings.every == 0:
            on_step(f"{folder.name}: step {step.index + 1} of {settings.steps}")
    steps.ema.copy_to(codec)


def typical_scaling(modality: Modality, scalings: Sequence[Scaling]) -> Scaling:
    """How imputed scans of a modality are put into a unit: SUVR, or the average MRI's range."""
    if modality.is_pet:
        return Window()
    return RobustScale(
        float(np.mean([s.low for s in scalings])), float(np.mean([s.high for s in scalings]))
    )


@torch.no_grad()
def _evaluate(folder: Path, codec: Codec, images: Sequence[Tensor]) -> None:
    """Measure and show the reconstruction on the validation subjects, before any diffusion."""
    if not images:
        return
    scores, baseline, pairs = [], [], []
    for image in images:
        acquired = _unit(image)
        again = _unit(codec.decode(codec.encode(image[None]))[0])
        judged = judge(acquired, acquired > 0)
        scores.append(judged(again))
        baseline.append(judged(_unit(codec.template))["psnr"])
        pairs.append((acquired, again))
    summary = {key: float(np.mean([s[key] for s in scores])) for key in ("psnr", "ssim", "mae")}
    summary |= {"subjects": len(images), "baseline_mean_psnr": float(np.mean(baseline))}
    write_json(folder / "codec_eval.json", summary)
    acquired, again = (np.stack(side[:_PANEL]) for side in zip(*pairs, strict=True))

    def write(path: Path) -> None:
        np.savez_compressed(path, acquired=acquired, reconstructed=again)

    atomic_write(folder / "panel.npz", write)


def _unit(image: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """[-1, 1] → [0, 1], `(i j k)`."""
    return np.clip((image[0].float().numpy() + 1) / 2, 0, 1).astype(np.float32)


@torch.no_grad()
def _encode(work: Path, folder: Path, modality: Modality, scans: Mapping[str, ModelScan]) -> None:
    """Write the raw latents, by the codec as it will be loaded."""
    found = load_codec(folder)
    latents = {key: found.codec.moments(s.image[None])[0][0] for key, s in scans.items()}
    write_latents(work / "latents", modality, latents, found.identity)


def _survey(
    folder: Path,
    scans: Mapping[str, ModelScan],
    visits: Mapping[str, Sequence[str]],
    on_step: OnStep,
) -> None:
    """Tell what scans usually look like, unless that was done."""
    found = load_codec(folder)
    if found.typical is None:
        seen, fresh = (
            [scans[key].image for key in visits[part] if key in scans]
            for part in ("train", "validation")
        )
        survey(folder, found, seen, fresh, on_step)
