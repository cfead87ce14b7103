"""Nothing leaves the machine unless a person named a remote encoder: no connection, no name asked.

Processes run with an audit hook that ends them at the first step towards the network, and where
strace is installed the kernel is watched as well, as no hook of Python sees what other code does.
"""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from acadiff.modality import Modality
from acadiff.pretrained import find
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume, write_scan

GUARD = '''
"""Ends the process at the first step towards the network."""

import os
import socket
import sys

LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
CALLS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
INTERNET = {socket.AF_INET, socket.AF_INET6}


def guard(event, arguments):
    if event in LOOKUPS or (event in CALLS and arguments[0].family in INTERNET):
        os.write(2, f"NETWORK {event} {arguments[1:]}\\n".encode())
        os._exit(97)


sys.addaudithook(guard)
'''
ENCODING = """
from pathlib import Path

from acadiff.clinical import CachedEncoder, Detail, Prompt, canary, make_encoder
from acadiff.clinical.remote import RemoteEncoder
from acadiff.errors import EncoderError

cached = CachedEncoder(make_encoder("local", {}), Path("prompts.safetensors"))
prompts = [canary.PROMPT.told(detail) for detail in Detail]
cached.encode(prompts)
cached.encode(prompts)
for key in ("scores", "none"):
    make_encoder(key, {}).encode(prompts)

named = RemoteEncoder("text-embedding-3-small")
named.explain(prompts), named.settings()
try:
    named.encode(prompts)
except EncoderError as error:
    print(error.code)
"""
SEALED = {"HF_HUB_OFFLINE": "", "TRANSFORMERS_OFFLINE": "", "NO_PROXY": "", "OMP_NUM_THREADS": "1"}


@pytest.fixture
def watched(tmp_path):
    """Run Python where neither it nor its children may take a step towards the network."""
    guard, trace = tmp_path / "guard", tmp_path / "trace"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)

    def run(*arguments, strace=False):
        command = [sys.executable, *map(str, arguments)]
        if strace:
            calls = "trace=connect,sendto,sendmsg,sendmmsg"
            command = [
                "strace",
                "-f",
                "--seccomp-bpf",
                "-qq",
                "-e",
                calls,
                "-o",
                str(trace),
                *command,
            ]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, **SEALED, "PYTHONPATH": str(guard), "OPENAI_API_KEY": "sk-1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
        )
        text = trace.read_text(errors="replace") if trace.exists() else ""
        return done, re.findall(r".*AF_INET.*", text)

    return run


@pytest.mark.parametrize(
    "step",
    [
        "socket.create_connection(('127.0.0.1', 9))",
        "socket.getaddrinfo('localhost', 80)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 9))",
        "__import__('subprocess').run([sys.executable, '-c', 'import urllib.request as u; "
        'u.urlopen("http://127.0.0.1:9")\'], check=True)',
    ],
)
def test_a_step_towards_the_network_is_noticed(watched, step):
    done, _ = watched("-c", f"import socket, sys; {step}")
    assert done.returncode != 0
    assert "NETWORK socket." in done.stderr


def test_help_asks_nobody(watched):
    done, _ = watched("-m", "acadiff", "--help")
    assert done.returncode == 0, done.stderr
    assert "impute" in done.stdout


def test_encoding_asks_nobody_and_a_remote_encoder_stops_before_it_does(watched):
    done, _ = watched("-c", ENCODING)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "E_CONSENT\n"


@pytest.fixture
def tracer():
    """Skip where the kernel cannot be watched."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")


def test_the_kernel_is_watched_too(watched, tracer):
    step = "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 9))"
    done, calls = watched("-I", "-c", f"import socket; {step}", strace=True)  # without the hook
    assert done.returncode == 0, done.stderr
    assert len(calls) == 1


@pytest.mark.slow
def test_imputing_a_scan_with_the_packaged_weights_asks_nobody(watched, tracer, tmp_path):
    scan = tmp_path / "t1w.nii.gz"  # it lies in the package; to simulate a person takes longer
    with np.load(find("phantom-4mm") / "codecs" / "MRI" / "panel.npz") as panel:
        write_scan(scan, Volume(panel["acquired"][:1], Grid(4).affine, Modality.MRI), "SIMULATED")
    wanted = ["--mri", scan, "--target", "fdg", "--mmse", 22, "-o", "fdg.nii.gz", "--draws", 1]
    done, calls = watched("-m", "acadiff", "impute", *wanted, strace=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "fdg.nii.gz").is_file()
    assert not calls
