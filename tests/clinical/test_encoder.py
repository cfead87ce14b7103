import torch

from acadiff.clinical import Text


def test_stack_then_rows_gives_the_rows_back():
    rows = [torch.randn(n, 5) for n in (3, 1, 7)]
    text = Text.stack(rows, 5)
    assert text.tokens.shape == (3, 7, 5)
    assert text.mask.sum(dim=1).tolist() == [3, 1, 7]
    assert all(torch.equal(a, b) for a, b in zip(text.rows(), rows, strict=True))


def test_padding_is_at_the_end_and_zero():
    text = Text.stack([torch.ones(2, 4), torch.ones(5, 4)], 4)
    assert text.mask[0].tolist() == [True, True, False, False, False]
    assert not text.tokens[~text.mask].any()


def test_no_prompts_are_an_empty_text():
    text = Text.stack([], 384)
    assert text.tokens.shape == (0, 0, 384)
    assert text.rows() == []
