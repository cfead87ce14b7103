import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from acadiff.commit import (
    atomic_write,
    lock,
    remove,
    sha256,
    sweep,
    write_bytes,
    write_json,
    write_text,
)
from acadiff.errors import MissingInputError, OutputError

HALFWAY = """
import sys, time
from pathlib import Path
from acadiff.commit import atomic_write

def half(path):
    path.write_bytes(b"new" * 1000)
    print("halfway", flush=True)
    time.sleep(60)

atomic_write(Path(sys.argv[1]), half)
"""
FOREVER = """
import sys
from pathlib import Path
from acadiff.commit import write_bytes

print("begun", flush=True)
for n in range(10**9):
    write_bytes(Path(sys.argv[1]), bytes([n % 256]) * 300_000)
"""
HOLDER = """
import sys, time
from pathlib import Path
from acadiff.commit import lock

with lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def _start(program, path):
    child = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE)
    child.stdout.readline()
    return child


def _kill(child):
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()


def test_a_kill_halfway_leaves_the_old_content(tmp_path):
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(b"old")
    child = _start(HALFWAY, path)
    sweep(tmp_path)
    (leftover,) = set(tmp_path.iterdir()) - {path}
    assert leftover.name.endswith(".nii.gz"), "the writer chooses its format by the suffix"
    _kill(child)
    assert path.read_bytes() == b"old"
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_whenever_the_kill_comes_the_content_is_whole(tmp_path):
    path = tmp_path / "a.bin"
    for delay in (0.002, 0.005, 0.011, 0.017, 0.03):
        write_bytes(path, b"?")
        child = _start(FOREVER, path)
        time.sleep(delay)
        _kill(child)
        content = path.read_bytes()
        assert content == b"?" or content == content[:1] * 300_000


def test_content_reaches_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path, monkeypatch
):
    order = []
    fsync, replace = os.fsync, Path.replace

    def seen_fsync(descriptor):
        order.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    def seen_replace(temporary, path):
        order.append((temporary, path))
        return replace(temporary, path)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(Path, "replace", seen_replace)
    write_text(tmp_path / "a", "x")
    written, (temporary, path), folder = order
    assert (written, path, folder) == (temporary, tmp_path / "a", tmp_path)


def test_a_failing_writer_leaves_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(temporary):
        temporary.write_text("new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_error_and_no_stump(tmp_path):
    path = tmp_path / "a.bin"
    path.write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"a\.bin: cannot be written"):
            write_bytes(path, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_a_folder_is_an_output_error(tmp_path):
    (tmp_path / "file").touch()
    for refuse in (lambda p: write_text(p, "x"), remove):
        with pytest.raises(OutputError):
            refuse(tmp_path / "file" / "a.txt")
    with pytest.raises(OutputError), lock(tmp_path / "file" / "a.txt"):
        pass


def test_json_is_sorted_and_refuses_what_json_cannot_say(tmp_path):
    path = tmp_path / "new" / "a.json"
    write_json(path, {"b": 1, "a": "é"})
    assert path.read_text(encoding="utf-8") == '{\n  "a": "é",\n  "b": 1\n}\n'
    with pytest.raises(OutputError, match=r"a\.json"):
        write_json(path, {"a": float("nan")})
    assert path.read_text(encoding="utf-8").startswith('{\n  "a": "é"')


def test_the_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a").startswith("ba7816bf8f01cfea")
    with pytest.raises(MissingInputError):
        sha256(tmp_path / "b")


def test_sweep_spares_other_files_and_living_writers(tmp_path):
    spared = [".acadiff-notes", ".hidden", f".acadiff-{os.getpid()}-{'0' * 32}.json"]
    for name in [*spared, f".acadiff-{2**22 + 1}-{'0' * 32}.json"]:
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(spared)
    sweep(tmp_path / "absent")


def test_the_lock_ends_with_its_process(tmp_path):
    child = _start(HOLDER, tmp_path / "item")
    entered = threading.Event()

    def wait():
        with lock(tmp_path / "item"):
            entered.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert not entered.wait(0.1), "two hold one lock"
    _kill(child)
    assert entered.wait(5), "the lock outlives its process"
    waiter.join()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_lets_one_in_at_a_time(tmp_path):
    inside, most = 0, 0
    guard = threading.Lock()

    def enter():
        nonlocal inside, most
        for _ in range(20):
            with lock(tmp_path / "item"):
                with guard:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.0005)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
