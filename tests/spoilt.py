"""Ways in which people's scans and tables come spoilt: each takes a `Person` and changes files."""

import csv
import gzip
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from gaps import encoded

from acadiff.bids import Name
from acadiff.modality import Modality
from acadiff.volume.image import read_scan
from acadiff.volume.resample import onto

MRI, FDG, AV45 = Modality
DIM, PIXDIM, SFORM = 40, 76, 280
"""Bytes of a NIfTI-1 header where these stand."""

FSL = np.array([[2, 0, 0, -90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1.0]])


@dataclass(frozen=True)
class Person:
    """Somebody in a BIDS dataset without sessions."""

    root: Path
    id: str

    def path(self, modality=MRI):
        """The file of a scan."""
        return self.root / Name(self.id, modality).path()

    def named(self, modality, old, new):
        """The same with another name."""
        path = self.path(modality)
        return path.with_name(path.name.replace(old, new))

    def data(self, modality=MRI):
        """Voxels and affine."""
        image = nib.load(self.path(modality))
        return np.asarray(image.dataobj, np.float32), image.affine.copy()


def put(path, *args, **more):
    """Write a scan."""
    path.write_bytes(gzip.compress(encoded(*args, **more), 1))


def voxels(change, modality=MRI, **more):
    """Other voxels."""

    def spoil(person):
        data, affine = person.data(modality)
        put(person.path(modality), change(data), affine, **more)

    return spoil


def header(offset, form, *values):
    """Other bytes in the header of the MRI."""

    def spoil(person):
        raw = bytearray(gzip.decompress(person.path().read_bytes()))
        struct.pack_into(f"<{form}", raw, offset, *values)
        person.path().write_bytes(gzip.compress(bytes(raw), 1))

    return spoil


def content(change):
    """Other bytes in the file of the MRI."""

    def spoil(person):
        person.path().write_bytes(change(person.path().read_bytes()))

    return spoil


def instead(make):
    """Something else in the place of the MRI."""

    def spoil(person):
        person.path().unlink()
        make(person.path())

    return spoil


def renamed(old, new, modality=MRI):
    """Another name."""
    return lambda person: person.path(modality).rename(person.named(modality, old, new))


def stranger(person):
    """An MRI in the folder of another person than its name says."""
    renamed(f"sub-{person.id}_", f"sub-{person.id}x_")(person)


def bit(raw):
    """One bit in the middle."""
    middle = len(raw) // 2
    return raw[:middle] + bytes([raw[middle] ^ 16]) + raw[middle + 1 :]


def at(index, value):
    """One voxel."""

    def change(data):
        data[index] = value
        return data

    return change


def extension(raw):
    """An extension of an impossible size."""
    raw = bytearray(gzip.decompress(raw))
    raw[348:352] = b"\1\0\0\0"
    struct.pack_into("<f", raw, 108, 368.0)
    return gzip.compress(bytes(raw[:352]) + struct.pack("<ii8x", -16, 0) + bytes(raw[352:]))


def coarse(person):
    """A slab of thick slices."""
    data, affine = person.data()
    put(person.path(), data[:, :, ::3], affine @ np.diag([1, 1, 3, 1]))


def hollow(person):
    """A brain mask with nothing in it, beside the MRI."""
    data, affine = person.data()
    put(person.named(MRI, "_T1w", "_desc-brain_mask"), np.zeros_like(data), affine)


def elsewhere(person):
    """A PET on the lattice of another template."""
    other = onto(read_scan(person.path(FDG), FDG), (91, 109, 91), FSL)
    put(person.path(FDG), other.data[0], FSL)


def upper(person):
    """An MRI of the upper part of a head, at half the voxel size."""
    data, affine = person.data()
    for axis in range(3):
        data = data.repeat(2, axis)
    low = data.shape[2] * 11 // 20
    affine = affine @ np.diag([0.5, 0.5, 0.5, 1.0])
    affine[:3, 3] += affine[:3, :3] @ [-0.5, -0.5, low - 0.5]
    put(person.named(MRI, "_T1w", "_space-MNI152NLin2009aSym_T1w"), data[:, :, low:], affine)
    person.path().unlink()


def twice(person):
    """Two files of one PET."""
    again = person.named(FDG, "_pet", "_rec-x_pet")
    again.write_bytes(person.path(FDG).read_bytes())


def turned(order):
    """The same head, its axes stored in another order and direction."""

    def spoil(person):
        for modality in (MRI, FDG):
            image = nib.load(person.path(modality)).as_reoriented(np.array(order))
            put(person.path(modality), np.asarray(image.dataobj, np.float32), image.affine)

    return spoil


def swapped(person):
    """Every number in the byte order of a PowerPC."""
    data, affine = person.data()
    big = nib.Nifti1Header(endianness=">")
    big.set_data_dtype(">f4")
    image = nib.Nifti1Image(data, affine, big)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    assert image.to_bytes()[:4] == struct.pack(">i", 348)
    person.path().write_bytes(gzip.compress(image.to_bytes(), 1))


def sloped(person):
    """16-bit steps, a slope and an intercept."""
    data, affine = person.data()
    slope = float(data.max()) / 60000
    raw = bytearray(encoded(np.rint(data / slope - 30000).astype(np.int16), affine))
    struct.pack_into("<2f", raw, 112, slope, 30000 * slope)
    person.path().write_bytes(gzip.compress(bytes(raw), 1))


def unpacked(person):
    """A `.nii`."""
    path = person.path()
    path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()


def formless(person):
    """Neither form has its code."""
    header(252, "hh", 0, 0)(person)


def two_forms(person):
    """What a coregistration by SPM leaves: a moved sform and the old qform."""
    header(SFORM + 12, "f", 30.0)(person)


def rows(change):
    """Other bytes in the table of persons."""

    def spoil(person):
        table = person.root / "participants.tsv"
        table.write_bytes(change(table.read_bytes()))

    return spoil


def cell(column, value, again=False):
    """Another value in the person's row, or in one more row of the person."""

    def spoil(person):
        table = person.root / "participants.tsv"
        lines = list(csv.reader(table.read_text().splitlines(), delimiter="\t"))
        index = [line[0] for line in lines].index(f"sub-{person.id}")
        line = [*lines[index]]
        line[lines[0].index(column)] = value
        lines[index : index + (not again)] = [line]
        table.write_text("\n".join(map("\t".join, lines)) + "\n")

    return spoil


SCANS = {
    "cut to half": ("E_TRUNC", content(lambda raw: raw[: len(raw) // 2])),
    "cut at its end": ("E_TRUNC", content(lambda raw: raw[:-3])),
    "empty": ("E_TRUNC", content(lambda _: b"")),
    "a flipped bit": ("E_CRC", content(bit)),
    "30,000 voxels a side": ("E_DIM", header(DIM, "4h", 3, *[30000] * 3)),
    "something after its end": ("E_SIZE", content(lambda raw: raw + b"more")),
    "a second member": ("E_SIZE", content(lambda raw: raw + gzip.compress(b"more"))),
    "a bomb": ("E_BOMB", content(lambda r: gzip.compress(gzip.decompress(r) + bytes(2**25), 1))),
    "one NaN": ("E_NONFINITE", voxels(at((9, 9, 9), np.nan))),
    "one infinite": ("E_NONFINITE", voxels(at((0, 0, 0), np.inf))),
    "constant": ("E_CONSTANT", voxels(lambda v: np.full_like(v, 7))),
    "zero": ("E_CONSTANT", voxels(np.zeros_like)),
    "one bright voxel": ("E_EMPTY", voxels(lambda v: at((9, 9, 9), 1)(np.zeros_like(v)))),
    "negated": ("E_EMPTY", voxels(lambda v: -v - 1)),
    "no orientation": ("E_NOFORM", formless),
    "two orientations": ("E_QSFORM", two_forms),
    "a flat affine": ("E_AFFINE", header(SFORM, "4f", 0, 0, 0, 0)),
    "a sheared affine": ("E_SHEAR", header(SFORM, "3f", 4, 2, 0)),
    "voxels of no size": ("E_PIXDIM", header(PIXDIM + 4, "f", 0.0)),
    "voxels of negative size": ("E_PIXDIM", header(PIXDIM + 4, "f", -8.0)),
    "two voxel sizes": ("E_PIXDIM", header(PIXDIM + 4, "f", 3.0)),
    "thick slices": ("E_VOXSIZE", coarse),
    "a slice": ("E_DIM", voxels(lambda v: v[:, :, :1])),
    "an MRI of frames": ("E_4D", voxels(lambda v: np.stack([v] * 3, -1))),
    "RGB": ("E_DTYPE", header(70, "hh", 128, 24)),
    "complex": ("E_DTYPE", header(70, "hh", 32, 64)),
    "int64": ("E_DTYPE", header(70, "hh", 1024, 64)),
    "voxels in the header": ("E_OFFSET", header(108, "f", 0.0)),
    "an impossible extension": ("E_EXTENSION", content(extension)),
    "no magic word": ("E_MAGIC", header(344, "4s", b"XXXX")),
    "a web page": ("E_MAGIC", content(lambda _: b"<!doctype html><p>404")),
    "not compressed": ("E_MAGIC", content(gzip.decompress)),
    "imputed": ("E_SYNTHETIC_INPUT", header(148, "9s", b"SYNTHETIC")),
    "a pipe": ("E_FILE", instead(os.mkfifo)),
    "a folder": ("E_FILE", instead(Path.mkdir)),
    "a link to nothing": ("E_LINK", instead(lambda path: path.symlink_to("annex/object"))),
    "a link to itself": ("E_LINK", instead(lambda path: path.symlink_to(path.name))),
    "another format": ("E_FORMAT", renamed(".nii.gz", ".mgz")),
    "a name that is none": ("E_NAME", renamed("T1w", "t1w")),
    "no known template": ("E_SPACE", renamed("_T1w", "_space-Mars_T1w")),
}
"""What makes an MRI useless: its code, and how to do it."""

VISITS = {
    "an unknown tracer": ("E_TRACER", renamed("_trc-18FFDG", "", FDG), [FDG], True),
    "two files of one scan": ("E_AMBIGUOUS", twice, [FDG], True),
    "scans on two templates": ("E_MIXED_SPACE", elsewhere, [MRI, FDG], True),
    "an empty brain mask": ("E_EMPTY_MASK", hollow, [MRI, FDG], False),
    "half a head": ("E_FOV", upper, [MRI], False),
}
"""What makes other scans useless: code, how, which, and whether a check of files shows it."""

STORED = {
    "LPS": (turned([[0, -1], [1, -1], [2, 1]]), 0),
    "PIR": (turned([[2, 1], [0, -1], [1, -1]]), 0),
    "SRA": (turned([[1, 1], [2, 1], [0, 1]]), 0),
    "big-endian": (swapped, 0),
    "float64": (voxels(lambda v: v.astype(np.float64), dtype=np.float64), 0),
    "NIfTI-2": (voxels(lambda v: v, header=nib.Nifti2Image), 0),
    "one frame": (voxels(lambda v: v[..., None]), 0),
    "a .nii": (unpacked, 0),
    "int16 with slope": (sloped, 1e-4),
}
"""Other ways to store the same, and how far off the result may be."""

TABLES = {
    "a score off its scale": ("E_RANGE", cell("MMSE", "34")),
    "a score that is none": ("E_NUMBER", cell("MMSE", ">20")),
    "an unknown diagnosis": ("E_LABEL", cell("diagnosis", "Demntia")),
    "an id that is a path": ("E_ID", cell("participant_id", "../../etc/passwd")),
    "a person twice": ("E_DUPLICATE", cell("MMSE", "1", again=True)),
    "a spare cell": ("E_ROW", rows(lambda raw: raw.rstrip() + b"\tn/a\n")),
    "no header": ("E_COLUMN", rows(lambda raw: raw.split(b"\n", 1)[1])),
    "no UTF-8": ("E_ENCODING", rows(lambda raw: raw + b"sub-M\xfcller\n")),
    "UTF-16 without a mark": ("E_ENCODING", rows(lambda raw: raw.decode().encode("utf-16-le"))),
    "an open quote": ("E_QUOTE", rows(lambda raw: raw.replace(b"\nsub", b'\n"sub', 1))),
}
"""What is wrong with the table of persons."""

ODD = {
    "no table": ("W_NO_TABLE", lambda person: (person.root / "participants.tsv").unlink()),
    "no scans": ("W_NO_SCAN", rows(
        lambda raw: raw + b"sub-SIM0009" + raw.splitlines()[0].count(b"\t") * b"\tn/a" + b"\n")),
    "no row": ("W_NO_VISIT", rows(lambda raw: raw.rstrip().rpartition(b"\n")[0] + b"\n")),
    "a row twice": ("W_DUPLICATE", rows(lambda raw: raw + raw.splitlines()[2] + b"\n")),
    "a bad JSON": ("W_SIDECAR", lambda person: person.named(
        MRI, ".nii.gz", ".json").write_text('{"a": 1, "a": 2}')),
    "frames": ("W_FRAMES", voxels(lambda v: np.stack([v] * 3, -1), FDG)),
    "an entity": ("W_ENTITY", renamed("_T1w", "_foo-1_T1w")),
}  # fmt: skip
"""What is odd and used."""
