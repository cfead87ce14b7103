import gzip
import hashlib
import itertools
import os
import random
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import hostile
import numpy as np
import oracle
import pytest
from hostile import NAN, PACKED, PLAIN, SHAPE, gz, head, nii

from acadiff.errors import AcadiffError, MissingInputError, Problem, ScanError, UsageError
from acadiff.modality import Modality
from acadiff.volume import nifti as module
from acadiff.volume.image import canonical, load_scan, read_scan
from acadiff.volume.nifti import read_header, read_nifti

MRI = Modality.MRI
ROOT = Path(__file__).parents[2]
READ, READV = os.read, os.readv


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder of hostile and benign files, and the code that each must meet."""
    folder = tmp_path_factory.mktemp("corpus")
    return folder, hostile.write(folder, [*hostile.hostile(), *hostile.benign()])


@pytest.fixture
def stored(tmp_path):
    """Writes bytes and returns their path."""

    def write(content, name="scan.nii"):
        path = tmp_path / (name + ".gz" if content[:2] == b"\x1f\x8b" else name)
        path.write_bytes(content)
        return path

    return write


def outcome(read, path):
    """The code of the refusal, or none."""
    try:
        read(path)
    except AcadiffError as error:
        return error.code
    return ""


def agrees(path, content):
    """Refused, or read as an independent decoder reads it; returns whether it was accepted."""
    try:
        scan = read_nifti(path)
    except ScanError:
        return False
    values, affine = oracle.decode(content)
    assert np.array_equal(scan.data.ravel("F"), values)
    assert np.allclose(scan.affine, affine, rtol=1e-5, atol=1e-4)
    return True


def test_the_corpus_is_large_and_every_code_has_a_file(corpus):
    codes = list(corpus[1].values())
    assert len(codes) - codes.count("") >= 134
    assert codes.count("") >= 27
    text = "".join(p.read_text() for p in (ROOT / "src/acadiff/volume").glob("*.py"))
    assert all(f'"{code}"' in text for code in set(codes) if code)


def test_every_code_of_the_reader_is_explained():
    names = ("header", "image", "nifti", "orientation", "stream", "voxels")
    text = "".join((ROOT / f"src/acadiff/volume/{name}.py").read_text() for name in names)
    table = (ROOT / "docs/errors.md").read_text().partition("## Scans")[2]
    codes = set(re.findall(r'"([EW]_[A-Z0-9_]+)"', text))
    assert len(codes) > 30
    assert codes <= set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def test_every_hostile_file_is_refused_with_its_code_and_no_benign_one_is(corpus):
    folder, expected = corpus
    met = {name: outcome(lambda path: load_scan(path, MRI), folder / name) for name in expected}
    assert met == expected


def test_every_refusal_is_one_sentence_with_value_and_hint(corpus):
    folder, expected = corpus
    for name in filter(expected.get, expected):
        with pytest.raises(AcadiffError) as caught:
            load_scan(folder / name, MRI)
        error = caught.value
        assert str(error).startswith(f"{folder / name}: ")
        assert str(error).isprintable()
        assert error.value, name
        assert error.hint, name
        assert error.exit_code in (65, 66)
        assert Problem.of(folder / name, error).code == expected[name]


def test_every_benign_file_means_what_an_independent_decoder_reads(corpus):
    folder, expected = corpus
    for name in (name for name, code in expected.items() if not code):
        assert agrees(folder / name, (folder / name).read_bytes()), name


def test_a_header_alone_is_refused_for_the_same_reason_as_the_file(corpus):
    folder, expected = corpus
    hidden = {"E_CRC", "E_NONFINITE", "E_DTYPE", "E_SIZE"}
    for name in expected:
        alone, whole = (outcome(read, folder / name) for read in (read_header, read_nifti))
        assert alone == whole or (not alone and whole in hidden), name


def test_a_header_tells_what_the_file_holds(corpus):
    folder, expected = corpus
    for name in (name for name, code in expected.items() if not code):
        header, scan = read_header(folder / name), read_nifti(folder / name)
        assert header.shape == scan.data.shape == SHAPE
        assert header.dtype == scan.dtype
        assert np.array_equal(header.affine, scan.affine)
        assert np.allclose(header.zooms, np.linalg.norm(scan.affine[:3, :3], axis=0))


def test_of_a_large_file_only_the_beginning_is_read_for_its_header(stored, monkeypatch):
    noise = np.random.default_rng(0).random((64, 64, 64))
    seen = []
    monkeypatch.setattr(os, "read", lambda fd, n: seen.append(n) or READ(fd, n))
    monkeypatch.setattr(os, "readv", lambda fd, b: seen.append(len(b[0])) or READV(fd, b))
    for content in (nii(noise), gz(nii(noise))):
        seen.clear()
        read_header(stored(content))
        assert 0 < sum(seen) <= 1 << 13


def test_no_flipped_bit_changes_a_voxel_unseen(tmp_path):
    path = tmp_path / "scan.nii.gz"
    for content in (PACKED, hostile.STORED):
        refused = 0
        for changed in oracle.flips(content, 300, seed=1):
            path.write_bytes(changed)
            try:
                scan = read_nifti(path)
            except ScanError:
                refused += 1
            else:
                assert np.array_equal(scan.data, head())
        assert refused > 280


def test_no_beginning_of_a_file_is_taken_for_the_whole(tmp_path):
    rng = random.Random(2)
    for name, content in {"x.nii": PLAIN, "x.nii.gz": PACKED}.items():
        path = tmp_path / name
        for size in rng.sample(range(len(content)), 60):
            path.write_bytes(content[:size])
            assert outcome(read_nifti, path) == "E_TRUNC"


def test_a_fuzzed_header_is_refused_or_means_what_the_decoder_reads():
    command = [sys.executable, "benchmarks/fuzz_reader.py", "--headers", "20000", "--flips", "300"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {
        name.strip(): [int(number) for number in numbers]
        for name, *numbers in (line.split("|")[1:-1] for line in done.stdout.splitlines()[2:5])
    }
    total, refused, accepted, *bad, _ = rows["mutated headers"]
    assert total == refused + accepted == 20000
    assert min(refused, accepted) > 2000, "one of the two is hardly tried"
    assert not any(bad)


LIMITED = """
import resource, signal, sys
from pathlib import Path
from acadiff.errors import AcadiffError
from acadiff.volume.nifti import read_header, read_nifti
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000,) * 2)
signal.alarm(60)
for line in sys.stdin.read().splitlines():
    name, code = line.split(":")
    for read in (read_header, read_nifti):
        try:
            read(Path(name))
        except AcadiffError as error:
            assert error.code == code, (name, error.code)
        else:
            assert read is read_header, name
status = Path("/proc/self/status").read_text()  # ru_maxrss would be that of the parent
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


def test_neither_bombs_nor_promises_nor_pipes_cost_memory_or_wait(corpus):
    folder, expected = corpus
    names = [n for n in expected if n.startswith(("bomb", "dim_", "side", "pipe", "device", "v2"))]
    names = [name for name in names if expected[name]]
    assert len(names) > 20
    lines = "\n".join(f"{folder / name}:{expected[name]}" for name in names)
    command = [sys.executable, "-c", LIMITED]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 400, "MB"


def test_no_memory_is_asked_for_that_the_file_cannot_fill(stored):
    claim = nii(dim=(3, 500, 500, 500, 1, 1, 1, 1))
    for path in (stored(claim), stored(gz(claim))):
        tracemalloc.start()
        try:
            assert outcome(read_nifti, path) == "E_TRUNC"
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()


def test_what_does_not_fit_into_memory_is_one_sentence(stored, monkeypatch):
    def full(*_):
        raise MemoryError

    path = stored(PLAIN)
    monkeypatch.setattr(module, "decode", full)
    with pytest.raises(ScanError, match="do not fit into memory"):
        read_nifti(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_must_not_be_read_is_named(stored):
    path = stored(PLAIN)
    path.chmod(0)
    with pytest.raises(MissingInputError, match="Permission denied") as caught:
        read_nifti(path)
    assert caught.value.code == "E_ACCESS"


def test_a_disk_that_fails_is_named(stored, monkeypatch):
    def fail(*_):
        raise OSError(5, "Input/output error")

    for content, call in ((PLAIN, "readv"), (PACKED, "read")):
        path = stored(content)
        monkeypatch.setattr(os, call, fail)
        assert outcome(read_nifti, path) == "E_IO"
        monkeypatch.undo()


@pytest.mark.parametrize(("size", "code"), [(400, "E_TRUNC"), (len(PLAIN), "E_CHANGED")])
def test_a_file_that_changes_while_it_is_read_is_refused_and_kills_nothing(
    stored, monkeypatch, size, code
):
    path = stored(PLAIN)

    def readv(descriptor, buffers):
        os.truncate(path, size)
        os.utime(path, ns=(0, 0))
        return READV(descriptor, buffers)

    monkeypatch.setattr(os, "readv", readv)
    assert outcome(read_nifti, path) == code


def test_a_name_that_no_terminal_can_show_is_escaped(tmp_path):
    for name in (b"sub-\xff.nii", b"two\nlines.nii", b"absent\xff.nii"):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        if not name.startswith(b"absent"):
            path.write_bytes(PLAIN[:-1])
        with pytest.raises(AcadiffError) as caught:
            read_nifti(path)
        assert str(caught.value).isprintable()
        str(caught.value).encode("utf-8")


@pytest.mark.parametrize("name", ["nul\0.nii", "long" * 100 + ".nii", "file/below.nii"])
def test_a_name_that_cannot_be_one_is_missing(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MissingInputError) as caught:
        read_nifti(tmp_path / name)
    assert caught.value.code == "E_MISSING"


def test_the_hash_is_that_of_the_file(corpus):
    folder, expected = corpus
    for name in (name for name, code in expected.items() if not code):
        content = (folder / name).read_bytes()
        assert read_nifti(folder / name).sha256 == hashlib.sha256(content).hexdigest()


ORDERS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def stored_as(data, affine, order, signs):
    """The same scan with its axes in another order and direction."""
    turned = np.transpose(data, order)[tuple(slice(None, None, sign) for sign in signs)]
    turn = np.zeros((4, 4))
    for axis, (source, sign) in enumerate(zip(order, signs, strict=True)):
        turn[source, axis] = sign
        turn[source, 3] = 0 if sign == 1 else data.shape[source] - 1
    turn[3, 3] = 1
    return turned, affine @ turn


@pytest.mark.parametrize("angle", [0, 30])
@pytest.mark.parametrize(
    "storage",
    [{}, {"order": ">"}, {"version": 2}, {"kind": "f8"}, {"kind": "i2"}, {"kind": "u4"},
     {"kind": "i2", "scl_slope": 0.5, "order": ">"}, {"version": 2, "kind": "u1", "order": ">"}],
)  # fmt: skip
def test_48_orders_and_8_storages_are_one_volume(stored, storage, angle):
    whole = (head() * 100).round().clip(0, 250)
    affine = np.eye(4)
    affine[:3] = np.reshape(hostile._turned(angle)[0], (3, 4))
    expected = canonical(np.float32(whole), affine, MRI)
    assert len(ORDERS) == 48
    for order, signs in ORDERS:
        data, turned = stored_as(whole, affine, order, signs)
        data = data / storage.get("scl_slope", 1)
        path = stored(nii(data, qform_code=0, srow=tuple(turned[:3].ravel()), **storage))
        volume = read_scan(path, MRI)
        assert np.array_equal(volume.data, expected.data)
        assert np.allclose(volume.affine, expected.affine, atol=1e-4)


def test_holes_are_filled_only_when_asked_and_told(stored):
    data = head()
    data[0, 0, 0], data[9, 11, 8] = NAN, np.inf
    path = stored(gz(nii(data)))
    with pytest.raises(ScanError, match=r"2 of 8640 voxels .*the first is \(0, 0, 0\)"):
        read_nifti(path)
    scan = read_nifti(path, nonfinite="zero")
    assert [tuple(i) for i in np.argwhere(scan.holes)] == [(0, 0, 0), (9, 11, 8)]
    assert (scan.data[scan.holes] == 0).all()
    assert np.array_equal(scan.data[~scan.holes], data[~scan.holes])
    assert [(note.code, note.value) for note in scan.notes] == [("W_NONFINITE", "2")]
    assert load_scan(path, MRI, nonfinite="zero").notes == scan.notes
    whole = read_nifti(stored(PLAIN), nonfinite="zero")
    assert whole.holes is None
    assert whole.notes == ()


class TestAssumedOrientation:
    @pytest.mark.parametrize("lost", [{"qform_code": 0}, {"qform_code": 0, "srow": (0,) * 12}])
    def test_a_form_that_lost_only_its_code_is_found_again(self, stored, lost):
        path = stored(nii(sform_code=0, **lost))
        with pytest.raises(ScanError, match="--assume-orientation"):
            read_nifti(path)
        scan = read_nifti(path, assume_orientation="RAS")
        assert np.array_equal(scan.affine, read_nifti(stored(PLAIN, "y.nii")).affine)
        assert [note.code for note in scan.notes] == ["W_NOFORM"]

    @pytest.mark.parametrize("axes", ["RAS", "LPS", "PIR", "SLA"])
    def test_without_any_form_the_head_is_in_the_middle(self, stored, axes):
        path = stored(nii(sform_code=0, qform_code=0, srow=(0,) * 12, qoffset=(0,) * 3))
        affine = read_header(path, assume_orientation=axes).affine
        import nibabel

        assert "".join(nibabel.aff2axcodes(affine)) == axes
        middle = affine @ [*(np.array(SHAPE) - 1) / 2, 1]
        assert np.allclose(middle[:3], 0)

    def test_a_form_that_tells_otherwise_is_not_believed(self, stored):
        affine = read_header(stored(nii(sform_code=0, qform_code=0)), assume_orientation="LPS")
        assert np.allclose(np.diag(affine.affine), [-8, -8, 8, 1])

    def test_a_scan_that_tells_keeps_its_own(self, stored):
        scan = read_nifti(stored(PLAIN), assume_orientation="LPS")
        assert (np.diag(scan.affine) > 0).all()
        assert scan.notes == ()

    @pytest.mark.parametrize("wrong", ["", "RA", "RRS", "ras", "RASP", "XYZ"])
    def test_no_three_directions_are_a_wrong_request(self, stored, wrong):
        with pytest.raises(UsageError, match="such as RAS"):
            read_nifti(stored(PLAIN), assume_orientation=wrong)


class TestPreferredForm:
    def test_of_two_that_disagree_the_one_that_was_named_is_used_and_told(self, stored):
        plain = read_header(stored(PLAIN)).affine
        moved = plain + np.array([[0, 0, 0, 20], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
        path = stored(nii(srow=tuple(moved[:3].ravel())), "moved.nii")
        with pytest.raises(ScanError, match="--prefer-form sform or --prefer-form qform"):
            read_header(path)
        for form, affine in (("sform", moved), ("qform", plain)):
            scan = read_nifti(path, prefer_form=form)
            assert np.allclose(scan.affine, affine, atol=1e-4)
            assert np.array_equal(read_header(path, prefer_form=form).affine, scan.affine)
            (note,) = scan.notes
            assert (note.code, note.value) == ("W_QSFORM", f"{form}, 20 mm")

    @pytest.mark.parametrize("form", ["sform", "qform"])
    def test_it_changes_nothing_where_they_agree_or_one_is_alone(self, stored, form):
        for name, changes in (("a", {}), ("b", {"sform_code": 0}), ("c", {"qform_code": 0})):
            path = stored(nii(**changes), f"{name}.nii")
            scan = read_nifti(path, prefer_form=form)
            assert np.array_equal(scan.affine, read_nifti(path).affine)
            assert scan.notes == ()


def test_frames_are_read_where_they_are_wanted(stored):
    frames = np.stack([head(), 2 * head(), 3 * head()], -1)
    path = stored(gz(nii(frames)))
    assert np.array_equal(read_nifti(path, axes=4).data, frames)
    assert read_header(path, axes=4).shape == (*SHAPE, 3)
    assert read_nifti(stored(PLAIN), axes=4).data.shape == (*SHAPE, 1)
    with pytest.raises(ScanError, match="average time frames first"):
        read_nifti(path)


def test_no_more_voxels_are_read_than_allowed(stored):
    path = stored(PLAIN)
    assert read_nifti(path, max_voxels=head().size).data.size == head().size
    with pytest.raises(ScanError, match=f"at most {head().size - 1} are read"):
        read_nifti(path, max_voxels=head().size - 1)


def test_a_unit_other_than_mm_is_told(stored):
    notes = read_nifti(stored(nii(xyzt_units=1))).notes
    assert [(note.code, note.value) for note in notes] == [("W_UNIT", "metre")]


def test_a_scan_without_background_is_told(stored):
    noise = np.random.default_rng(0).random(SHAPE) + 100
    noise[0, 0, 0] = 0
    assert [note.code for note in load_scan(stored(nii(noise)), MRI).notes] == ["W_FULL"]
    assert load_scan(stored(PLAIN), MRI).notes == ()


def test_the_corpus_can_be_written_by_hand(tmp_path):
    command = [sys.executable, "-m", "tests.hostile", tmp_path / "H"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = (tmp_path / "H" / "expected.tsv").read_text().splitlines()
    assert f"{len(hostile.hostile())} hostile" in done.stdout
    assert len(rows) == 1 + len(hostile.hostile()) + len(hostile.benign())
    assert gzip.decompress((tmp_path / "H" / "link.nii.gz").read_bytes()) == PLAIN
