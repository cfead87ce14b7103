import os
import socket

import pytest
from trees import MRI, codes, grow, keys

from acadiff.cohort.files.bids_tree import read_bids
from acadiff.cohort.files.walk import walk


@pytest.fixture
def tree(tmp_path):
    """A dataset of one good scan, to which something bad is added."""
    return grow(tmp_path / "bids", MRI)


def link(root, name, target):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def test_every_folder_is_listed_once_and_parents_come_first(tmp_path):
    grow(tmp_path, "a/b/c.nii.gz", "a/d.json", "e/f.txt", ".hidden/g.nii.gz", "a/.h.nii")
    folders, problems = walk(tmp_path, lambda parts: not parts[-1].startswith("."))
    listed = {folder.parts: folder.files for folder in folders}
    assert listed == {(): (), ("a",): ("d.json",), ("a", "b"): ("c.nii.gz",), ("e",): ("f.txt",)}
    places = [folder.parts for folder in folders]
    assert all(parts[:-1] in places[:index] for index, parts in enumerate(places) if parts)
    assert problems == []


def test_only_folders_that_are_accepted_are_opened(tmp_path):
    grow(tmp_path, "a/1.nii", "b/2.nii")
    folders, _ = walk(tmp_path, lambda parts: parts == ("a",))
    assert [folder.parts for folder in folders] == [(), ("a",)]


def test_links_to_files_and_to_folders_elsewhere_are_followed(tmp_path, tree):
    grow(tmp_path, "annex/x", "far/anat/sub-3_T1w.nii.gz")
    link(tree, "sub-2/anat/sub-2_T1w.nii.gz", tmp_path / "annex/x")
    link(tree, "sub-3", tmp_path / "far")
    found = read_bids(tree)
    assert keys(found) == [(subject, None, "MRI") for subject in "123"]
    assert found.problems == ()


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("sub-2/anat/sub-2_T1w.nii.gz", "gone"),
        ("sub-2/anat/sub-2_T1w.nii.gz", "sub-2_T1w.nii.gz"),
        ("sub-2", "gone"),
        ("sub-2", "sub-2"),
        ("sub-2", "sub-1"),
        ("sub-1/ses-1", ".."),
        ("sub-1/ses-1", "."),
        ("sub-1/anat/x", "../.."),
    ],
)
def test_links_to_nothing_and_in_circles_are_told(tree, name, target):
    link(tree, name, target)
    found = read_bids(tree)
    assert keys(found) == [("1", None, "MRI")]
    assert codes(found) == [("E_LINK", name)]


def test_a_link_that_comes_before_its_folder_does_not_take_its_place(tmp_path):
    grow(tmp_path, "sub-2/anat/sub-2_T1w.nii.gz")
    link(tmp_path, "sub-1", "sub-2")
    found = read_bids(tmp_path)
    assert keys(found) == [("2", None, "MRI")]
    assert codes(found) == [("E_LINK", "sub-1")]


def test_folders_that_link_to_one_another_twice_each_are_read_once(tmp_path):
    """Without memory this walk has 2^30 ways."""
    for level in range(30):
        (tmp_path / f"{level}").mkdir()
        for name in "ab":
            link(tmp_path, f"{level}/{name}", tmp_path / f"{level + 1}")
    (tmp_path / "30").mkdir()
    folders, problems = walk(tmp_path, bool)
    assert len(folders) == 32
    assert len(problems) == 60


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device"])
def test_what_is_no_file_is_not_opened(tree, kind, monkeypatch):
    path = tree / "sub-1" / "anat" / "sub-1_run-2_T1w.nii.gz"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        monkeypatch.chdir(path.parent)  # the address of a socket is short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    found = read_bids(tree)
    assert keys(found) == [("1", None, "MRI")]
    assert codes(found) == [("E_FILE", path.relative_to(tree).as_posix())]


def test_a_folder_that_must_not_be_read_is_told(tree, monkeypatch):
    grow(tree, "sub-2/anat/sub-2_T1w.nii.gz")
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith("sub-2"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    found = read_bids(tree)
    assert keys(found) == [("1", None, "MRI")]
    assert codes(found) == [("E_ACCESS", "sub-2")]


def test_a_tree_deeper_than_paths_can_be_long_ends(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 99, dir_fd=here)
        below = os.open("d" * 99, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    folders, problems = walk(tmp_path, bool)
    assert len(folders) > 30
    assert [problem.code for problem in problems] == ["E_ACCESS"]
