import numpy as np

from acadiff.cohort.table import Diagnosis, Scores, Subject
from acadiff.evaluation.course import LEVELS, alone, lowest, together

CN, MCI, AD = Diagnosis
COHORT = [
    Subject(f"S{mmse}", None, group, Scores(mmse, 60.0 - 2 * mmse, (30.0 - mmse) / 2), {})
    for mmse, group in ((30.0, CN), (29.0, CN), (27.0, MCI), (26.0, MCI), (21.0, AD), (20.0, AD))
]


def test_alone_only_the_mmse_moves():
    found = alone(COHORT[2])
    assert [s.scores.mmse for s in found] == list(LEVELS)
    assert {(s.diagnosis, s.scores.adas13, s.scores.cdrsb) for s in found} == {(MCI, 6.0, 1.5)}


def test_together_the_record_follows_the_line_of_the_cohort():
    found = together(COHORT[0], COHORT)
    np.testing.assert_allclose([s.scores.adas13 for s in found], [60 - 2 * m for m in LEVELS])
    assert [s.scores.cdrsb for s in found] == [(30 - m) / 2 for m in LEVELS]
    assert [s.diagnosis for s in found] == [CN, MCI, MCI, AD, AD, AD, AD, AD]
    assert lowest(COHORT) == 20


def test_a_course_stays_on_the_scales_and_unknown_scores_stay_unknown():
    steep = [
        Subject(f"T{m}", None, CN, Scores(m, 85 - 40 * (m - 28)), {}) for m in (28.0, 29.0, 30.0)
    ]
    scores = [s.scores for s in together(steep[0], steep)]
    assert all(0 <= s.adas13 <= 85 and s.cdrsb is None for s in scores)
    nobody = [Subject("U", None, None, Scores(), {})]
    assert together(nobody[0], nobody)[0].scores == Scores(29.0)
    assert together(nobody[0], nobody)[0].diagnosis is None
