"""The weights of a job: trained where they are not, refused where they are somebody else's."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from acadiff.benchmark.generation.bench import Bench
from acadiff.benchmark.generation.cost import Training
from acadiff.benchmark.generation.plan import Job
from acadiff.cohort.ledger import Ledger
from acadiff.commit import lock, write_bytes, write_json
from acadiff.errors import CheckpointError, MissingInputError
from acadiff.generators.folder import folder_name
from acadiff.latent.codec_folder import read_record
from acadiff.stages import train

RECORD = "generator.json"
_WEIGHTS = "generator.safetensors"


def ready(job: Job, bench: Bench) -> dict[str, Any]:
    """Have the weights of a job there, and return their record.

    Several processes may ask for the same: one trains, the others wait.

    Raises:
        MissingInputError: they are not there and nothing is to be trained.
        CheckpointError: they are half-trained, or of another recipe or split.
        CohortError: they have seen test people.
    """
    entry, folder = job.entry, _folder(job, bench)
    if entry.only_sampled or entry.begins_alike:
        ready(replace(job, entry=entry.plain), bench)
    with lock(folder):
        if entry.only_sampled and not (folder / RECORD).is_file():
            _derive(job, folder)
        if not bench.request.train:
            _require_whole(folder)
        fitted = Training(folder, bench.on_step)
        train.run(
            bench.root,
            bench.work,
            entry.recipe if entry.weights == entry.name else entry.base,
            entry.weights,
            (job.target,),
            bench.fabric,
            bench.on_step if (folder / RECORD).is_file() else fitted,
            entry.method if entry.begins_alike else None,
        )
    record = read_record(folder / RECORD, "generator")
    require_split(folder, record, bench.ledger)
    return record


def are_there(job: Job, bench: Bench) -> bool:
    """Whether there is anything of a job's weights, be they half-trained."""
    return _folder(job, bench).is_dir()


def _folder(job: Job, bench: Bench) -> Path:
    return bench.work / "generators" / folder_name(job.entry.weights, job.target)


def _require_whole(folder: Path) -> None:
    """Refuse weights that are not there, or not to the end."""
    if (folder / RECORD).is_file():
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise CheckpointError(
            f"{folder}: is half-trained",
            code="E_HALF_TRAINED",
            value=folder.name,
            hint="leave --no-train out to train it to its end",
        )
    raise MissingInputError(
        f"{folder}: there are no weights",
        code="E_NO_WEIGHTS",
        value=folder.name,
        hint="leave --no-train out to train them",
    )


def require_split(folder: Path, record: dict[str, Any], ledger: Ledger) -> None:
    """Refuse weights that were trained on others than the split's training people.

    Raises:
        CohortError: they have seen test people.
        CheckpointError: they were trained on fewer or on others.
    """
    ledger.refuse_crossing(folder, record["trained_on"])
    if sorted(record["trained_on"]) != ledger.hashed("train"):
        raise CheckpointError(
            f"{folder}: was trained on {len(record['trained_on'])} people of another split than "
            f"the {len(ledger.parts['train'])} of {ledger_name(folder)}",
            code="E_OTHER_SPLIT",
            value=folder.name,
            hint="use the work folder it was trained in, or train it again",
        )


def ledger_name(folder: Path) -> Path:
    """The table of the split that belongs to a folder of weights."""
    return folder.parent.parent / "split.tsv"


def _derive(job: Job, folder: Path) -> None:
    """Weights of the method itself, to be sampled as the variant has it."""
    entry = job.entry
    own = folder.with_name(folder_name(entry.method, job.target))
    record, diffusion = read_record(own / RECORD, "generator"), entry.diffusion
    write_bytes(folder / _WEIGHTS, (own / _WEIGHTS).read_bytes())
    write_json(
        folder / RECORD,
        record
        | {
            "arguments": record["arguments"] | {"diffusion": diffusion},
            "diffusion": diffusion,
            "recipe": entry.recipe.record(),
        },
    )
