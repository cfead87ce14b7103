import pytest
import torch

from acadiff.nets.stacks import Stacks

LAYOUTS = pytest.mark.parametrize(
    ("depth", "size", "stride"),
    [(40, 8, 4), (8, 4, 3), (7, 3, 1), (5, 5, 2), (4, 9, 1), (9, 4, 9)],
)


@LAYOUTS
def test_every_slice_is_in_a_stack_and_no_stack_leaves_the_volume(depth, size, stride):
    stacks = Stacks(depth=depth, size=size, stride=stride)
    covered = {start + place for start in stacks.starts for place in range(stacks.size)}
    assert covered == set(range(depth))
    assert stacks.starts == sorted(set(stacks.starts))


@LAYOUTS
def test_what_is_cut_out_blends_to_the_volume_it_came_from(depth, size, stride):
    stacks = Stacks(depth=depth, size=size, stride=stride)
    volume = torch.randn(2, 3, 4, 5, depth)
    torch.testing.assert_close(stacks.blend(stacks.all(volume)), volume)


def test_constant_stacks_blend_to_a_constant_volume():
    stacks = Stacks(depth=8, size=4, stride=3)
    same = torch.full((1, len(stacks.starts), 1, 4, 2, 2), 0.3)
    torch.testing.assert_close(stacks.blend(same), torch.full((1, 1, 2, 2, 8), 0.3))


def test_a_slice_counts_for_more_the_nearer_it_lies_to_the_middle_of_its_stack():
    stacks = Stacks(depth=6, size=4, stride=2)
    assert stacks.starts == [0, 2]
    values = torch.tensor([0.0, 1.0])[None, :, None, None, None, None].expand(1, 2, 1, 4, 1, 1)
    blended = stacks.blend(values).flatten()
    torch.testing.assert_close(blended, torch.tensor([0, 0, 1 / 3, 2 / 3, 1, 1]))


def test_in_training_a_stack_may_lie_anywhere_and_is_cut_from_its_own_row():
    stacks = Stacks(depth=6, size=4, stride=4)
    starts = stacks.anywhere(200, torch.Generator().manual_seed(0))
    assert set(starts) == {0, 1, 2}
    volume = (
        torch.arange(6.0).expand(2, 1, 3, 3, 6) + 10 * torch.arange(2)[:, None, None, None, None]
    )
    cut = stacks.some(volume, [1, 2])
    assert cut[:, 0, :, 0, 0].tolist() == [[1, 2, 3, 4], [12, 13, 14, 15]]
