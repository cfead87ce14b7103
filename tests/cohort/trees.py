"""Trees of tiny files that are named as scans are; what is in them is never read."""

import json

T1W = "sub-{0}/anat/sub-{0}_T1w.nii.gz"
FDG = "sub-{0}/pet/sub-{0}_trc-18FFDG_pet.nii.gz"
AV45 = "sub-{0}/pet/sub-{0}_trc-18FAV45_pet.nii.gz"
MRI = T1W.format(1)
ANAT, PET = "sub-1/ses-M000/anat/sub-1_ses-M000_", "sub-1/ses-M000/pet/sub-1_ses-M000_"


def grow(root, *names):
    """Make files of these names."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not an image")
    return root


def tell(root, name, fields):
    """Write a JSON file; text and bytes as they are."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(fields, bytes):
        fields = (fields if isinstance(fields, str) else json.dumps(fields)).encode()
    path.write_bytes(fields)
    return root


def people(root, *ids):
    """A BIDS dataset in which these have all three scans."""
    return grow(root, *(scan.format(i) for i in ids for scan in (T1W, FDG, AV45)))


def keys(inventory):
    """(subject, session, modality) of every candidate, the modality by its name."""
    return [(c.subject, c.session, c.modality.name) for c in inventory.candidates]


def codes(inventory):
    """(code, place) of every problem."""
    return [(problem.code, problem.where) for problem in inventory.problems]
