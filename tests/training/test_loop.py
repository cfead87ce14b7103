import json
import subprocess
import sys

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from acadiff.diffusion.noise import generator
from acadiff.errors import AcadiffError, CheckpointError
from acadiff.training.loop import Objective, Run, Settings

SETTINGS = {
    "steps": 12,
    "rate": 0.05,
    "warmup": 3,
    "weight_decay": 0.1,
    "clip": 1.0,
    "ema": 0.9,
    "every": 4,
}


def batch(step):
    """Inputs and answers of one step."""
    x = torch.randn(8, 4, generator=generator("batch", step))
    return x, x.sum(dim=1, keepdim=True).sin()


def start(folder, module=None, objectives=None, belongs=None, **changes):
    """A run of a small network, or its resumption."""
    torch.manual_seed(0)
    net = module or nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    usual = {"fit": Objective(dict(net.named_parameters()), squared(net), {"error": 1.0})}
    return Run(
        net,
        objectives or usual,
        Settings(**SETTINGS | changes),
        fabric=Fabric(accelerator="cpu", devices=1, precision="32-true"),
        folder=folder,
        belongs=belongs or {"data": "a"},
    )


def squared(net):
    return lambda xs: {"error": (net(xs[0]) - xs[1]).square().mean()}


def state(run):
    """Every tensor that a run is made of."""
    found = dict(run.module.state_dict()) | {f"ema {k}": v for k, v in run.ema.state().items()}
    for name, objective in run.objectives.items():
        for key, parameter in objective.parameters.items():
            slots = run.optimisers[name].state[parameter]
            found |= {f"{name} {key} {slot}": value for slot, value in slots.items()}
    return {k: v.detach().clone() for k, v in found.items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_training_lowers_the_loss(tmp_path):
    steps = list(start(tmp_path, steps=80).steps(batch))
    assert steps[-1].losses["error"] < 0.5 * steps[0].losses["error"]


@pytest.mark.parametrize("stop", [1, 4, 6, 8, 11])
def test_to_resume_is_to_continue_bit_by_bit(tmp_path, stop):
    whole = start(tmp_path / "whole")
    list(whole.steps(batch))
    broken = start(tmp_path / "broken").steps(batch)
    for _ in range(stop):
        next(broken)
    broken.close()
    again = start(tmp_path / "broken")
    assert again.done == stop - stop % 4
    list(again.steps(batch))
    assert len(state(again)) == 4 * 5
    assert same(state(again), state(whole))
    logs = [(tmp_path / name / "steps.jsonl").read_bytes() for name in ("whole", "broken")]
    assert logs[0] == logs[1]


def test_only_the_steps_not_done_ask_for_a_batch(tmp_path):
    first = start(tmp_path).steps(batch)
    for _ in range(5):
        next(first)
    asked = []
    list(start(tmp_path).steps(lambda step: asked.append(step) or batch(step)))
    assert asked == list(range(4, 12))
    assert not list(start(tmp_path).steps(asked.append))


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
sys.path[:0] = {path!r}
import torch
torch.set_num_threads(1)
from test_loop import batch, start

def train(folder):
    child = os.fork()
    if child == 0:
        try:
            list(start(folder, steps=40, every=2).steps(batch))
        finally:
            os._exit(0)
    return child

def committed():
    '''What changes with every checkpoint.'''
    try:
        return (folder / "killed/checkpoint/LATEST.json").stat().st_ino
    except FileNotFoundError:
        return None

def train_and_kill(after, late):
    '''Kill once so many checkpoints were committed, and a little later.'''
    child, before = train(folder / "killed"), committed()
    while after and not os.waitpid(child, os.WNOHANG)[0]:
        time.sleep(0.0005)
        now = committed()
        after, before = after - (now != before), now
    if after:
        return False
    time.sleep(late)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])

folder, chance, kills = Path(sys.argv[1]), random.Random(int(sys.argv[2])), 0
os.waitpid(train(folder / "whole"), 0)
while train_and_kill(chance.randint(0, 4), chance.uniform(0, 0.01)):
    kills += 1
os.waitpid(train(folder / "killed"), 0)
print(kills)
"""


@pytest.mark.parametrize("seed", [0, 1])
def test_killed_at_any_moment_it_ends_in_the_same_weights(tmp_path, seed):
    script = KILLED.format(path=sys.path)
    command = [sys.executable, "-c", script, str(tmp_path), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert int(done.stdout) >= 3
    assert same(
        state(start(tmp_path / "killed", steps=40, every=2)),
        state(start(tmp_path / "whole", steps=40, every=2)),
    )
    files = {
        name: {
            path.name: path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
        for name in ("whole", "killed")
    }
    assert len(files["whole"]) == 3
    assert files["killed"] == files["whole"]


def spoiled(net, steps, how):
    """Objectives whose loss goes wrong at some steps."""
    count = iter(range(100))

    def losses(xs):
        error = squared(net)(xs)["error"]
        return {"error": how(error, net) if next(count) in steps else error}

    return {"fit": Objective(dict(net.named_parameters()), losses, {"error": 1.0})}


HOW = {
    "nan": lambda error, _: error * torch.nan,
    "infinite": lambda error, _: error * torch.inf,
    "gradient": lambda error, net: error + (0 * net[0].weight).square().sum().sqrt(),
}


@pytest.mark.parametrize("how", HOW)
def test_a_step_that_is_not_finite_is_not_applied(tmp_path, how):
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    run = start(tmp_path, net, spoiled(net, {2, 3}, HOW[how]))
    steps = run.steps(batch)
    next(steps)
    next(steps)
    before = {k: v for k, v in state(run).items() if not k.startswith("ema")}
    for _ in range(2):
        logged = next(steps).losses
        assert not all(torch.isfinite(torch.tensor(v)) for v in logged.values())
    assert same({k: v for k, v in state(run).items() if not k.startswith("ema")}, before)
    assert len(list(steps)) == 8
    assert all(v.isfinite().all() for v in state(run).values())


@pytest.mark.parametrize("how", HOW)
def test_three_such_steps_in_a_row_end_the_run_with_a_sentence(tmp_path, how):
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    run = start(tmp_path, net, spoiled(net, {1, 2, 5, 6, 7}, HOW[how]))
    with pytest.raises(AcadiffError, match=r"not finite for 3 steps up to 7.*learning rate"):
        list(run.steps(batch))
    assert start(tmp_path).done == 4


@pytest.mark.parametrize(
    "changes", [{"rate": 0.1}, {"steps": 20}, {"belongs": {"data": "b"}}], ids=str
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, changes):
    next(start(tmp_path, every=1).steps(batch))
    named = next(iter(changes)).replace("belongs", "data")
    with pytest.raises(CheckpointError, match=f"made with another {named}"):
        start(tmp_path, every=1, **changes)


def test_the_log_has_one_line_a_step(tmp_path):
    steps = list(start(tmp_path).steps(batch))
    lines = [json.loads(x) for x in (tmp_path / "steps.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(12))
    assert [line["losses"] for line in lines] == [step.losses for step in steps]
    assert [line["lr"] for line in lines] == [step.lr for step in steps]


def test_the_rate_warms_up_linearly_and_falls_to_nothing():
    rates = [Settings(**SETTINGS | {"steps": 100}).rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.05 / 3)
    assert max(rates) == rates[2] <= 0.05
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] < 1e-3 * 0.05


def test_a_rate_may_stay_and_then_fall_linearly():
    settings = Settings(**SETTINGS | {"steps": 100, "warmup": 0})
    rates = [settings.rate_at(step, 0.6) for step in range(100)]
    assert set(rates[:60]) == {0.05}
    falls = [a - b for a, b in zip(rates[60:], rates[61:], strict=False)]
    assert falls == pytest.approx([0.05 / 40] * 39)
    assert rates[-1] == pytest.approx(0.05 / 40)


def test_an_objective_may_choose_how_its_optimiser_averages_and_when_its_rate_falls(tmp_path):
    net = nn.Linear(4, 1)
    own = Objective(
        dict(net.named_parameters()),
        squared(net),
        {"error": 1.0},
        betas=(0.5, 0.999),
        constant=0.5,
    )
    run = start(tmp_path, net, {"fit": own}, warmup=0)
    groups = run.optimisers["fit"].param_groups
    assert {group["betas"] for group in groups} == {(0.5, 0.999)}
    assert [step.lr for step in run.steps(batch)][:7] == [0.05] * 7
    assert groups[0]["lr"] == pytest.approx(0.05 / 6)
    usual = start(tmp_path / "usual")
    assert {group["betas"] for group in usual.optimisers["fit"].param_groups} == {(0.9, 0.99)}


def test_weights_decay_in_matrices_and_kernels_alone(tmp_path):
    net = nn.Linear(4, 4)
    idle = {"fit": Objective(dict(net.named_parameters()), lambda _: {"zero": 0 * net.bias.sum()
            + 0 * net.weight.sum()}, {"zero": 1.0})}  # fmt: skip
    weight, bias = net.weight.detach().clone(), net.bias.detach().clone()
    list(start(tmp_path, net, idle).steps(batch))
    assert torch.equal(net.bias, bias)
    assert (net.weight.abs() < weight.abs()).all()


def test_gradients_are_clipped(tmp_path):
    net = nn.Linear(4, 1)
    steep = Objective(dict(net.named_parameters()), squared(net), {"error": 1e6})
    next(start(tmp_path, net, {"fit": steep}).steps(batch))
    norm = torch.stack([p.grad.norm() for p in net.parameters()]).norm()
    assert float(norm) == pytest.approx(1.0, rel=1e-4)


def test_losses_count_by_their_weights_and_others_are_only_logged(tmp_path):
    net = nn.Linear(4, 1)
    before = net.weight.detach().clone()

    def losses(xs):
        return squared(net)(xs) | {"watched": net.weight.sum()}

    quiet = Objective(dict(net.named_parameters()), losses, {"error": 0.0})
    step = next(start(tmp_path, net, {"fit": quiet}, weight_decay=0.0).steps(batch))
    assert set(step.losses) == {"error", "watched"}
    assert torch.equal(net.weight, before)


def test_each_objective_changes_its_own_parameters_alone(tmp_path):
    """As a generator and its critic: each one's loss reaches through the other."""

    def train(folder, names):
        torch.manual_seed(1)
        net = nn.ModuleDict({"maker": nn.Linear(4, 4), "critic": nn.Linear(4, 1)})
        made = {
            "maker": lambda xs: {"make": net["critic"](net["maker"](xs[0])).square().mean()},
            "critic": lambda xs: {"judge": (net["critic"](xs[0]) - xs[1]).square().mean()},
        }
        weights = {"maker": {"make": 1.0}, "critic": {"judge": 1.0}}
        objectives = {
            name: Objective(dict(net[name].named_parameters()), made[name], weights[name])
            for name in names
        }
        list(start(folder, net, objectives).steps(batch))
        return net

    both, critic = train(tmp_path / "2", ["maker", "critic"]), train(tmp_path / "1", ["critic"])
    assert same(both["critic"].state_dict(), critic["critic"].state_dict())
    assert not same(both["maker"].state_dict(), critic["maker"].state_dict())
