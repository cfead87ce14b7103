from dataclasses import replace

import numpy as np
import pytest

from acadiff.errors import CohortError, UsageError
from acadiff.latent.kept import write_kept
from acadiff.modality import Modality
from acadiff.recipe.diagnosis import DenseNet, Diagnosis
from acadiff.stages.classify import Case, Task, classify
from acadiff.volume.grid import Grid

TINY = DenseNet(features=8, growth=4, blocks=(1, 1), rate=3e-3, epochs=12, patience=4, shift=1)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """People whose FDG is darker where they are ill, each in two draws."""
    root, random = tmp_path_factory.mktemp("kept"), np.random.default_rng(0)
    cases = []
    for n in range(48):
        label, pieces = n % 2, {}
        for m in Modality:
            level = -0.6 * label if m is Modality.FDG else 0.0
            volumes = random.normal(level, 0.3, (2, *Grid(8).shape)).clip(-1, 1)
            path = root / f"sub-{n}_{m.name}.safetensors"
            write_kept(path, volumes, m, 8, {})
            pieces[m] = (path, 0)
        cases.append(Case(f"sub-{n}_ses-1", label, pieces))
    parts = tuple(cases[:24]), tuple(cases[24:32]), tuple(cases[32:])
    return Task("regional", *parts, 2, 0, Diagnosis(densenet=TINY), "cpu", "32-true")


@pytest.mark.parametrize("kind", ["regional", "densenet"])
def test_both_classifiers_learn_what_the_scans_show(task, kind):
    task = replace(task, kind=kind)
    told = classify(task)
    assert {name: len(p) for name, p in told.items()} == {"validation": 8, "test": 16}
    np.testing.assert_allclose(told["test"].sum(1), 1, atol=1e-6)
    right = told["test"].argmax(1) == [case.label for case in task.test]
    assert right.mean() > 0.9
    again = classify(task)
    assert (told["test"] == again["test"]).all()


def test_another_seed_is_another_network(task):
    told = [classify(replace(task, kind="densenet", seed=seed))["test"] for seed in (0, 1)]
    assert (told[0] != told[1]).any()


def test_the_draw_that_is_asked_for_is_the_one_that_is_read(task):
    def drawn(case, draw):
        return replace(case, pieces={m: (path, draw) for m, (path, _) in case.pieces.items()})

    other = replace(task, fit=tuple(drawn(case, 1) for case in task.fit))
    assert (classify(task)["test"] != classify(other)["test"]).any()
    back = replace(task, fit=tuple(drawn(case, 2) for case in task.fit))
    assert (classify(task)["test"] == classify(back)["test"]).all()


def test_nobody_teaches_and_judges(task):
    visit = replace(task.fit[0], key="sub-0_ses-2")
    for part in ("test", "validation"):
        with pytest.raises(CohortError, match="sub-0: stands on both sides") as raised:
            replace(task, **{part: (*getattr(task, part), visit)})
        assert raised.value.code == "E_BOTH_SIDES"


def test_what_tells_nothing_is_refused(task):
    with pytest.raises(UsageError, match="no classifier 'forest'; there are regional, densenet"):
        replace(task, kind="forest")
    with pytest.raises(CohortError, match="class 1 has 0 people"):
        replace(task, fit=tuple(case for case in task.fit if case.label == 0))
