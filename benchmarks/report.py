"""How a benchmark speaks: one line per figure, a ratio against its named baseline, and a JSON file."""

import json
import platform
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

OUT = Path(__file__).parent / "out"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number beside what it is measured against."""

    name: str
    value: float
    unit: str
    baseline_name: str
    baseline: float
    """A number measured in the same run, or a stated target."""
    is_better: str
    """`higher` or `lower`."""
    limit_ratio: float
    """value / baseline must not be worse than this."""

    @property
    def ratio(self) -> float:
        return self.value / self.baseline if self.baseline else float("inf")

    @property
    def is_met(self) -> bool:
        return self.ratio >= self.limit_ratio if self.is_better == "higher" else self.ratio <= self.limit_ratio

    def line(self) -> str:
        word = "met" if self.is_met else "NOT MET"
        sign = "≥" if self.is_better == "higher" else "≤"
        return (
            f"{self.name}: {self.value:.4g} {self.unit} · {self.ratio:.2f}× of {self.baseline_name}"
            f" ({self.baseline:.4g} {self.unit}) · wanted {sign} {self.limit_ratio:g}× · {word}"
        )


def report(benchmark: str, figures: list[Figure], notes: dict[str, object] | None = None) -> None:
    """Print the figures and write them to `benchmarks/out/<benchmark>.json`."""
    OUT.mkdir(exist_ok=True)
    for figure in figures:
        print(f"{benchmark}  {figure.line()}", flush=True)
    for name, value in (notes or {}).items():
        print(f"{benchmark}  {name}: {value}", flush=True)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "at": time.strftime("%Y-%m-%dT%H:%M:%S")}
    rows = [asdict(f) | {"ratio": f.ratio, "is_met": f.is_met} for f in figures]
    (OUT / f"{benchmark}.json").write_text(json.dumps({"figures": rows, "notes": notes or {}, "machine": machine}, indent=2))


def percentile(values: list[float], percent: float) -> float:
    """The nearest-rank percentile of `values`; NaN when there are none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(percent / 100 * len(ordered) + 0.5) - 1))]


def fail(message: str) -> NoReturn:
    print(f"benchmark cannot run: {message}", file=sys.stderr)
    raise SystemExit(2)
