"""The derivative dataset around the imputed scans: what BIDS and a human reader look for first."""

import json
import os
from pathlib import Path

from acadiff import __version__
from acadiff.commit import write_json, write_text
from acadiff.errors import OutputError
from acadiff.outputs.place import keep_apart

BIDS_VERSION = "1.10.0"
DESCRIPTIONS = {
    "synth": "SYNTHETIC scan: mean of the draws of a generative model, not acquired",
    "synthstd": "SYNTHETIC uncertainty: voxelwise standard deviation of the draws",
    "synthdraws": "SYNTHETIC scans: the single draws, along the fourth axis",
}
_IGNORED = (
    "*_desc-synthdraws_T1w.*",
    "*.html",
    "*.toml",
    "*.jsonl",
    "figures/",
    "logs/",
    "results/",
    "run.json",
)
_README = """# SYNTHETIC scans

No scan in this dataset was acquired. ACADiff {version} imputed each from the other scans of the
same person, and all are labelled: `desc-synth` in the name, `"Synthetic": true` in the sidecar and
SYNTHETIC in the image's header. They are for research; do not diagnose from them.

- `desc-synth`: the mean of the draws
- `desc-synthstd`: the voxelwise standard deviation of the draws
- `desc-synthdraws`: the draws along the fourth axis, where they were kept
"""


def start_dataset(root: Path, source_root: Path) -> None:
    """Make `root` a BIDS derivative dataset of `source_root`; doing it again changes nothing.

    Raises:
        OutputError: `root` lies inside the source but not in its `derivatives/`, or holds another
            dataset already, or cannot be written.
    """
    keep_apart(root, source_root)
    description = _description(os.path.relpath(source_root.resolve(), root.resolve()))
    path = root / "dataset_description.json"
    if path.exists() and not _same(path, description):
        raise OutputError(f"{root}: holds another dataset already; choose another folder")
    rows = [f"desc-{desc}\t{text}" for desc, text in DESCRIPTIONS.items()]
    write_text(root / "descriptions.tsv", "\n".join(["desc_id\tdescription", *rows, ""]))
    write_text(root / ".bidsignore", "\n".join([*_IGNORED, ""]))
    write_text(root / "README.md", _README.format(version=__version__))
    write_json(path, description)


def _description(source: str) -> dict[str, object]:
    return {
        "Name": "SYNTHETIC scans imputed by ACADiff",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [
            {
                "Name": "acadiff",
                "Version": __version__,
                "Description": "Adaptive clinical-aware latent diffusion for missing modalities",
            }
        ],
        "SourceDatasets": [{"URL": source}],
        "DatasetLinks": {"raw": source},
    }


def _same(path: Path, description: dict[str, object]) -> bool:
    """Whether the dataset found is one of ours from the same source; versions may differ."""
    try:
        found = json.loads(path.read_bytes())
        return bool(
            found["DatasetLinks"] == description["DatasetLinks"]
            and found["GeneratedBy"][0]["Name"] == "acadiff"
        )
    except (ValueError, KeyError, TypeError, IndexError):
        return False
