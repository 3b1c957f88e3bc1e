"""Rows of measurements as a table, as JSON and as Markdown; and the machine they were taken on."""

from __future__ import annotations

import datetime
import json
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

PACKAGES = ("batchnewton", "numba", "llvmlite", "numpy", "jax", "jaxlib", "optimistix", "scipy")
HEAD = ("workload", "dtype", "peer", "fits/s", "range", "ours / it", "solved", "evaluations", "compile s", "setting")
SOLVED = 0.999  # a peer competes where it solves at least this share


@dataclass
class Row:
    """One peer on one workload; ``note`` says why there are no figures."""

    workload: str
    dtype: str
    cores: int
    peer: str
    rates: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)  # ours / it, round by round
    solved: float | None = None
    evaluations: float | None = None
    compile: float | None = None
    setting: str = ""
    problems: int | None = None
    note: str = ""

    def cells(self) -> list[str]:
        start = [self.workload, self.dtype, self.peer]
        if self.note or not self.rates:
            return [*start, "n/a", "", "", "", "", "", self.note or "not measured"]
        spread = f"{rounded(min(self.rates))} to {rounded(max(self.rates))}"
        ratio = f"{median(self.ratios):.2f}" if self.ratios else ""
        counts = [f"{self.solved:.4f}", f"{self.evaluations:.2f}", f"{self.compile:.1f}"]
        return [*start, rounded(median(self.rates)), spread, ratio, *counts, self.setting]


def rounded(rate: float) -> str:
    """Three digits, with a thousands mark."""
    digits = max(0, len(str(int(rate))) - 3)
    return f"{round(rate, -digits):,.0f}"


def summaries(rows: list[Row]) -> list[str]:
    """One line a workload and precision: ours over the best peer that solves (nearly) everything."""
    lines = []
    for key in dict.fromkeys((row.workload, row.dtype) for row in rows):
        group = [row for row in rows if (row.workload, row.dtype) == key]
        ours = next((row for row in group if row.peer == "ours" and row.rates), None)
        peers = [row for row in group if not row.peer.startswith("ours") and row.rates]
        able = [row for row in peers if (row.solved or 0.0) >= SOLVED]
        best = max(able, key=lambda row: median(row.rates), default=None)
        text = f"{key[0]} {key[1]}: "
        if ours is None or best is None:
            lines.append(text + "no comparison (ours, or a peer that solves everything, was not measured)")
            continue
        text += f"ours / {best.peer} = {median(best.ratios):.2f} ({min(best.ratios):.2f} to {max(best.ratios):.2f})"
        text += "" if (ours.solved or 0.0) >= SOLVED else f"; ours solves only {ours.solved:.4f}"
        lines.append(text)
    return lines


def text(rows: list[Row]) -> str:
    from tabulate import tabulate

    right = ["right" if name in HEAD[3:9] else "left" for name in HEAD]
    return tabulate([row.cells() for row in rows], HEAD, colalign=right, disable_numparse=True)


def markdown(rows: list[Row], machine: dict, command: str) -> str:
    parts = [described(machine), f"    {command}"]
    for cores in dict.fromkeys(row.cores for row in rows):
        group = [row for row in rows if row.cores == cores]
        marks = ["---:" if name in HEAD[3:9] else "---" for name in HEAD]
        lines = ["| " + " | ".join(cells) + " |" for cells in (HEAD, marks, *(row.cells() for row in group))]
        parts += [f"### {counted(cores)}", "\n".join(lines), "\n".join(f"- {line}" for line in summaries(group))]
    return "\n\n".join(parts) + "\n"


def counted(cores: int) -> str:
    return "One core" if cores == 1 else f"{cores} cores"


def machine(cores: list[int]) -> dict:
    """What a figure depends on."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    widths = {"avx512f": 512, "avx2": 256, "neon": 128, "sse2": 128}
    return {
        "cpu": cpu_model(),
        "llvm_cpu": binding.get_host_cpu_name(),
        "vector_bits": next((bits for name, bits in widths.items() if features.get(name)), None),
        "cores": len(cores),
        "load": os.getloadavg()[0]
        if hasattr(os, "getloadavg")
        else None,  # of others: near 0 on a machine of one's own
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "packages": {name: installed(name) for name in PACKAGES},
        "date": datetime.date.today().isoformat(),
    }


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def described(machine: dict) -> str:
    packages = ", ".join(f"{name} {found or 'not installed'}" for name, found in machine["packages"].items())
    chip = f"{machine['cpu']} ({machine['llvm_cpu']}, vectors of {machine['vector_bits']} bits)"
    load = "" if machine["load"] is None else f", load before the run {machine['load']:.1f}"
    return f"{machine['date']}; {chip}, {machine['cores']} cores{load}; Python {machine['python']}, {packages}."


def write_json(file: str, rows: list[Row], machine: dict, command: str) -> None:
    content = {"machine": machine, "command": command, "rows": [asdict(row) for row in rows]}
    Path(file).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
