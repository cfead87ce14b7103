"""What nobody can beat: made of the very people, and refused where nobody knows it."""

import json

import numpy as np
import pandas as pd
import pytest
from brook import cpu

from acadiff.benchmark.generation.bench import Bench, Request
from acadiff.benchmark.generation.ceiling import FILE, above, ceiling
from acadiff.errors import CohortError
from acadiff.phantom.claim import SETTINGS


def bench(root, out, told=None):
    said = [] if told is None else told
    return Bench(root / "cohort", root / "work", out, Request(), cpu(), said.append)


def test_noise_is_less_to_be_ignorant_of_than_everything_of_ones_own(brook_of_all, tmp_path):
    found = ceiling(bench(brook_of_all, tmp_path))
    wide = found[found.metric == "psnr"].pivot(
        index=["target", "subject"], columns="limit", values="value"
    )
    assert len(wide) == 9
    assert np.isfinite(wide).all(axis=None)
    assert (wide["no scanner noise"] > wide["anatomy and disease"]).all()


def test_it_is_simulated_once_and_read_afterwards(brook_of_all, tmp_path):
    told = []
    first = ceiling(bench(brook_of_all, tmp_path, told))
    assert len(told) == 3
    before = (tmp_path / FILE).read_bytes()
    again = ceiling(bench(brook_of_all, tmp_path, told))
    assert len(told) == 3
    assert (tmp_path / FILE).read_bytes() == before
    assert again["value"].to_numpy() == pytest.approx(first["value"].to_numpy(), rel=1e-5)


@pytest.mark.parametrize("change", ["gone", "other"])
def test_it_is_refused_of_people_of_another_simulator_or_of_none(change, place, tmp_path):
    path = place / "cohort" / SETTINGS
    if change == "gone":
        path.unlink()
    else:
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"parameters": {}}))
    with pytest.raises(CohortError) as caught:
        ceiling(bench(place, tmp_path / "out"))
    assert caught.value.code == "E_NO_CEILING"


def test_the_distance_is_that_of_the_best_task():
    table = pd.DataFrame(
        [("a", "MRI-FDG", "mean", "psnr", 20.0), ("a", "MRI+AV45-FDG", "mean", "psnr", 23.0),
         ("a", "two sources", "mean", "psnr", 50.0), ("a", "MRI-FDG", "draw", "psnr", 40.0)],
        columns=["method", "task", "image", "metric", "value"],
    )  # fmt: skip
    limits = pd.DataFrame(
        [("FDG", "1", "noise", "psnr", 29.0), ("FDG", "2", "noise", "psnr", 31.0),
         ("FDG", "1", "noise", "ssim", 99.0)],
        columns=["target", "subject", "limit", "metric", "value"],
    )  # fmt: skip
    found = above(table, limits)
    assert found.to_dict("records") == [
        {"method": "a", "target": "FDG", "limit": "noise", "value": 7.0}
    ]
