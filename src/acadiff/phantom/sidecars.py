"""The words of the dataset: sidecars, column descriptions, README. All of it says SIMULATED."""

from typing import Any

from acadiff import __version__
from acadiff.modality import Modality

DESCRIPTION = "SIMULATED digital phantom, not a person"
"""Goes into the header of every scan."""

README = """\
SIMULATED DATA. No scan in this dataset shows a person.

A cohort of digital phantoms that resembles a study of Alzheimer's disease: T1-weighted MRI,
FDG-PET and AV45-PET in MNI space, skull-stripped, PET in SUVR, with diagnoses and clinical scores.
Each subject is drawn from a causal model (amyloid, neurodegeneration, other pathology, vascular
load), shapes the ICBM152 2009 template by it, and is then scanned by simulated scanners.

The model was calibrated to published group statistics. Group differences are therefore inputs, not
findings: nothing measured here says anything about patients. No individual record of any study was
used.

- sourcedata/simulation.json: every number of the simulation, its seed and size.
- sourcedata/causes.tsv: what caused each subject (A amyloid, N and M neurodegeneration, …).
- sourcedata/subjects/: the same, one record per subject, with the checksums of its scans.
- sourcedata/hidden/: scans that were simulated and then taken away, for scoring only.

Made from the ICBM152 template (Copyright (C) 1993-2009 Louis Collins, McConnell Brain Imaging
Centre, Montreal Neurological Institute, McGill University), as distributed with nilearn.
"""

COLUMNS: dict[str, Any] = {
    "diagnosis": {
        "Description": "SIMULATED diagnosis",
        "Levels": {
            "CN": "cognitively normal",
            "MCI": "mild cognitive impairment",
            "AD": "Alzheimer's disease",
        },
    },
    "age": {"Description": "SIMULATED age", "Units": "year"},
    "sex": {"Description": "SIMULATED sex", "Levels": {"F": "female", "M": "male"}},
    "apoe4": {"Description": "SIMULATED number of APOE4 alleles, 0 to 2"},
    "MMSE": {"Description": "SIMULATED Mini-Mental State Examination, 0 (worst) to 30"},
    "ADAS13": {"Description": "SIMULATED ADAS-Cog 13, 0 to 85 (worst)"},
    "CDRSB": {"Description": "SIMULATED Clinical Dementia Rating, sum of boxes, 0 to 18 (worst)"},
}

_NOBODY = "SIMULATED"
_MBQ = {Modality.FDG: 185.0, Modality.AV45: 370.0}  # usual doses
_SCAN_START = {Modality.FDG: 1800, Modality.AV45: 3000}  # seconds after injection
_SCAN_LENGTH = {Modality.FDG: 1800, Modality.AV45: 1200}
_TRACER = {Modality.FDG: "fluorodeoxyglucose", Modality.AV45: "florbetapir"}


def dataset_description() -> dict[str, Any]:
    """`dataset_description.json`."""
    return {
        "Name": "SIMULATED cohort of digital phantoms for ACADiff",
        "BIDSVersion": "1.10.0",
        "DatasetType": "raw",
        "License": "Apache-2.0; the ICBM152 template's own notice is in README",
        "Authors": ["ACADiff phantom"],
        "GeneratedBy": [{"Name": "acadiff simulate", "Version": __version__}],
        "Simulated": True,
    }


def sidecar(modality: Modality) -> dict[str, Any]:
    """The JSON beside one scan."""
    common = {
        "Simulated": True,
        "Manufacturer": _NOBODY,
        "ManufacturersModelName": "ACADiff phantom",
        "SoftwareVersions": __version__,
        "SkullStripped": True,
        "SpatialReference": "MNI152NLin2009aSym",
    }
    return common | (_pet(modality) if modality.is_pet else {})


def _pet(modality: Modality) -> dict[str, Any]:
    """What BIDS wants to know of every PET scan; doses and times are those of a usual protocol."""
    return {
        "TracerName": _TRACER[modality],
        "TracerRadionuclide": "F18",
        "Units": "arbitrary",
        "VoxelQuantity": "SUVR",
        "SUVRReferenceRegion": modality.reference_region,
        "InjectedRadioactivity": _MBQ[modality],
        "InjectedRadioactivityUnits": "MBq",
        "InjectedMass": "n/a",
        "InjectedMassUnits": "n/a",
        "SpecificRadioactivity": "n/a",
        "SpecificRadioactivityUnits": "n/a",
        "ModeOfAdministration": "bolus",
        "TimeZero": "10:00:00",
        "InjectionStart": 0,
        "ScanStart": _SCAN_START[modality],
        "FrameTimesStart": [0],
        "FrameDuration": [_SCAN_LENGTH[modality]],
        "AcquisitionMode": _NOBODY,
        "ImageDecayCorrected": True,
        "ImageDecayCorrectionTime": 0,
        "ReconMethodName": _NOBODY,
        "ReconMethodParameterLabels": ["none"],
        "ReconMethodParameterUnits": ["none"],
        "ReconMethodParameterValues": [0],
        "ReconFilterType": "none",
        "ReconFilterSize": 0,
        "AttenuationCorrection": _NOBODY,
    }
