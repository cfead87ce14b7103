"""One person's scan under every method beside the acquired one, from the files of the jobs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from acadiff.benchmark.generation.bench import Bench
from acadiff.benchmark.generation.charts import side_by_side
from acadiff.benchmark.generation.plan import Job, Task
from acadiff.outputs.cases import Case, find_cases, read_brain, read_image
from acadiff.outputs.figures import planes
from acadiff.volume.image import Volume, read_scan
from acadiff.volume.intensity import from_json, robust_scale

_BRIGHT = 99.5


def pictures(jobs: Sequence[Job], bench: Bench) -> dict[str, str]:
    """Task → SVG, of the first test person, for each target's task with the most sources."""
    found = {}
    for task in dict.fromkeys(max(j.tasks, key=lambda t: len(t.sources)) for j in jobs):
        who = bench.people_of(task)[0]
        cases = {
            job.entry.name: case
            for job in jobs
            if task in job.tasks and (case := _case(job, task, who, bench)) is not None
        }
        if cases:
            found[task.name] = _picture(cases, task, who, bench)
    return found


def _case(job: Job, task: Task, who: str, bench: Bench) -> Case | None:
    """The imputation of one person; None where it was taken away."""
    root = bench.folder(job) / "imputed" / task.pattern
    if not (root / f"sub-{who}").is_dir():
        return None
    cases = find_cases([root], bench.cohort)
    return next((case for case in cases if case.subject.id == who), None)


def _picture(cases: dict[str, Case], task: Task, who: str, bench: Bench) -> str:
    first = next(iter(cases.values()))
    truth = read_scan(first.truth, task.target)
    acquired = _acquired(first, truth)
    images: dict[str, Any] = {"acquired": (_plane(acquired, truth), None)}
    for name, case in cases.items():
        made = _unit(case, read_image(case.record, "synth", truth))
        images[name] = (_plane(made, truth), _plane(made - acquired, truth))
    simulated = bench.cohort.simulated
    words = ("SIMULATED", "SIMULATED, SYNTHETIC") if simulated else ("", "SYNTHETIC")
    title = f"sub-{who}: {task.target.title} from {task.pattern.replace('+', ' and ')}"
    unit = task.target.unit if task.target.is_pet else "share of the range"
    return side_by_side(images, title, (unit, float(np.percentile(acquired, _BRIGHT))), words)


def _acquired(case: Case, truth: Volume) -> Any:
    """The truth in the unit that imputed scans are shown in: MRIs on their robust scale."""
    mask = read_brain(case, truth)
    if truth.modality.is_pet or mask is None:
        return truth.data[0]
    return robust_scale(truth.data, mask).to_unit(truth.data[0])


def _unit(case: Case, made: Any) -> Any:
    if case.record.name.modality.is_pet:
        return made
    return from_json(case.record.sidecar.get("IntensityTransform") or {}).to_unit(made)


def _plane(data: Any, like: Volume) -> Any:
    """The axial plane, as large as its voxels."""
    voxel = float(np.abs(np.diag(like.affine)[:3]).mean())
    return planes(np.asarray(data), like.affine, pixel_mm=voxel)[0]
