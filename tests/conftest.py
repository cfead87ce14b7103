"""What holds for every test: shapes are checked, one thread, no network."""

import ipaddress
import os
import socket

import jaxtyping
import pytest

# An int is welcome where a float is asked for, as to mypy.
jaxtyping.install_import_hook(
    "acadiff", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Threads change the last bits of sums, and tests share the machine."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Refuse every connection that would leave the machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family != socket.AF_UNIX and not _is_loopback(address[0]):
            raise RuntimeError(f"a test tried to reach the network: {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def _is_loopback(host):
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where `CI` is set, a test may not be skipped for want of a program it runs."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[-1])
        tools = ("chromium", "strace", "bids-validator", "antspyx")
        if any(tool in reason.lower() for tool in tools):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: {reason}; where CI is set it must be installed"
    return report


@pytest.fixture(scope="session")
def river(tmp_path_factory):
    """Twelve phantoms at 8 mm, half of whom lost scans, and all models trained on them, briefly.

    A folder with `cohort` and `work`; a test that would change it works on a copy.
    """
    from brook import RECIPE, cpu

    from acadiff import phantom
    from acadiff.modality import Modality
    from acadiff.stages import compress, train

    root = tmp_path_factory.mktemp("river")
    cohort, work = root / "cohort", root / "work"
    phantom.cohort(cohort, subjects=12, voxel=8, seed=5, missing=0.5)
    compress.run(cohort, work, RECIPE, cpu(), print)
    for method in ("acadiff", "mean"):
        train.run(cohort, work, RECIPE, method, tuple(Modality), cpu(), print)
    return root
