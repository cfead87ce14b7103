"""Which jobs there are, whose weights they use, and what is refused before anything is done."""

import pytest

from acadiff.benchmark.generation.plan import (
    TASKS,
    Entry,
    chosen_jobs,
    jobs_of,
    methods_of,
    tasks_of,
    variant_of,
)
from acadiff.errors import UsageError
from acadiff.generators import GENERATORS
from acadiff.recipe import PHANTOM_4MM, load_recipe


def entry(name="acadiff", *changes, draws=10):
    return Entry(name, load_recipe("phantom-4mm", changes), draws, PHANTOM_4MM)


def refusal(ask, *given, **named):
    with pytest.raises(UsageError) as caught:
        ask(*given, **named)
    return caught.value.code, str(caught.value)


def test_nine_tasks_of_which_three_have_two_sources():
    assert len({task.name for task in TASKS}) == 9
    assert [task.name for task in TASKS if len(task.sources) == 2] == [
        "FDG+AV45-MRI",
        "MRI+AV45-FDG",
        "MRI+FDG-AV45",
    ]


def test_all_is_the_registry_and_names_keep_its_order():
    assert methods_of("all") == tuple(GENERATORS)
    assert methods_of(" mean, acadiff,mean") == ("acadiff", "mean")


@pytest.mark.parametrize("text", ["acadif", "all,acadif", "", ","])
def test_a_method_that_there_is_not_is_named_with_those_that_there_are(text):
    code, sentence = refusal(methods_of, text)
    assert code == "E_NO_METHOD"
    assert "known are all, acadiff, " in sentence


def test_a_job_for_each_method_and_target():
    jobs = jobs_of([entry(), entry("mean")], TASKS, named=False)
    assert [job.name for job in jobs][:4] == [
        "acadiff-MRI",
        "acadiff-FDG",
        "acadiff-AV45",
        "mean-MRI",
    ]
    assert all(len(job.tasks) == 3 for job in jobs)
    assert chosen_jobs(jobs, ["mean-FDG"]) == (jobs[4],)
    assert chosen_jobs(jobs, []) == jobs


def test_one_task_is_one_job():
    jobs = jobs_of([entry()], tasks_of(["MRI-FDG"]), named=True)
    assert [(job.name, len(job.tasks)) for job in jobs] == [("acadiff-FDG", 1)]


def test_unknown_tasks_and_jobs_are_refused():
    assert refusal(tasks_of, ["FDG-FDG"])[0] == "E_NO_TASK"
    assert (
        refusal(chosen_jobs, jobs_of([entry()], TASKS, named=False), ["mean-FDG"])[0] == "E_NO_JOB"
    )


def test_sources_that_training_never_showed_are_left_out_and_refused_by_name():
    always = entry("acadiff@together", "conditioning.both=1")
    jobs = jobs_of([always], TASKS, named=False)
    assert [task.name for job in jobs for task in job.tasks] == [
        task.name for task in TASKS if len(task.sources) == 2
    ]
    code, sentence = refusal(jobs_of, [entry(), always], tasks_of(["MRI-FDG"]), named=True)
    assert code == "E_UNTRAINED_PATTERN"
    assert "MRI-FDG: acadiff@together is never trained with these sources" in sentence
    never = entry("acadiff@alone", "conditioning.both=0")
    assert not [
        t for job in jobs_of([never], TASKS, named=False) for t in job.tasks if len(t.sources) > 1
    ]


def test_a_variant_is_read():
    found = variant_of("wide=denoiser.widths=[8,16],draws=5,conditioning.detail=none")
    assert found.name == "acadiff@wide"
    assert found.changes == ("denoiser.widths=[8,16]", "conditioning.detail=none")
    assert found.draws == 5
    assert variant_of("ldm@plain=baselines.ldm.training.steps=3").name == "ldm@plain"


@pytest.mark.parametrize(
    "text",
    ["wide", "wide=", "=a.b=1", "a/b=a.b=1", "wide=draws=0", "wide=draws=many", "wide=x,y=1"],
)
def test_a_variant_that_cannot_be_read_is_refused(text):
    assert refusal(variant_of, text)[0] == "E_VARIANT"


def test_a_variant_of_no_method_or_there_twice_is_refused():
    assert refusal(variant_of, "magic@wide=a.b=1")[0] == "E_NO_METHOD"
    twice = [entry("acadiff@a"), entry("acadiff@a")]
    assert refusal(jobs_of, twice, TASKS, named=False)[0] == "E_VARIANT"


@pytest.mark.parametrize(
    ("changes", "weights", "sampled"),
    [
        ((), "acadiff", False),
        (("baselines.ldm.training.steps=3",), "acadiff", False),
        (("diffusion.steps=20",), "acadiff@v", True),
        (("diffusion.sampler=ddim", "diffusion.steps=50"), "acadiff@v", True),
        (("diffusion.prediction=epsilon",), "acadiff@v", False),
        (("diffusion.steps=20", "fusion.width=8"), "acadiff@v", False),
    ],
)
def test_whose_weights_a_variant_uses(changes, weights, sampled):
    found = entry("acadiff@v", *changes)
    assert (found.weights, found.only_sampled) == (weights, sampled)


@pytest.mark.parametrize(
    ("name", "change", "alike"),
    [
        ("acadiff@v", "diffusion.prediction=epsilon", True),
        ("acadiff@v", "diffusion.consistency=0", True),
        ("acadiff@v", "diffusion.steps=20", False),
        ("acadiff@v", "fusion.width=8", False),
        ("ldm@v", "diffusion.prediction=epsilon", False),
    ],
)
def test_a_variant_of_diffusion_alone_begins_as_the_method_does(name, change, alike):
    assert entry(name, change).begins_alike is alike


def test_one_whose_draws_do_not_differ_is_asked_once():
    assert (entry().asked, entry("mean").asked, entry("pix2pix").asked) == (10, 1, 10)
