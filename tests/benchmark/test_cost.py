"""What is counted: every sample that goes through a network, however that is called."""

import torch
from torch import nn

from acadiff.benchmark.generation.cost import evaluations


class Wrapped(nn.Module):
    """Is asked by a method of its own, as PASTA's arms are, and never called."""

    def __init__(self):
        super().__init__()
        self.network = nn.Linear(4, 4)

    def read(self, x):
        return self.network(x)


class Both(nn.Module):
    """A network that is called, one that is asked, and a small map that is neither."""

    def __init__(self):
        super().__init__()
        self.called = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
        self.asked = Wrapped()
        self.map = nn.Linear(1, 1)


def test_a_network_counts_whether_it_is_called_or_asked():
    both = Both()
    with evaluations(both) as rows:
        both.called(torch.zeros(3, 4))
        both.asked.read(torch.zeros(7, 4))
        both.map(torch.zeros(5, 1))
    assert rows == {"called": 3, "asked": 7}
    with evaluations(both) as rows:
        pass
    both.called(torch.zeros(3, 4))
    assert rows == {}
