"""Cohort and model → the scans that are missing, as BIDS derivatives. Resumable scan by scan."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acadiff.bids import Name
from acadiff.clinical.prompt import Detail
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import kept_for_classifiers, ledger_key, person_hash
from acadiff.cohort.table import Cohort, Subject
from acadiff.commit import lock, sha256, sweep, write_json
from acadiff.errors import AcadiffError, CohortError, MissingInputError, OutputError, UsageError
from acadiff.imputer import Imputer
from acadiff.imputer.doubt import refuse_doubtful
from acadiff.modality import Modality
from acadiff.outputs.derivative import Imputation, is_done, start_dataset, write_derivative
from acadiff.outputs.doubts import records_of, tally
from acadiff.registration.back import to_scan
from acadiff.volume.space import MODEL

OnStep = Callable[[str], None]
T1W = "T1w"
SPACES = ("model", T1W)
COMPLETE = "E_COMPLETE"
"""The code of the refusal where nobody lacks a scan."""

_DECIDING = (
    "ModelSHA256",
    "SourceSHA256",
    "PromptSHA256",
    "RandomSeed",
    "AvailableModalities",
    "NumSamples",
    "ClinicalDetail",
    "Guidance",
    "OutputSpace",
)
"""Of a record: what the voxels depend on. A scan made from all the same is done."""


@dataclass(frozen=True)
class Request:
    """What to impute and how.

    Args:
        draws: Monte Carlo draws.
        seed: of the draws.
        sources: use only these scans and impute all others, even those that exist (for measuring);
            None uses what there is and imputes what is missing.
        subjects: only these ids; None is everyone.
        targets: only these modalities.
        keep_draws: write the single draws too.
        space: `model` for the grid of the sources, `T1w` for where the visit's T1w file lies, as
            `prepare` recorded it.
        detail: how much of a record the prompts tell. None tells everything, as the paper does,
            but nothing of those whom the split keeps for classifiers: their diagnosis is to be
            predicted, so no scan made for them may know it.
        guidance: how strongly the prompts guide; 1 is the paper's.
        strict: refuse what is not to be trusted, instead of saying so in its record.

    Raises:
        UsageError: there is no such space, draws are to be kept elsewhere than on the grid, or
            the guidance is below 0 or no number.
    """

    draws: int = 10
    seed: int = 0
    sources: tuple[Modality, ...] | None = None
    subjects: tuple[str, ...] | None = None
    targets: tuple[Modality, ...] = tuple(Modality)
    keep_draws: bool = False
    space: str = "model"
    detail: Detail | None = None
    guidance: float = 1.0
    strict: bool = False

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        if self.space not in SPACES:
            raise UsageError(f"the space is {self.space!r}; there are {', '.join(SPACES)}")
        if self.keep_draws and self.space != "model":
            raise UsageError(
                "single draws are kept on the model's grid only; leave one of the two"
            )
        if not (math.isfinite(self.guidance) and self.guidance >= 0):
            raise UsageError(f"the guidance is {self.guidance:g}; it is 0 or more, 1 the paper's")


@dataclass(frozen=True)
class Job:
    """One scan to make: the subject with the scans that may be used, and the target."""

    subject: Subject
    target: Modality

    @property
    def name(self) -> Name:
        """Name of the imputed scan; the derivative adds its space, resolution and desc."""
        return Name(self.subject.id, self.target, self.subject.session)

    @property
    def label(self) -> str:
        """Who and what, as people are told."""
        return f"{self.subject.key} {self.target.title}"


def jobs(cohort: Cohort, request: Request) -> list[Job]:
    """Every scan to make, subject by subject.

    Raises:
        CohortError: nobody lacks a scan, or a subject has no scan at all.
        UsageError: `sources` is empty.
    """
    if request.sources is not None and not request.sources:
        raise UsageError("no source is named; name at least one modality to impute from")
    people = cohort.named(request.subjects) if request.subjects is not None else cohort
    found: list[Job] = []
    for subject in people.subjects:
        if request.sources is not None:
            subject = subject.without(*(m for m in Modality if m not in request.sources))
        targets = [t for t in request.targets if t not in subject.scans]
        if targets and not subject.scans:
            wanted = "scan" if request.sources is None else "such scan"
            raise CohortError(f"{subject.key} has no {wanted} at all; leave the subject out")
        found.extend(Job(subject, target) for target in targets)
    if not found:
        raise CohortError(
            f"{cohort.root}: no scan is missing, so there is nothing to impute", code=COMPLETE
        )
    return found


def untold(cohort: Cohort, folder: Path, request: Request) -> tuple[str, ...]:
    """Ids of those of whom, by default, prompts tell nothing: whose diagnosis is to be predicted.

    Args:
        cohort: who is imputed.
        folder: the model's; its split, if it has one, knows who is kept for classifiers.
        request: what to impute; nobody, where it says what prompts tell.
    """
    if request.detail is not None:
        return ()
    kept = kept_for_classifiers(folder)
    asked = cohort.ids if request.subjects is None else request.subjects
    return tuple(person for person in asked if person in kept)


def require(imputer: Imputer, request: Request) -> None:
    """Refuse to have prompts tell more than the model was ever told.

    Raises:
        UsageError: they are to.
    """
    for target in request.targets if request.detail is not None else ():
        imputer.require(Detail(request.detail), target)


def run(
    cohort: Path, imputer: Imputer, out: Path, request: Request, on_step: OnStep
) -> dict[str, str]:
    """Impute every missing scan into the derivative dataset `out`; what is done is skipped.

    Args:
        cohort: root of the BIDS dataset.
        imputer: the model.
        out: root of the derivative dataset.
        request: what and how.
        on_step: told of each scan.

    Returns:
        The scans that failed, and why; the others are done. `run.json` in `out` says the same,
        and how many of all are to be doubted.

    Raises:
        CohortError: there is nothing to impute.
        OutputError: `out` cannot be written or belongs to something else.
        UsageError: prompts are to tell more than the model was trained with.
        EncoderError: a remote text encoder may not or cannot be asked.
    """
    people = read_cohort(cohort)
    wanted = jobs(people, request)
    require(imputer, request)
    start_dataset(out, cohort)
    sweep(out)
    book = Book(ledger_key(imputer.folder, people), kept_for_classifiers(imputer.folder))
    imputer.tell((job.subject, job.target, _detail(job, request, book)) for job in wanted)
    failed: dict[str, str] = {}
    skipped = 0
    for job in wanted:
        with lock(out / f".{job.name.stem}"):
            try:
                skipped += impute_one(job, imputer, out, request, people.root, book)
            except OutputError:
                raise
            except AcadiffError as error:
                failed[job.label] = str(error)
        on_step(job.label)
    done = [job for job in wanted if job.label not in failed]
    counts = {"requested": len(wanted), "skipped": skipped, "failed": failed, "done": len(done)}
    write_json(
        out / "run.json", {**counts, "trust": tally(records_of(out, [job.name for job in done]))}
    )
    return failed


@dataclass(frozen=True)
class Book:
    """What is known of people: the key of their hashes, and who is kept for classifiers."""

    key: bytes | None
    kept: frozenset[str]


def impute_one(
    job: Job, imputer: Imputer, out: Path, request: Request, root: Path, book: Book
) -> bool:
    """Impute one scan; returns whether it had been done before."""
    how: dict[str, Any] = {"detail": _detail(job, request, book), "guidance": request.guidance}
    sources = tuple(m for m in job.target.others if m in job.subject.scans)
    paths = {m: job.subject.scans[m] for m in sources}
    record = {
        **imputer.provenance(job.subject, job.target, request.draws, request.seed, **how),
        "DrawsKept": request.keep_draws,
        "Sources": [f"bids:raw:{p.relative_to(root).as_posix()}" for p in paths.values()],
        "SourceSHA256": {m.name: sha256(p) for m, p in paths.items()},
        "SubjectPart": part_of(job, imputer, book),
        "OutputSpace": request.space,
    }
    expected = {key: record[key] for key in _DECIDING}
    if request.keep_draws:
        expected["DrawsKept"] = True
    if is_done(out, job.name, expected):
        return True
    sweep((out / job.name.path()).parent)
    imputation = imputer.impute(job.subject, job.target, request.draws, request.seed, **how)
    if request.strict:
        refuse_doubtful(imputation.trust)
    if not request.keep_draws:
        imputation = replace(imputation, kept=None)
    if request.space == T1W:
        imputation, place = in_native(imputation, job)
        write_derivative(out, job.name, imputation, {**record, **place}, space=T1W)
    else:
        write_derivative(out, job.name, imputation, record)
    return False


def in_native(imputation: Imputation, job: Job) -> tuple[Imputation, dict[str, Any]]:
    """Mean and SD where the visit's T1w file lies, and what the record must say of that place.

    Raises:
        MissingInputError: the dataset has no prepared T1w of this visit, or its transform is gone.
        CohortError: its sidecar does not tell where the T1w lay.
    """
    mri = job.subject.scans.get(Modality.MRI)
    if mri is None:
        raise MissingInputError(
            f"{job.subject.key}: has no T1w, so there is no native space to return to",
            code="E_NO_MRI",
            value=job.subject.key,
            hint="ask for the model's space",
        )
    sidecar = mri.with_name(mri.name.removesuffix(".nii.gz") + ".json")
    told = json.loads(sidecar.read_bytes()) if sidecar.is_file() else {}
    way = mri.with_name(f"{job.subject.key}_from-{MODEL}_to-{T1W}_mode-image_xfm")
    try:
        mean, sd = (to_scan(volume, told, way) for volume in (imputation.mean, imputation.sd))
    except AcadiffError as error:
        raise error.at(sidecar) from error
    where = {"SpatialReference": next(iter(told.get("Sources", [mri.name])))}
    return replace(imputation, mean=mean, sd=sd, kept=None), where


def _detail(job: Job, request: Request, book: Book) -> Detail:
    if request.detail is not None:
        return request.detail
    return Detail.NONE if job.subject.id in book.kept else Detail.FULL


def part_of(job: Job, imputer: Imputer, book: Book) -> str | None:
    """Whether the model has seen this person: train, validation, classifier, unseen.

    None if nobody can tell. A generator is as good as trained on somebody whom one of its codecs
    was trained on. Of the unseen, some are kept for classifiers.
    """
    if book.key is None:
        return "classifier" if job.subject.id in book.kept else None
    person = person_hash(book.key, job.subject.id)
    record = imputer.generators[job.target].record
    if person in record["trained_on"] or any(
        person in codec.trained_on for codec in imputer.codecs.values()
    ):
        return "train"
    if person in record.get("validated_on", ()):
        return "validation"
    return "classifier" if job.subject.id in book.kept else "unseen"
