"""Validation subjects, imputed as if their scans were missing → how far an imputed scan errs.

The draws say where a scan is uncertain, but not by how much: what they promise is held against
scans that were acquired, of people nobody trained on. Test subjects are never opened.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from acadiff.clinical import Detail
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import fingerprint, read_ledger
from acadiff.cohort.table import Subject
from acadiff.commit import write_json
from acadiff.errors import AcadiffError, CohortError
from acadiff.evaluation.intervals import fit_scale
from acadiff.evaluation.trust import Calibration, Trust, conditions, population, save_trust
from acadiff.generators.folder import folder_name
from acadiff.imputer import Imputer
from acadiff.imputer.record import reads
from acadiff.imputer.trial import MOST, Measured, Trial, measure
from acadiff.latent.batch import source_patterns
from acadiff.latent.codec_folder import CodecFolder
from acadiff.latent.scan import read_model_scan
from acadiff.latent.survey import survey
from acadiff.modality import Modality
from acadiff.training.checkpoint import load_tensors, save_tensors
from acadiff.volume.labels import labels, region_means, sampled
from acadiff.volume.regions import NAMES

OnStep = Callable[[str], None]
FOLDER = "trust"
"""Of the work folder; what was measured, so that an interrupted run goes on."""


@dataclass(frozen=True)
class Order:
    """What to calibrate.

    Args:
        targets: of which modalities.
        details: for prompts that tell how much.
        draws: Monte Carlo draws, as they will be asked for.
        seed: of the draws.
    """

    targets: tuple[Modality, ...] = tuple(Modality)
    details: tuple[Detail, ...] = (Detail.FULL, Detail.NONE)
    draws: int = 10
    seed: int = 0


def run(cohort: Path, work: Path, method: str, order: Order, on_step: OnStep) -> None:
    """Calibrate what a work folder holds, and write it beside its weights.

    What is measured goes to `trust/` in the work folder, one file for each target, sources and
    detail; what is there is not measured again.

    Args:
        cohort: root of the BIDS dataset it was trained on.
        work: the work folder.
        method: whose generators.
        order: what to calibrate.
        on_step: told of each thing done.

    Raises:
        CohortError: there is no validation subject, or none with the scans that are needed.
        CheckpointError: weights or earlier measurements are damaged.
    """
    people = read_cohort(cohort)
    parts = read_ledger(work, people).parts
    if not parts["validation"]:
        raise CohortError(f"{work}: its split has no validation subject; intervals need some")
    training, unseen = (people.named(parts[p]).subjects for p in ("train", "validation"))
    imputer = Imputer.load(work, method)
    for modality, codec in imputer.codecs.items():
        if codec.typical is None:
            folder = work / "codecs" / modality.name
            survey(folder, codec, _images(training, codec), _images(unseen, codec), on_step)
    for target in order.targets:
        if target not in imputer.generators:
            continue
        trials = trials_of(imputer, target, order)
        found = {t.name: _measured(work, method, imputer, unseen, t, on_step) for t in trials}
        folder = work / "generators" / folder_name(method, target)
        known = imputer.generators[target].trust
        kept = dict(known.trials) if known and known.draws == order.draws else {}
        trust = _fitted(imputer, target, training, found, kept, order.draws)
        save_trust(folder, trust, imputer.generators[target].identity)
        on_step(f"{method} {target.title}: calibrated")


def trials_of(imputer: Imputer, target: Modality, order: Order) -> list[Trial]:
    """Every set of sources with every detail that the generator was told in training."""
    found, ladder, most = imputer.generators[target], list(Detail), Detail.NONE
    if reads(found):
        most = Detail(found.record["recipe"]["conditioning"]["detail"])
    asked = [d for d in order.details if ladder.index(d) <= ladder.index(most)] or [Detail.NONE]
    return [
        Trial(target, sources, detail, order.draws, order.seed)
        for detail in asked
        for sources in source_patterns(target)
    ]


def _measured(
    work: Path,
    method: str,
    imputer: Imputer,
    subjects: Sequence[Subject],
    trial: Trial,
    on_step: OnStep,
) -> Measured:
    """Read what was measured before, or measure and write it."""
    folder = work / FOLDER / folder_name(method, trial.target)
    path, record = folder / f"{trial.name}.safetensors", folder / f"{trial.name}.json"
    belongs = {
        "generator": imputer.generators[trial.target].identity,
        "subjects": fingerprint(s.key for s in subjects),
        "draws": trial.draws,
        "seed": trial.seed,
    }
    title = f"{trial.target.title} from {trial.name}"
    if record.is_file():
        told = _read(record)
        if {key: told.get(key) for key in belongs} == belongs:
            on_step(f"{title}: measured before")
            return load_tensors(path, str(told.get("sha256")))
    measured = measure(imputer, subjects, trial)
    write_json(record, {**belongs, "sha256": save_tensors(path, measured)})
    on_step(f"{title}: measured on {len(measured['truth'])} people")
    return measured


def _read(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_bytes())
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _fitted(
    imputer: Imputer,
    target: Modality,
    training: Sequence[Subject],
    found: dict[str, Measured],
    kept: dict[str, Calibration],
    draws: int,
) -> Trust:
    codec = imputer.codecs[target]
    voxel = codec.grid.voxel
    regional = [
        region_means(codec.scaling.from_model(x[0].numpy()), voxel)
        for x in _images(training, codec)
    ]
    fitted = {name: fit(measured, voxel) for name, measured in found.items()}
    told = [{**vars(s.scores), "age": s.age} for s in training]
    return Trust(draws, {**kept, **fitted}, population(np.stack(regional)), conditions(told))


def fit(measured: Measured, voxel: int) -> Calibration:
    """Intervals from what was measured."""
    plain = {key: value.numpy() for key, value in measured.items()}
    places = labels(voxel).ravel()[sampled(voxel, MOST)]
    error = plain["truth"] - plain["mean"]
    regional = plain["region_truth"] - plain["region_mean"]
    return Calibration(
        len(error),
        fit_scale(error, plain["sd"], plain["inside"], places),
        fit_scale(
            regional, plain["region_sd"], np.isfinite(regional), np.arange(len(NAMES)), NAMES
        ),
    )


def _images(subjects: Sequence[Subject], codec: CodecFolder) -> Iterator[Tensor]:
    """One modality of everybody who has it."""
    for subject in subjects:
        if codec.modality in subject.scans:
            path = subject.scans[codec.modality]
            try:
                yield read_model_scan(path, codec.modality, codec.grid).image
            except AcadiffError as error:
                raise error.at(subject.key) from error
