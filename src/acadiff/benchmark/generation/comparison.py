"""Every method on equal terms: trained if it is not, asked for the nine tasks, and scored."""

from collections.abc import Sequence
from pathlib import Path

from acadiff.benchmark.generation.bench import Bench
from acadiff.benchmark.generation.job import is_done, perform
from acadiff.benchmark.generation.markdown import markdown
from acadiff.benchmark.generation.page import write_page
from acadiff.benchmark.generation.pictures import pictures
from acadiff.benchmark.generation.plan import Job
from acadiff.benchmark.generation.results import gather, write_tables
from acadiff.commit import lock, write_text
from acadiff.evaluation.bars import bars


def run(jobs: Sequence[Job], chosen: Sequence[Job], bench: Bench) -> tuple[str, ...]:
    """Do the chosen jobs, then write the tables once all jobs are done.

    Args:
        jobs: all of the comparison.
        chosen: those to do now; other processes and devices may do the others at the same time.
        bench: where, with whom and how.

    Returns:
        Names of the jobs that are not done yet; the tables are there if there is none.
    """
    for job in chosen:
        perform(job, bench)
    left = tuple(job.name for job in jobs if not is_done(bench.folder(job)))
    if not left:
        with lock(bench.out / "tables"):
            present(jobs, bench)
        bench.on_step("tables: written")
    return left


def present(jobs: Sequence[Job], bench: Bench) -> Path:
    """Write tables, figures and the page from what the jobs left; returns the page's path."""
    results = gather(jobs, bench)
    write_tables(results, bench.out)
    asked = bars(results.table)
    text = markdown(
        results.table, asked, results.compute, results.below, simulated=results.simulated
    )
    write_text(bench.out / "table.md", text)
    return write_page(results, asked, pictures(jobs, bench), bench.out)
