import pytest
import torch

from acadiff.errors import CohortError
from acadiff.latent.batch import Batch, drop_sources, pattern_of, source_patterns, stack_batch
from acadiff.modality import Modality

MRI, FDG, AV45 = Modality


def make(available, target=FDG, subjects=None):
    available = torch.tensor(available).bool()
    names = subjects or tuple(f"S{row}" for row in range(len(available)))
    return Batch(names, torch.randn(*available.shape, 2, 2, 2, 2), available, target)


def test_a_target_among_the_sources_is_refused():
    with pytest.raises(CohortError, match="FDG-PET is both the target and a source"):
        make([[1, 0, 1], [1, 1, 0]])


def test_somebody_without_a_source_is_named():
    with pytest.raises(CohortError, match="sub-S1: no scan to make FDG-PET from"):
        make([[1, 0, 1], [0, 0, 0]])


def test_as_many_rows_as_subjects():
    with pytest.raises(CohortError, match="a batch of 1 subjects"):
        make([[1, 0, 1], [1, 0, 0]], subjects=("A",))


def test_to_hide_is_to_make_a_new_batch_without_some_sources():
    batch = make([[1, 0, 1], [1, 0, 1]])
    hidden = torch.tensor([[1, 0, 0], [0, 0, 0]]).bool()
    less = batch.hide(hidden)
    assert less.available.tolist() == [[False, False, True], [True, False, True]]
    assert batch.available[0, 0]
    assert less.images is batch.images
    with pytest.raises(CohortError, match="sub-S0: no scan"):
        less.hide(torch.tensor([[0, 0, 1], [0, 0, 0]]).bool())


def test_nobody_gets_a_source_by_hiding():
    batch = make([[1, 0, 0]])
    assert torch.equal(batch.hide(torch.zeros(1, 3).bool()).available, batch.available)


@pytest.mark.parametrize("target", Modality)
def test_three_patterns_lead_to_a_target(target):
    both, first, second = source_patterns(target)
    assert both == target.others
    assert (*first, *second) == target.others


def test_the_pattern_of_a_row_is_in_the_order_of_the_modalities():
    assert pattern_of(torch.tensor([1, 0, 1]).bool()) == (MRI, AV45)
    assert pattern_of(torch.tensor([0, 1, 0]).bool()) == (FDG,)


@pytest.mark.parametrize("target", Modality)
def test_dropout_keeps_both_or_one_as_often_as_it_should(target):
    hidden = drop_sources(target, 20_000, 0.5, torch.Generator().manual_seed(0))
    assert not hidden[:, target.index].any()
    first, second = (hidden[:, m.index] for m in target.others)
    assert not (first & second).any()
    for share, expected in ((~first & ~second, 0.5), (first, 0.25), (second, 0.25)):
        assert float(share.float().mean()) == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize(("both", "kept"), [(1.0, 2.0), (0.0, 1.0)])
def test_dropout_has_its_ends(both, kept):
    hidden = drop_sources(MRI, 500, both, torch.Generator().manual_seed(0))
    assert float((~hidden[:, 1:]).sum(dim=1).float().mean()) == kept


def test_a_stacked_batch_holds_the_named_sources_and_zeros():
    scans = [{m: torch.full((2, 1, 1, 1), 1.0 + m.index) for m in Modality} for _ in range(2)]
    batch = stack_batch(["A", "B"], scans, FDG, [(MRI, AV45), (AV45,)])
    assert batch.available.tolist() == [[True, False, True], [False, False, True]]
    assert batch.images[:, :, 0, 0, 0, 0].tolist() == [[1, 0, 3], [0, 0, 3]]
    assert (batch.subjects, batch.target) == (("A", "B"), FDG)
