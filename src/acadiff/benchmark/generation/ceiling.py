"""What nobody can beat on simulated people: their scans, made again with less left to chance.

A method cannot know the scanner's noise, and what it cannot see of a person's own uptake it can
only average. Both limits are made of the people who are judged by, so that a method's distance
from them is its own doing.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from acadiff.benchmark.generation.bench import Bench
from acadiff.cohort.table import Subject
from acadiff.errors import CohortError
from acadiff.evaluation.metrics import METRICS, judge
from acadiff.evaluation.tables import read_table, write_table
from acadiff.latent.codec_folder import read_record
from acadiff.modality import Modality
from acadiff.phantom import Chance, Person, Simulation, render
from acadiff.phantom.claim import SETTINGS
from acadiff.phantom.claim import read_record as read_settings
from acadiff.volume.image import Volume, read_scan
from acadiff.volume.intensity import Scaling, from_json, robust_scale
from acadiff.volume.mask import brain_mask

FILE = "ceiling.tsv"
LIMITS = {"no scanner noise": Chance.NOISE_FREE, "anatomy and disease": Chance.AVERAGE}
KEYS = ("target", "subject", "limit", "metric")

Image = Float[np.ndarray, "i j k"]


def ceiling(bench: Bench) -> pd.DataFrame:
    """`KEYS` and value for every test person; what is there already is read.

    Raises:
        CohortError: the people are no simulated ones, or are those of another simulator.
    """
    path = bench.out / FILE
    if path.is_file():
        found = read_table(path, text=KEYS)
        if set(found["subject"]) == set(bench.people):
            return found
    simulated = _people(bench.root)
    rows = []
    for subject in bench.cohort.named(bench.people).subjects:
        rows += list(_limits(subject, simulated[subject.id], bench.work))
        bench.on_step(f"ceiling: {subject.key}")
    made = pd.DataFrame(rows, columns=[*KEYS, "value"])
    write_table(path, made)
    return made


def above(table: pd.DataFrame, limits: pd.DataFrame, metric: str = "psnr") -> pd.DataFrame:
    """How far each method's best task stays below each limit: method, target, limit, value.

    Args:
        table: of `league`.
        limits: of `ceiling`.
        metric: which.
    """
    best = limits[limits["metric"] == metric].groupby(["target", "limit"])["value"].mean()
    here = table[(table["metric"] == metric) & (table["image"] == "mean")]
    here = here[here["task"].str.contains("-", regex=False)]
    reached = here.assign(target=here["task"].str.rsplit("-", n=1).str[-1])
    top = reached.groupby(["method", "target"], sort=False)["value"].max()
    rows = [
        (method, target, limit, float(value) - float(top[method, target]))
        for method, target in top.index
        for limit, value in best[target].items()
    ]
    return pd.DataFrame(rows, columns=["method", "target", "limit", "value"])


def _people(root: Path) -> dict[str, Person]:
    """Everybody who was simulated, by id.

    Raises:
        CohortError: they were not, or by other numbers than ours.
    """
    told = read_settings(root / SETTINGS)
    if told:
        made = Simulation(told["subjects"], told["voxel"], told["seed"])
        if made.record()["parameters"] == told.get("parameters"):
            return {person.id: person for person in made.people}
    raise CohortError(
        f"{root}: its people were not simulated by this version, so nobody knows what can be "
        "reached",
        code="E_NO_CEILING",
        hint="leave --ceiling out",
    )


def _limits(subject: Subject, person: Person, work: Path) -> Iterator[tuple[object, ...]]:
    """Rows of one person, judged as imputed scans are."""
    truths = {m: read_scan(path, m) for m, path in subject.scans.items()}
    if Modality.MRI not in truths:
        return
    mask = brain_mask(truths[Modality.MRI])
    scans = {m: _on_unit(truth, mask, work) for m, truth in truths.items()}
    judges = {m: judge(image, mask) for m, image in scans.items()}
    voxel = round(float(truths[Modality.MRI].affine[0, 0]))
    for limit, chance in LIMITS.items():
        made = render(person, voxel, chance=chance)
        for modality, alike in judges.items():
            for metric, value in alike(_on_unit(made[modality], mask, work)).items():
                if metric in METRICS:
                    yield modality.name, subject.id, limit, metric, value


def _on_unit(scan: Volume, mask: Bool[np.ndarray, "i j k"], work: Path) -> Image:
    """A scan on [0, 1]: PET by the codec's window, MRI by its own robust scale."""
    scaling: Scaling = robust_scale(scan.data, mask)
    if scan.modality.is_pet:
        record = read_record(work / "codecs" / scan.modality.name / "codec.json", "codec")
        scaling = from_json(record["scaling"])
    return np.asarray(scaling.to_unit(scan.data[0]))
