"""The same visits written in each form people have: Clinica's BIDS, ADNIMERGE, ADNI's tables."""

import csv
import datetime

from acadiff.cohort.clinical.visit import Visit, read_clinical
from acadiff.cohort.table import Diagnosis, Scores

YEAR = 365.25


BASE = """\
participant_id,session_id,date,diagnosis,MMSE,ADAS13,CDRSB,age,sex,apoe4
007,M000,2009-05-17,AD,22,28.33,4.5,71.25,F,1
007,M012,2010-05-20,AD,19,31.67,6,72.25,F,1
NA,M000,2010-11-30,CN,30,6.5,0,80.5,M,0
1E5,M000,2011-01-25,MCI,27,n/a,1.5,69.75,F,n/a
"""
LINES = BASE.splitlines()


def visit(subject, session=None, **known):
    """A visit of which only this is known."""
    scores = Scores(*(known.pop(n, None) for n in ("mmse", "adas13", "cdrsb")))
    names = ("date", "diagnosis", "age", "sex", "apoe4", "education", "site")
    return Visit(subject, session, scores=scores, **{n: known.get(n) for n in names})


def read(tmp_path, content, name="table.csv", **overrides):
    """What one table holds."""
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(data)
    return read_clinical(None, [tmp_path / name], overrides)


def dataset(root, **files):
    """A BIDS folder of tables: `participants="…"`, `sub_A_sessions="…"`."""
    for name, text in files.items():
        stem = name.replace("sub_", "sub-")
        folder = root / stem.partition("_")[0] if "sub-" in stem else root
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{stem}.tsv").write_text(text)
    return root


def codes(clinical):
    """Of all problems."""
    return [problem.code for problem in clinical.problems]


def ptid(rid, site=11):
    """An id as ADNI gives them."""
    return f"{site:03d}_{'S'}_{rid:04d}"


def random_visits(rng, persons):
    """Visits of random people, sorted; each knows an age, a date and something clinical."""
    visits = []
    for rid in sorted(rng.sample(range(2, 9999), persons)):
        site = rng.randint(2, 140)
        born = datetime.date(rng.randint(1920, 1945), rng.randint(1, 12), 15)
        start = datetime.date(2005, 9, 1) + datetime.timedelta(rng.randint(0, 4000))
        person = {
            "sex": rng.choice("MF"),
            "apoe4": rng.choice([0, 1, 2, None]),
            "education": rng.choice([8.0, 12.0, 16.0, 20.0, None]),
        }
        for month in [0, *sorted(rng.sample([6, 12, 24, 36], rng.randint(0, 3)))]:
            date = start + datetime.timedelta(round(month * YEAR / 12) + rng.randint(-20, 20))
            date = start if month == 0 else date
            diagnosis = rng.choice(list(Diagnosis))
            scores = Scores(
                rng.choice([None, float(rng.randint(0, 30))]),
                rng.choice([None, round(rng.uniform(0, 85), 2)]),
                rng.choice([None, rng.randint(0, 36) / 2]),
            )
            age = (date - born).days / YEAR
            visits.append(
                Visit(
                    f"ADNI{site:03d}S{rid:04d}",
                    f"M{month:03d}",
                    date,
                    diagnosis,
                    scores,
                    age,
                    person["sex"],
                    person["apoe4"],
                    person["education"],
                    str(site),
                )  # fmt: skip
            )
    return sorted(visits, key=lambda v: (v.subject, v.session))


def clinica(root, visits):
    """`participants.tsv` and a table of sessions a person."""
    first = {v.subject: v for v in reversed(visits)}
    write(
        root / "participants.tsv",
        [
            {
                "participant_id": f"sub-{v.subject}",
                "alternative_id_1": ptid(int(v.subject[-4:]), int(v.subject[4:7])),
                "sex": v.sex,
                "education_level": v.education,
                "age_bl": v.age,
                "diagnosis_sc": {"CN": "SMC", "MCI": "LMCI", "AD": "AD"}[v.diagnosis.value],
                "apoe4": v.apoe4,
                "adni_rid": v.subject[-4:],
                "site": v.site,
            }
            for v in first.values()
        ],
        "\t",
        "n/a",
    )
    for subject in first:
        rows = [
            {
                "session_id": f"ses-{v.session}",
                "examination_date": v.date.isoformat(),
                "age": v.age,
                "diagnosis": v.diagnosis.value,
                "MMSE": v.scores.mmse,
                "cdr_sb": v.scores.cdrsb,
                "adas11": 3,
                "adas13": v.scores.adas13,
                "adni_av45": 1.1,
            }
            for v in visits
            if v.subject == subject
        ]
        write(root / f"sub-{subject}" / f"sub-{subject}_sessions.tsv", rows, "\t", "n/a")
    return root


def adnimerge(folder, visits):
    """One table of everything, whose age is that at baseline."""
    first = {v.subject: v for v in reversed(visits)}
    rows = [
        {
            "RID": int(v.subject[-4:]),
            "PTID": ptid(int(v.subject[-4:]), int(v.subject[4:7])),
            "VISCODE": viscode(v),
            "SITE": v.site,
            "EXAMDATE": v.date.isoformat(),
            "DX_bl": "LMCI",
            "AGE": first[v.subject].age,
            "PTGENDER": {"M": "Male", "F": "Female"}[v.sex],
            "PTEDUCAT": v.education,
            "APOE4": v.apoe4,
            "CDRSB": v.scores.cdrsb,
            "ADAS11": 3,
            "ADAS13": v.scores.adas13,
            "MMSE": v.scores.mmse,
            "DX": {"CN": "CN", "MCI": "MCI", "AD": "Dementia"}[v.diagnosis.value],
            "EXAMDATE_bl": first[v.subject].date.isoformat(),
            "MMSE_bl": 30,
        }
        for v in visits
    ]
    return write(folder / "ADNIMERGE_03Jul2024.csv", rows, ",", "")


def adni_tables(folder, visits, rng):
    """A folder of ADNI's single tables; some know only the roster number."""
    single = {
        "DXSUM": ("EXAMDATE", lambda v: {"DIAGNOSIS": list(Diagnosis).index(v.diagnosis) + 1}),
        "MMSE": ("VISDATE", lambda v: {"MMSCORE": v.scores.mmse}),
        "ADAS": ("VISDATE", lambda v: {"TOTSCORE": 3, "TOTAL13": v.scores.adas13}),
        "CDR": ("VISDATE", lambda v: {"CDGLOBAL": 0.5, "CDRSB": v.scores.cdrsb}),
    }
    for name, (date, facts) in single.items():
        rows = []
        for v in visits:
            row = person(v) | {"VISCODE": "v01", "VISCODE2": viscode(v), date: v.date.isoformat()}
            rows.append(row | facts(v) | {"SITEID": v.site})
        if name in ("MMSE", "ADAS"):
            rows = [{k: c for k, c in row.items() if k not in ("PTID", "SITEID")} for row in rows]
        rng.shuffle(rows)
        write(folder / f"{name}_15Dec2025.csv", rows, ",", rng.choice(["-4", "-1", "", "NA"]))
    people = list({v.subject: v for v in visits}.values())
    born = {v.subject: v.date - datetime.timedelta(round(v.age * YEAR)) for v in people}
    demography = [
        person(v)
        | {
            "VISCODE2": "sc",
            "PTGENDER": "MF".index(v.sex) + 1,
            "PTDOB": f"{born[v.subject].month:02d}/{born[v.subject].year}",
            "PTEDUCAT": v.education,
        }
        for v in people
    ]
    write(folder / "PTDEMOG_15Dec2025.csv", demography * 2, ",", "-4")
    pairs = {None: (None, None), 0: (3, 3), 1: (3, 4), 2: (4, 4)}
    alleles = {k: dict(zip(("APGEN1", "APGEN2"), pair, strict=True)) for k, pair in pairs.items()}
    genes = [person(v) | {"VISCODE": "sc"} | alleles[v.apoe4] for v in people]
    write(folder / "APOERES_15Dec2025.csv", genes, ",", "-1")
    return folder


def person(v):
    rid = int(v.subject[-4:])
    return {"PTID": ptid(rid, int(v.subject[4:7])), "RID": rid}


def viscode(v):
    months = int(v.session[1:])
    return f"m{months:02d}" if months else "bl"


def write(path, rows, delimiter, missing):
    """A table of these rows, with this word for nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows({k: missing if c is None else c for k, c in row.items()} for row in rows)
    return path
