import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from acadiff.diffusion.noise import generator
from acadiff.latent.batch import source_patterns, stack_batch
from acadiff.latent.start import _PENALTIES, Shown, Start, ridge
from acadiff.modality import Modality

MRI, FDG, AV45 = Modality
SHAPE = (2, 4, 4, 4)
WORDS = 3


def random(*shape, seed=0):
    return torch.randn(*shape, generator=generator("start", seed))


def images(values):
    """Smooth images whose first channel is one number everywhere."""
    field = random(len(values), *SHAPE, seed=len(values)) * 0.05
    field[:, 0] += values[:, None, None, None]
    return field


def people(count, seed=0, pattern=None):
    """A level that MRI tells half of, FDG nothing, and the prompt's first number the rest."""
    level, seen = random(count, seed=seed), random(count, seed=seed + 1)
    truth, mri, fdg = images(level), images(level - seen), random(count, *SHAPE, seed=seed + 2)
    text = torch.stack([seen, random(count, seed=seed + 3), torch.full((count,), 5.0)], dim=1)
    keys = [f"P{seed}-{n}" for n in range(count)]
    for sources in [pattern] if pattern else source_patterns(AV45):
        has = [{m: i for m, i in ((MRI, a), (FDG, b)) if m in sources} for a, b in
               zip(mri, fdg, strict=True)]  # fmt: skip
        yield Shown(stack_batch(keys, has, AV45, [sources] * count), text, truth)


def silent(shown):
    return (s._replace(pooled=torch.zeros_like(s.pooled)) for s in shown)


def fitted(count=80):
    start = Start(AV45, shape=SHAPE, width=WORDS, components=6, pool=2)
    start.fit(people(count), silent(people(count)))
    return start


def explained(start, shown):
    made = start(shown.batch, shown.pooled)
    assert made.shape == shown.truth.shape
    level, said = shown.truth[:, 0].mean((1, 2, 3)), made[:, 0].mean((1, 2, 3))
    return float(1 - (level - said).square().mean() / level.var(unbiased=False))


def test_leaving_one_out_is_what_refitting_without_each_would_predict():
    features, wanted = random(20, 5, seed=1).double(), random(20, 2, seed=2).double()
    wanted = wanted + 2 * features[:, :2]
    answer = ridge(features, wanted)
    errors = {}
    for penalty in _PENALTIES.tolist():
        model = Ridge(penalty)
        predicted = np.empty((20, 2))
        for n in range(20):
            others = [m for m in range(20) if m != n]
            centred = features[others] - features[others].mean(0)
            model.fit(centred.numpy(), wanted[others].numpy())
            predicted[n] = model.predict((features[n : n + 1] - features[others].mean(0)).numpy())
        errors[penalty] = ((predicted - wanted.numpy()) ** 2).mean(0), predicted
    for column in range(2):
        best = min(errors, key=lambda p: errors[p][0][column])
        # The penalty of the whole and that of all but one differ by one person's share.
        np.testing.assert_allclose(
            answer.crossed[:, column].numpy(), errors[best][1][:, column], atol=0.05
        )


def test_the_prompt_adds_what_the_scans_do_not_tell():
    start = fitted()
    both = next(people(60, seed=50, pattern=(MRI, FDG)))
    told = explained(start, both)
    untold = explained(start, next(silent([both])))
    assert told > 0.9
    assert 0.3 < untold < 0.7


def test_each_pattern_has_its_own_answer_and_no_source_no_sway():
    start = fitted()
    (one,) = people(60, seed=50, pattern=(FDG,))
    untold = next(silent([one]))
    assert abs(explained(start, untold)) < 0.15
    (mri,) = people(60, seed=50, pattern=(MRI,))
    assert explained(start, mri) > 0.9


@pytest.mark.parametrize("junk", [9.0, float("nan"), float("inf")])
def test_what_an_absent_slot_holds_changes_no_bit(junk):
    start = fitted()
    (shown,) = people(5, seed=50, pattern=(MRI,))
    there = shown.batch.available[..., None, None, None, None]
    other = type(shown.batch)(
        shown.batch.subjects,
        torch.where(there, shown.batch.images, junk),
        shown.batch.available,
        AV45,
    )
    assert torch.equal(start(other, shown.pooled), start(shown.batch, shown.pooled))


def test_in_training_everybody_is_predicted_by_the_others():
    """Noise alone cannot be predicted; a start that had seen the answers would seem to."""
    count = 30
    start = Start(AV45, shape=SHAPE, width=WORDS, components=20, pool=1)

    def noise(keys):
        batch = stack_batch(
            keys, [{MRI: random(*SHAPE, seed=n)} for n in range(count)], AV45, [(MRI,)] * count
        )
        truth = torch.stack([random(*SHAPE, seed=99 + n) for n in range(count)])
        return Shown(batch, random(count, WORDS, seed=7), truth)

    shown = noise([f"P{n}" for n in range(count)])
    start.fit([shown], silent([shown]))
    variance = (shown.truth - shown.truth.mean(0)).square().mean()
    error = (start(shown.batch, shown.pooled) - shown.truth).square().mean()
    assert error > 0.95 * variance
    strangers = noise([f"Q{n}" for n in range(count)])  # the same scans under other names
    assert not torch.equal(
        start(strangers.batch, strangers.pooled), start(shown.batch, shown.pooled)
    )


def test_half_precision_around_it_changes_no_bit():
    start = fitted()
    (shown,) = people(9, seed=50, pattern=(MRI, FDG))
    with torch.autocast("cpu", torch.bfloat16):
        inside = start(shown.batch, shown.pooled)
    assert torch.equal(inside, start(shown.batch, shown.pooled))


def test_it_is_saved_without_anybody_in_it():
    start = fitted()
    again = Start(AV45, shape=SHAPE, width=WORDS, components=6, pool=2)
    again.load_state_dict(start.state_dict())
    (shown,) = people(9, seed=50, pattern=(MRI, FDG))
    assert torch.equal(again(shown.batch, shown.pooled), start(shown.batch, shown.pooled))
    assert not any("P0" in name for name in start.state_dict())


def test_too_few_people_are_answered_with_their_mean():
    start = Start(AV45, shape=SHAPE, width=WORDS, components=6, pool=2)
    start.fit(people(5), silent(people(5)))
    (shown,) = people(3, seed=50, pattern=(MRI,))
    made = start(shown.batch, shown.pooled)
    assert torch.allclose(made[0], made[1])
    assert made.isfinite().all()
