import pytest
import torch

from acadiff.nets.frame import BACKGROUND, Frame, shifted


@pytest.mark.parametrize("shape", [(40, 48, 40), (20, 24, 20), (5, 7, 9), (8, 8, 8)])
@pytest.mark.parametrize("divisor", [1, 4, 16])
def test_what_is_put_into_a_frame_is_cut_out_of_it_bit_by_bit(shape, divisor):
    frame = Frame(shape, divisor)
    images = torch.randn(2, 3, *shape)
    framed = frame.put(images)
    assert framed.shape == (2, 3, *frame.grid)
    assert all(0 <= g - s < divisor and g % divisor == 0 for g, s in zip(frame.grid, shape))  # noqa: B905
    assert torch.equal(frame.cut(framed), images)
    assert (framed == BACKGROUND).sum() == framed.numel() - images.numel()


def test_what_is_told_is_the_same_everywhere():
    frame, told = Frame((3, 3, 3), 4), torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    framed = frame.put(torch.zeros(2, 1, 3, 3, 3), told)
    assert framed.shape == (2, 3, 4, 4, 4)
    assert torch.equal(framed[:, 1:], told[:, :, None, None, None].expand(-1, -1, 4, 4, 4))


def test_channels_of_a_row_move_together_and_rows_by_themselves():
    point = torch.full((20, 2, 5, 5, 5), BACKGROUND)
    point[:, :, 2, 2, 2] = 1
    moved = shifted(point, 2, torch.Generator().manual_seed(0))
    assert torch.equal(moved[:, 0], moved[:, 1])
    assert (moved == 1).sum() == 40
    places = {tuple((row[0] == 1).nonzero()[0].tolist()) for row in moved}
    assert len(places) > 10
    assert {value for place in places for value in place} == {0, 1, 2, 3, 4}


def test_moved_by_nothing_it_is_the_same():
    images = torch.randn(2, 1, 3, 4, 5)
    assert torch.equal(shifted(images, 0, torch.Generator()), images)
