"""What must be said before a prompt leaves the machine: the one place of these words.

Help texts, refusals and documents all take them from here; nothing is imported, so that
`acadiff --help` answers at once.
"""

FLAG = "--i-may-share-clinical-prompts"

TERMS = (
    "A prompt holds a diagnosis and cognitive scores: health data, and together nearly a "
    "fingerprint of a person. ADNI's data-use agreement forbids AI tools that do not guarantee "
    "to contain what they are given, and handing participant-level data to third parties; that "
    "of PPMI says the same."
)
"""Why it must be said; the agreements themselves are what counts."""
