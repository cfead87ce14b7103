"""What can be reached at best on the phantom, and what costs nothing.

Scores images that no method can beat, or that every method must beat, against the simulated scans:
SUVR / 2.5 on [0, 1], in the brain and in the whole box. SIMULATED: nothing here is about patients.

    python benchmarks/ceilings.py --subjects 30
"""

import argparse
from collections import defaultdict
from dataclasses import replace

import numpy as np

from acadiff.cohort.table import Diagnosis
from acadiff.evaluation.metrics import judge
from acadiff.modality import Modality
from acadiff.phantom import Chance, Simulation, render, scans_of, scene_of

WINDOW = 2.5
PET = [m for m in Modality if m.is_pet]
COLUMNS = ("psnr", "psnr_box", "ssim", "ssim_box", "mae")


def scaled(volume):
    """SUVR → [0, 1]."""
    return np.clip(volume.data[0] / WINDOW, 0, 1)


def mean_causes(people, diagnosis=None):
    """A and F of the average person, or of the average person of a diagnosis."""
    chosen = [p.causes for p in people if diagnosis in (None, p.causes.diagnosis)]
    return {name: float(np.mean([getattr(c, name) for c in chosen])) for name in ("A", "F")}


def mean_images(people, voxel):
    """The average scan of other people."""
    total = dict.fromkeys(PET, np.float32(0))
    for person in people:
        scans = render(person, voxel)
        total = {m: total[m] + scaled(scans[m]) / len(people) for m in PET}
    return total


def candidates(scene, voxel, average, by_diagnosis):
    """Name → the scans that an oracle would give."""
    causes = scene.person.causes
    told = {
        "anatomy + mean disease": average,
        "anatomy + diagnosis-mean disease": by_diagnosis[causes.diagnosis],
        "anatomy + true disease": {},
    }
    for name, known in told.items():
        person = replace(scene.person, causes=replace(causes, **known))
        yield name, scans_of(replace(scene, person=person, chance=Chance.AVERAGE), voxel)
    yield "noise-free truth", scans_of(replace(scene, chance=Chance.NOISE_FREE), voxel)


def table(subjects, others, voxel, seed):
    """{(modality, row): {column: mean over subjects}}."""
    people = Simulation(1028, voxel, seed).people
    average = mean_causes(people)
    by_diagnosis = {d: mean_causes(people, d) for d in Diagnosis}
    population = mean_images(people[subjects : subjects + others], voxel)
    rows = defaultdict(list)
    for person in people[:subjects]:
        scene = scene_of(person, voxel)
        acquired = scans_of(scene, voxel)
        mask = acquired[Modality.MRI].data[0] > 0
        score = {m: judge(scaled(acquired[m]), mask) for m in PET}
        for m in PET:
            rows[m, "population mean image"].append(score[m](population[m]))
        for name, scans in candidates(scene, voxel, average, by_diagnosis):
            for m in PET:
                rows[m, name].append(score[m](scaled(scans[m])))
    return {k: {c: np.mean([s[c] for s in scores]) for c in COLUMNS} for k, scores in rows.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=30)
    parser.add_argument("--others", type=int, default=60, help="people in the mean image")
    parser.add_argument("--voxel", type=int, default=2)
    parser.add_argument("--seed", type=int, default=2024)
    wanted = parser.parse_args()
    results = table(wanted.subjects, wanted.others, wanted.voxel, wanted.seed)
    print("| SIMULATED | PSNR brain | PSNR box | SSIM brain | SSIM box | MAE SUVR |")
    print("|---|---|---|---|---|---|")
    for (modality, name), row in sorted(results.items(), key=lambda item: item[0][0].index):
        numbers = [f"{row['psnr']:.1f}", f"{row['psnr_box']:.1f}"]
        numbers += [f"{row['ssim']:.2f}", f"{row['ssim_box']:.2f}", f"{row['mae'] * WINDOW:.3f}"]
        print(f"| {modality.title}: {name} | {' | '.join(numbers)} |")


if __name__ == "__main__":
    main()
