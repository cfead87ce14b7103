"""Every number of the simulation, each with where it comes from.

`[published: …]` was read in the literature, `[calibrated]` was tuned until group means and
correlations matched published tables, `[chosen]` is a modelling decision of ours. The group
differences of the phantom are therefore inputs, not findings. Formulas are in `causes.py`,
`anatomy.py` and `images.py`; letters follow `docs/phantom.md`.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Disease:
    """From age and genes to pathology, and from pathology to organs."""

    age: tuple[float, float] = (73.5, 7.5)
    """Mean and SD of age before enrolment, years. [published: ADNI baseline summaries]"""
    age_range: tuple[float, float] = (55.0, 91.0)
    """Youngest and oldest candidate, years. [published: ADNI protocol]"""
    female: float = 0.48
    """Share of women. [published: ADNI baseline summaries]"""
    e4: float = 0.195
    """Frequency of the APOE4 allele among candidates. [calibrated]"""
    onset: tuple[float, float, float] = (93.0, 67.0, 55.0)
    """Mean age of amyloid onset for 0, 1, 2 copies of APOE4. [published: Jansen 2015]"""
    onset_sd: tuple[float, float, float] = (27.0, 18.0, 15.0)
    """Its SD. [published: Jansen 2015]"""
    A_rate: float = 0.20
    """Growth rate of amyloid, per year. [published: Whittington 2018]"""
    A_half: float = 8.0
    """Years from onset to half of the amyloid capacity. [calibrated]"""
    A_sd: float = 0.32
    """SD of the logarithm of a person's amyloid capacity. [calibrated]"""
    N_rate: float = 0.25
    """Growth rate of neurodegeneration, per year. [calibrated]"""
    N_lag: float = 26.0
    """Years from amyloid onset to half of the neurodegeneration. [published: Jack 2010]"""
    N_lag_sd: float = 11.0
    """SD of that lag. [calibrated]"""
    N_lag_e4: float = -2.5
    """Change of the lag per APOE4 copy, years. [calibrated]"""
    M_share: float = 0.085
    """Share with another neurodegeneration at 73 years. [published: PMC5610964]"""
    M_age: float = 0.04
    """Growth of that share, per year. [calibrated]"""
    M_severe: tuple[float, float] = (0.3, 1.5)
    """Range of M in that share. [calibrated]"""
    M_mild: tuple[float, float] = (0.6, 0.08)
    """Shape and scale of the Gamma of M in everybody else. [calibrated]"""
    W_sd: float = 0.6
    """SD of the logarithm of vascular load. [calibrated]"""
    W_age: float = 0.05
    """Growth of vascular load, per year. [calibrated]"""
    C_N: float = 3.6
    """Weight of N on impairment. [calibrated]"""
    C_M: float = 2.4
    """Weight of M. [calibrated]"""
    C_W: float = 0.35
    """Weight of W. [calibrated]"""
    C_A: float = 0.25
    """Weight of A. [calibrated]"""
    C_R: float = 0.60
    """Weight of reserve; .80 leaves too little association within MCI. [calibrated]"""
    C_sd: float = 0.45
    """SD of unexplained impairment; .55 leaves too little, too. [calibrated]"""
    C_threshold: float = 1.12
    """Burden at which impairment begins. [calibrated]"""
    C_sharpness: float = 2.2
    """Sharpness of that beginning. [calibrated]"""
    subtype: float = 0.22
    """Share of N that the limbic/cortical subtype moves around. [chosen]"""
    H_N: float = 0.25
    """Log hippocampal loss per N. [published: Barnes 2009, Jack 2000]"""
    H_M: float = 0.22
    """Log hippocampal loss per M. [published: PMC5610964]"""
    H_age: float = 0.006
    """Log hippocampal loss per year of age. [published: Barnes 2009]"""
    H_sd: float = 0.10
    """SD of the logarithm of hippocampal volume. [calibrated]"""
    Cx_M: float = 0.40
    """Neocortical atrophy per M. [calibrated]"""
    Cx_age: float = 0.012
    """Neocortical atrophy per year. [calibrated]"""
    Cx_sd: float = 0.45
    """SD of neocortical atrophy. [calibrated]"""
    F_M: float = 0.55
    """Loss of FDG per M. [calibrated]"""
    F_W: float = 0.06
    """Loss of FDG per W. [calibrated]"""
    F_sd: float = 0.34
    """SD of the loss of FDG; without it classification is perfect. [calibrated]"""
    V_N: float = 0.08
    """Log ventricle per N. [calibrated]"""
    V_M: float = 0.08
    """Log ventricle per M. [calibrated]"""
    V_W: float = 0.10
    """Log ventricle per W. [calibrated]"""
    V_age: float = 0.026
    """Log ventricle per year. [published: Apostolova 2012]"""
    V_male: float = 0.08
    """Log ventricle in men. [calibrated]"""
    V_sd: float = 0.40
    """SD of log ventricle. [calibrated]"""


@dataclass(frozen=True)
class Clinic:
    """From impairment to scores, diagnosis and enrolment."""

    adas_base: float = 8.6
    """ADAS13 without impairment. [published: ADNI baseline summaries]"""
    adas_C: float = 6.3
    """ADAS13 per C. [calibrated]"""
    adas_H: float = 4.0
    """ADAS13 per H: memory items. [calibrated]"""
    adas_R: float = -1.6
    """ADAS13 per reserve. [calibrated]"""
    adas_age: float = 0.10
    """ADAS13 per year. [calibrated]"""
    adas_sd: tuple[float, float] = (2.9, 0.9)
    """SD of ADAS13: at C = 0, and per C up to 4. [calibrated]"""
    mmse: tuple[float, float, float] = (0.75, 1.25, 0.30)
    """Points lost on the MMSE: at C = 0, per C, per C². [calibrated]"""
    mmse_R: float = 0.45
    """MMSE per reserve. [calibrated]"""
    mmse_sd: tuple[float, float] = (0.85, 0.40)
    """SD of MMSE: at C = 0, and per C up to 3. [calibrated]"""
    cdr: tuple[float, float] = (-0.10, 1.42)
    """CDR-SB: at C = 0, and per C. [calibrated]"""
    cdr_sd: tuple[float, float] = (0.20, 0.34)
    """SD of CDR-SB: at C = 0, and per C. [calibrated]"""
    cdr_zero: tuple[float, float] = (0.25, 0.40)
    """A CDR-SB below a value drawn from this range is 0. [chosen]"""
    cdr_forgiven: float = 0.8
    """Share of CN with a positive CDR-SB that is rated 0 after all. [calibrated]"""
    diagnosis_sd: float = 0.60
    """SD of the clinician's view of C; .25 cuts MCI out too sharply. [calibrated]"""
    cn: float = 0.50
    """CN below this C. [calibrated]"""
    mci: tuple[float, float] = (0.45, 2.2)
    """MCI between these C. [calibrated]"""
    ad: float = 2.05
    """AD from this C. [calibrated]"""
    tilt: tuple[float, float, float] = (0.0338, -0.0405, -0.0373)
    """Logarithm of the enrolment weight per year of age for CN, MCI, AD: fitted once, so that mean
    ages are 74, 73 and 75 years. [published: ADNI baseline summaries]"""


@dataclass(frozen=True)
class Shape:
    """From causes to the shape of the brain."""

    mtl: float = 0.75
    """Log-Jacobian loss in the medial temporal lobe per H. [calibrated]"""
    temporal: float = 0.085
    """… in the temporal neocortex per Cx. [published: Carmichael; calibrated]"""
    parietal: float = 0.065
    """… in the parietal lobe per Cx. [published: Carmichael; calibrated]"""
    frontal: float = 0.040
    """… in the frontal lobe per Cx. [published: Carmichael; calibrated]"""
    frontal_M: float = 0.07
    """… in the frontal lobe per M. [calibrated]"""
    ventricle: float = 0.95
    """Log-Jacobian gain in the ventricles per V. [calibrated]"""
    lobe_sd: float = 0.03
    """SD of every lobe's loss. [calibrated]"""
    lobe_limit: float = 0.45
    """Largest |loss| of a lobe: keeps the Jacobian positive. [chosen]"""
    ventricle_range: tuple[float, float] = (-0.9, 1.1)
    """Least and largest gain of the ventricles: keeps the Jacobian positive. [chosen]"""
    side: float = 0.25
    """Asymmetry per unit of laterality and N. [calibrated]"""
    subtype: float = 0.25
    """Parietal sparing per unit of subtype and N. [calibrated]"""
    broad: tuple[float, float] = (45.0, 1.3)
    """FWHM (mm) and SD (mm) of the broad part of the individual warp. [chosen]"""
    fine: tuple[float, float] = (18.0, 0.5)
    """FWHM (mm) and SD (mm) of its fine part. [chosen]"""
    scale_sd: float = 0.012
    """SD of the residual scale along each axis. [chosen]"""
    shear_sd: float = 0.006
    """SD of the residual linear map. [chosen]"""
    fold_sd: float = 0.60
    """Strength of individual cortical folding. [calibrated]"""
    fold_deep: float = 0.25
    """Its share in the deep brain. [calibrated]"""
    fold_mm: float = 4.0
    """FWHM of the folding fields, mm. [chosen]"""
    sharpness: tuple[float, float] = (1.0, 1.4)
    """Sharpness of tissue borders: in the deep brain, and added in cortex. [calibrated]"""
    sulci_Cx: float = 0.55
    """Widening of sulci per Cx and relative atrophy. [calibrated]"""
    sulci_age: float = 0.0108
    """Widening of sulci per year after 45. [calibrated]"""
    sulci_H: float = 0.25
    """Widening around the hippocampus per H. [calibrated]"""


@dataclass(frozen=True)
class Images:
    """From anatomy and causes to what a scanner shows."""

    t1: tuple[float, float, float] = (0.645, 0.87, 0.24)
    """T1 of grey matter, white matter and CSF. [published: MNI152 template]"""
    t1_age: tuple[float, float] = (0.0008, 0.0006)
    """Loss of T1 per year after 73: grey matter (absolute), white matter (relative). [chosen]"""
    t1_sd: float = 0.025
    """SD of each class mean, relative. [chosen]"""
    t1_lesion: float = 0.20
    """Darkening inside white-matter hyperintensities. [chosen]"""
    t1_bias: tuple[float, float] = (80.0, 0.035)
    """FWHM (mm) and SD of the logarithm of the bias field. [chosen]"""
    t1_fwhm: float = 1.2
    """Point spread of the T1, mm. [chosen]"""
    t1_noise: float = 0.022
    """SD of each channel of the Rician noise at 2 mm. [chosen]"""
    lesion: tuple[float, float, float, float] = (3.4, 0.9, 0.55, -3.7)
    """Logit of a lesion: near ventricles, random field, vascular load, constant. [calibrated]"""
    lesion_mm: tuple[float, float] = (6.0, 8.0)
    """Reach from the ventricles, FWHM of the random field; mm. [chosen]"""
    lesion_width: float = 0.25
    """Width of the logistic. [chosen]"""
    region_sd: tuple[float, float] = (0.035, 0.15)
    """SD of a region's FDG uptake and of its amyloid capacity, relative. [calibrated]"""
    fdg_sd: float = 0.03
    """SD of a person's FDG uptake outside the brainstem, relative. [calibrated]"""
    fdg_loss: float = 0.70
    """Multiplies the table's regional losses. [calibrated]"""
    fdg_other: float = 0.35
    """Loss of FDG per M and loading. [calibrated]"""
    fdg_subtype: float = 0.132
    """Share of F that the subtype moves between limbic and cortical regions. [calibrated]"""
    fdg_side: float = 0.35
    """Asymmetry of FDG per asymmetry of disease. [calibrated]"""
    fdg_wm: tuple[float, float, float] = (0.34, 0.05, 0.05)
    """White-matter FDG, its SD (relative) and its loss per W. [published: BrainWeb 4:1, raised]"""
    fdg_csf: float = 0.04
    """FDG in CSF. [chosen]"""
    av45_gm: tuple[float, float] = (0.93, 0.045)
    """Non-specific AV45 in grey matter and its SD. [published: Whittington & Gunn 2019]"""
    av45_A: float = 0.78
    """AV45 uptake per A and capacity. [calibrated]"""
    av45_wm: tuple[float, float] = (1.72, 0.075)
    """White-matter AV45 and its SD, relative. [calibrated]"""
    av45_hind: tuple[float, float] = (1.30, 1.62)
    """White-matter AV45 in the cerebellum and brainstem. [calibrated]"""
    av45_csf: float = 0.25
    """AV45 in CSF. [chosen]"""
    av45_lesion: float = 0.5
    """Share of white-matter AV45 that a lesion loses. [chosen]"""
    texture: tuple[float, float, float] = (24.0, 0.045, 0.04)
    """FWHM (mm) of texture and its SD in FDG and AV45, relative. [chosen: BigBrain argument]"""
    cerebellar_gm: float = 0.74
    """Share of cerebellar tissue that acts as grey matter; the template shows less. [chosen]"""
    pet_fwhm: tuple[float, float] = (7.0, 0.35)
    """Point spread of the PET and its SD, mm. [published: ADNI scanners 5-8 mm]"""
    pet_noise: tuple[float, float] = (0.030, 0.045)
    """Noise of FDG and AV45 per square root of uptake. [chosen]"""
    pet_level: tuple[float, float] = (0.9, 1.1)
    """Uptake at which that noise is quoted. [chosen]"""
    pet_noise_fwhm: float = 6.0
    """FWHM of PET noise, mm. [chosen]"""
    reference_sd: tuple[float, float] = (0.02, 0.025)
    """SD of the error of the reference region, FDG and AV45, relative. [calibrated]"""
    misplaced: tuple[float, float] = (0.0, 0.0)
    """SD of PET-to-MRI misregistration: mm and degrees per axis; off, 1 mm is usual. [chosen]"""
    sites: int = 1
    """Number of scanner sites; one means that all scanners are alike. [chosen]"""
    site_sd: tuple[float, float] = (0.6, 0.03)
    """SD between sites of the PET's point spread (mm) and of white-matter T1. [chosen]"""


@dataclass(frozen=True)
class Parameters:
    """All numbers of the simulation; `Parameters()` is the documented cohort."""

    disease: Disease = field(default_factory=Disease)
    clinic: Clinic = field(default_factory=Clinic)
    shape: Shape = field(default_factory=Shape)
    images: Images = field(default_factory=Images)
