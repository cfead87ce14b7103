import pytest
import torch
from torch import nn

from acadiff.nets.denoiser import Denoiser

GRID = (4, 8, 4)
SIZES = {
    "channels": 3,
    "width_fused": 5,
    "widths": (8, 16),
    "blocks": (1, 1),
    "grid": GRID,
    "width_text_in": 6,
    "width_text": 8,
    "groups": 4,
    "heads": 2,
    "dropout": 0.0,
}


def make(**changes):
    """A denoiser with its zero-initialised layers woken, as training does."""
    torch.manual_seed(0)
    net = Denoiser(**SIZES | changes)
    for parameter in net.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return net


@pytest.fixture(scope="module")
def net():
    return make()


@pytest.fixture
def given():
    """Inputs of three rows, by the names of `forward`."""
    random = torch.Generator().manual_seed(1)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]).bool()
    return {
        "z_t": torch.randn(3, 3, *GRID, generator=random),
        "t": torch.tensor([0.0, 0.4, 1.0]),
        "fused": torch.randn(3, 5, *GRID, generator=random),
        "text": torch.randn(3, 4, 6, generator=random),
        "mask": mask,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"widths": (8,), "blocks": (2,)},
        {"widths": (8, 8, 16), "blocks": (0, 1, 2)},
        {"widths": (8, 16), "blocks": (2, 1)},
        {"modulation": "shift"},
    ],
    ids=str,
)
def test_the_answer_has_the_shape_of_the_question(given, changes):
    answer = make(**changes)(**given)
    assert answer.shape == given["z_t"].shape
    assert answer.isfinite().all()


def test_it_starts_by_saying_nothing(given):
    torch.manual_seed(0)
    assert not Denoiser(**SIZES)(**given).any()


@pytest.mark.parametrize("what", ["z_t", "fused", "text"])
def test_it_listens_to_every_input(net, given, what):
    other = given | {what: given[what] + torch.randn_like(given[what])}
    gap = (net(**other) - net(**given)).abs().amax(dim=(1, 2, 3, 4))
    deaf = gap < 1e-4
    assert deaf.tolist() == ([False, False, True] if what == "text" else [False] * 3)


def test_it_listens_to_time(net, given):
    gap = net(**given | {"t": torch.tensor([0.1, 0.5, 0.9])}) - net(**given)
    assert (gap.abs().amax(dim=(1, 2, 3, 4)) > 1e-4).all()


def test_masked_prompt_tokens_change_no_bit(net, given):
    real = given["mask"][..., None]
    other = torch.where(real, given["text"], 1e3 * torch.randn_like(given["text"]))
    assert torch.equal(net(**given | {"text": other}), net(**given))


def test_how_far_prompts_are_padded_makes_no_difference(net, given):
    longer = {
        "text": torch.cat([given["text"], torch.zeros(3, 5, 6)], dim=1),
        "mask": torch.cat([given["mask"], torch.zeros(3, 5, dtype=torch.bool)], dim=1),
    }
    torch.testing.assert_close(net(**given | longer), net(**given), atol=1e-5, rtol=1e-5)


def test_a_row_without_a_prompt_works_even_if_nothing_was_tokenised(net, given):
    nobody = {"text": torch.zeros(3, 0, 6), "mask": torch.zeros(3, 0, dtype=torch.bool)}
    silent = net(**given | nobody)
    assert silent.isfinite().all()
    torch.testing.assert_close(silent[2], net(**given)[2], atol=1e-5, rtol=1e-5)


def test_a_batch_equals_its_rows_one_by_one(net, given):
    together = net(**given)
    for row in range(3):
        one = net(**{key: value[row : row + 1] for key, value in given.items()})
        torch.testing.assert_close(one, together[row : row + 1], atol=1e-5, rtol=1e-5)


def test_every_parameter_gets_a_finite_gradient(given):
    net = make()
    (net(**given) * torch.randn(3, 3, *GRID)).sum().backward()
    silent = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent
    assert all(p.grad.isfinite().all() for p in net.parameters())


def test_time_modulates_every_block(given):
    """FiLM is in every residual block of encoder, middle and decoder."""
    net, times = make(), []
    blocks = [m for m in net.modules() if hasattr(m, "film")]
    assert len(blocks) > 4
    for block in blocks:
        block.film.register_forward_pre_hook(lambda _, given: times.append(given[0]))
    net(**given)
    assert len(times) == len(blocks)
    assert all(torch.equal(time, times[0]) for time in times)


def test_the_prompt_is_heard_in_the_decoder_alone(given):
    """The encoder's features do not depend on it [paper §2 (2)]."""
    net, features = make(), []
    for stack in net.encoder:
        for level in stack:
            level.register_forward_hook(lambda *seen: features.append(seen[2]))
    net(**given)
    net(**given | {"text": given["text"] + 1})
    half = len(features) // 2
    assert half
    assert all(torch.equal(a, b) for a, b in zip(features[:half], features[half:], strict=True))


def test_it_knows_where_in_the_head_it_is(given):
    """The position map breaks the symmetry that convolutions have."""
    net = make()
    flat = given | {k: torch.ones_like(given[k]) for k in ("z_t", "fused")}
    answer = net(**flat)[:, :, 1:-1, 2:-2, 1:-1]
    assert answer.std(dim=(2, 3, 4)).min() > 1e-4
