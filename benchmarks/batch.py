"""The showcase: cuts and rooms beside what is known, the film beside a graph typed by hand. The annotation package: its readers,
and tracks beside the truth. `python -m benchmarks.batch`
"""

import tempfile
from pathlib import Path

from benchmarks.batch_annotation import annotation_figures
from benchmarks.batch_film import film_figures
from benchmarks.batch_look import look_figures
from benchmarks.report import report


def main() -> None:
    report("batch_look", *look_figures())
    with tempfile.TemporaryDirectory() as folder:
        report("batch_film", *film_figures(Path(folder)))
    with tempfile.TemporaryDirectory() as folder:
        report("batch_annotation", *annotation_figures(Path(folder)))


if __name__ == "__main__":
    main()
