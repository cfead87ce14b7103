import pytest
import torch
from torch import nn

from acadiff.nets.fusion import FUSIONS, AdaptiveFusion

ROWS = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1]]).bool()


@pytest.fixture
def fusion():
    """A fusion whose zero-initialised exchange has been woken, as training does."""
    torch.manual_seed(0)
    made = AdaptiveFusion(modalities=3, channels=4, width=8, tokens=(2, 3, 2), heads=2)
    for parameter in made.attention.out.parameters():
        nn.init.normal_(parameter)
    return made


@pytest.fixture
def images():
    return torch.randn(len(ROWS), 3, 4, 4, 6, 4, generator=torch.Generator().manual_seed(1))


def test_one_map_per_row_on_the_grid_of_the_sources(fusion, images):
    assert fusion(images, ROWS).shape == (len(ROWS), 8, 4, 6, 4)


@pytest.mark.parametrize("junk", [0.0, 1e9, float("nan"), float("inf")])
def test_what_an_unavailable_slot_holds_changes_no_bit(fusion, images, junk):
    slots = ROWS[..., None, None, None, None]
    other = torch.where(slots, images, torch.full_like(images, junk))
    assert torch.equal(fusion(other, ROWS), fusion(images, ROWS))


def test_nor_does_it_reach_a_gradient(fusion, images):
    slots = ROWS[..., None, None, None, None]
    fusion(torch.where(slots, images, torch.nan), ROWS).square().sum().backward()
    assert all(p.grad.isfinite().all() for p in fusion.parameters())


def test_a_mixed_batch_equals_its_rows_one_by_one(fusion, images):
    together = fusion(images, ROWS)
    for row, alone in enumerate(together):
        one = fusion(images[row : row + 1], ROWS[row : row + 1])[0]
        torch.testing.assert_close(one, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("order", [[1, 0, 2], [2, 1, 0], [1, 2, 0]])
def test_sources_may_change_places_if_their_embeddings_do(fusion, images, order):
    expected = fusion(images, ROWS)
    fusion.embed = nn.ModuleList(fusion.embed[m] for m in order)
    moved = fusion(images[:, order], ROWS[:, order])
    torch.testing.assert_close(moved, expected, atol=1e-5, rtol=1e-5)


def test_a_modality_is_told_from_another(fusion, images):
    same = images[:, :1].expand_as(images)
    first, second = torch.eye(3).bool()[:2]
    one = fusion(same[:1], first[None])
    assert not torch.allclose(one, fusion(same[:1], second[None]), atol=1e-2)


@pytest.mark.parametrize("slot", [0, 1])
def test_it_matters_where_a_source_has_what(fusion, images, slot):
    both = ROWS[:1]
    moved = images[:1].clone()
    moved[:, slot] = moved[:, slot].flatten(2).flip(-1).reshape(moved[:, slot].shape)
    assert not torch.allclose(fusion(moved, both), fusion(images[:1], both), atol=1e-2)


def test_the_sources_learn_from_each_other(fusion, images):
    """The fused map of two is not the average of the maps of each."""
    both, each = fusion(images[:1], ROWS[:1]), torch.eye(3).bool()
    apart = (fusion(images[:1], each[:1]) + fusion(images[:1], each[1:2])) / 2
    assert not torch.allclose(both, apart, atol=1e-2)
    nn.init.zeros_(fusion.attention.out.weight)
    nn.init.zeros_(fusion.attention.out.bias)
    torch.testing.assert_close(fusion(images[:1], ROWS[:1]), apart, atol=1e-5, rtol=1e-5)


def test_a_single_source_is_projected_and_asks_nobody(fusion, images):
    alone = fusion(images[1:2], ROWS[1:2])
    for parameter in fusion.attention.parameters():
        nn.init.normal_(parameter)
    assert torch.equal(fusion(images[1:2], ROWS[1:2]), alone)


def test_what_is_asked_matters(fusion, images):
    """Were each source pooled to one token, no query could change anything."""
    before = fusion(images[:1], ROWS[:1])
    nn.init.normal_(fusion.attention.query.weight)
    assert not torch.allclose(fusion(images[:1], ROWS[:1]), before, atol=1e-3)


def test_the_exchange_of_a_source_depends_on_its_own_content(fusion, images):
    """Only the asker changes (its answerer is the other source): its answer must change too."""
    seen = []
    fusion.attention.register_forward_hook(lambda _, given, answer: seen.append((given, answer)))
    other = images[:1].clone()
    other[:, 0] += torch.randn_like(other[:, 0])
    for version in (images[:1], other):
        fusion(version, ROWS[:1])
    ((_, context, mask), answer), ((_, context_then, _), answer_then) = seen
    assert torch.equal(context[0, mask[0]], context_then[0, mask[0]])
    assert not torch.allclose(answer[0], answer_then[0], atol=1e-3)


def test_the_level_of_a_source_is_not_normalised_away(fusion, images):
    """A PET is in SUVR: twice the uptake must look different."""
    row = ROWS[1:2]
    assert not torch.allclose(fusion(2 * images[1:2], row), fusion(images[1:2], row), atol=1e-2)


def test_every_parameter_gets_a_finite_gradient(fusion, images):
    fusion(images, ROWS).square().sum().backward()
    silent = [n for n, p in fusion.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent
    assert all(p.grad.isfinite().all() for p in fusion.parameters())


@pytest.fixture
def concat():
    """Sources as channels."""
    torch.manual_seed(0)
    return FUSIONS["concat"](modalities=3, channels=4, width=8, tokens=(2, 3, 2), heads=2)


def test_side_by_side_no_slot_is_read_that_is_not_there(concat, images):
    slots = ROWS[..., None, None, None, None]
    other = torch.where(slots, images, torch.full_like(images, torch.nan))
    assert concat(images, ROWS).shape == (len(ROWS), 8, 4, 6, 4)
    assert torch.equal(concat(other, ROWS), concat(images, ROWS))


def test_side_by_side_an_absent_source_is_not_an_empty_one(concat, images):
    empty = torch.zeros_like(images[:1])
    both, one = torch.tensor([[1, 1, 0]]).bool(), torch.tensor([[1, 0, 0]]).bool()
    assert not torch.allclose(concat(empty, both), concat(empty, one))


def test_side_by_side_every_parameter_gets_a_finite_gradient(concat, images):
    concat(images, ROWS).square().sum().backward()
    assert all(p.grad.isfinite().all() and p.grad.any() for p in concat.parameters())
