import torch
from torch import nn

from acadiff.nets.layout import channels_last


def test_weights_keep_their_values_and_volumes_come_out_channels_last():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv3d(2, 4, 3, padding=1), nn.SiLU(), nn.Conv3d(4, 3, 3))
    plain = {name: value.clone() for name, value in module.state_dict().items()}
    volume = torch.randn(2, 2, 5, 6, 7)
    before = module(volume)
    channels_last(module)
    after = module(volume)
    assert all(torch.equal(value, plain[name]) for name, value in module.state_dict().items())
    assert after.is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(after, before)


def test_other_weights_stay_as_they_lie():
    module = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Linear(3, 5))
    strides = [weight.stride() for weight in module.parameters()]
    channels_last(module)
    assert [weight.stride() for weight in module.parameters()] == strides
