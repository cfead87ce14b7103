from acadiff.cohort.table import Diagnosis, Scores, Subject
from acadiff.cohort.told import (
    FLIPPED,
    MEANINGS,
    OPPOSITE,
    OWN,
    SCORES,
    SHUFFLED,
    TOLD_AD,
    TOLD_CN,
    WITHHELD,
    conditions,
    typical,
)

CN, MCI, AD = Diagnosis


def person(name, group, mmse=None):
    return Subject(name, None, group, Scores(mmse), {}, 70.0, "F", 1)


PEOPLE = [
    *(person(f"C{n}", CN, 29.0 + n % 2) for n in range(4)),
    *(person(f"M{n}", MCI, 26.0 + n) for n in range(3)),
    *(person(f"A{n}", AD, 20.0 + n) for n in range(3)),
    person("U", None),
]


def test_only_the_record_is_exchanged():
    for subject, told in zip(PEOPLE, conditions(PEOPLE, 0), strict=True):
        assert list(told) == [name for name in MEANINGS if name in told]
        assert told[OWN] == subject
        assert {said.key for said in told.values()} == {subject.key}
        assert told[SCORES].scores == subject.scores
        assert told[SCORES].diagnosis is None


def test_nothing_is_told_where_it_is_withheld():
    for told in conditions(PEOPLE, 0):
        bare = told[WITHHELD]
        assert (bare.diagnosis, bare.scores) == (None, Scores())
        assert (bare.age, bare.sex, bare.apoe4) == (None, None, None)


def test_nobody_keeps_its_own_record_and_every_record_is_given_once():
    given = [told[SHUFFLED] for told in conditions(PEOPLE, 3)]
    records = sorted((str(s.diagnosis), str(s.scores)) for s in PEOPLE)
    assert sorted((str(s.diagnosis), str(s.scores)) for s in given) == records
    unique = [person(f"X{n}", CN, float(n)) for n in range(9)]
    shuffled = [told[SHUFFLED].scores for told in conditions(unique, 1)]
    assert all(s.scores != other for s, other in zip(unique, shuffled, strict=True))


def test_cn_and_ad_are_flipped_and_mci_is_not():
    for subject, told in zip(PEOPLE, conditions(PEOPLE, 0), strict=True):
        if subject.diagnosis in (CN, AD):
            other = AD if subject.diagnosis is CN else CN
            assert told[FLIPPED].diagnosis is other
            assert told[FLIPPED].scores == subject.scores
            assert told[OPPOSITE].diagnosis is subject.diagnosis
            assert told[OPPOSITE].scores in [s.scores for s in PEOPLE if s.diagnosis is other]
        else:
            assert not {FLIPPED, OPPOSITE} & told.keys()


def test_everybody_is_told_the_same_of_a_group():
    told = conditions(PEOPLE, 0)
    assert {t[TOLD_AD].scores for t in told} == {Scores(21.0)}
    assert {t[TOLD_CN].diagnosis for t in told} == {CN}
    assert typical([person("x", CN)]) == Scores()
    alone = conditions([person("x", MCI, 27.0)], 0)[0]
    assert not {TOLD_AD, TOLD_CN} & alone.keys()
