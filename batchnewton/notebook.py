"""A result as HTML, for notebooks: counts by status, throughput, the first rows, histograms.  No library is needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

ROWS, COLUMNS, BINS = 5, 8, 40  # shown of the table; parameters shown; bars of a histogram
SAMPLE = 100_000  # problems that a histogram looks at, evenly spread over the batch
ROUNDING = 1e-9  # a spread of less than this share of the values is not drawn
WIDTH, HEIGHT = 160, 48  # of a histogram
CELL = "text-align:right;padding:1px 8px;white-space:nowrap"
LEFT = "text-align:left;padding:1px 8px"


def page(
    names: Sequence[str],
    x: np.ndarray,
    fun: np.ndarray,
    nfev: np.ndarray,
    statuses: Sequence[tuple[str, int, bool, str]],
    ends: Sequence[str],
    good: np.ndarray,
    seconds: float | None,
) -> str:
    """The whole.

    Parameters
    ----------
    names : sequence of str
        Of the unknowns.
    x, fun, nfev : (B, n), (B,) and (B,) arrays
    statuses : sequence of (str, int, bool, str)
        Name, number of problems, whether it is a success, what it means; the most frequent first.
    ends : sequence of str
        Names of the statuses of the first rows.
    good : (B,) array of bool
        Which problems were a success.
    seconds : float, optional
        What the solve took.
    """
    size, n = x.shape
    head = f"{counted(size, 'problem')}, {counted(n, 'unknown')}, {nfev.mean():.1f} evaluations each"
    if seconds:
        rate = float(f"{size / seconds:.3g}")
        head += f"; {seconds:.3g} s, {rate:,.0f} problems/s, compiling included where it had to be"
    shown = range(min(n, COLUMNS))
    parts = [f"<p><b>batchnewton.Result</b>: {head}</p>", table_of_statuses(statuses, size)]
    parts += [table_of_rows(names, x, fun, nfev, ends)]
    step = -(-size // SAMPLE)
    parts += ["".join(histogram(names[i], x[::step, i][good[::step]]) for i in shown)]
    return f'<div style="font-size:90%">{"".join(parts)}</div>'


def counted(number: int, what: str) -> str:
    """So many of something."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]], left: Iterable[int]) -> str:
    """Cells that are HTML already; the columns ``left`` are words, the others numbers."""
    words = set(left)

    def line(cells: Iterable[str], tag: str) -> str:
        styled = (f'<{tag} style="{LEFT if at in words else CELL}">{cell}</{tag}>' for at, cell in enumerate(cells))
        return f"<tr>{''.join(styled)}</tr>"

    return f"<table>{line(head, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"


def table_of_statuses(statuses: Sequence[tuple[str, int, bool, str]], size: int) -> str:
    """Counts, shares with a bar, what each status says."""

    def bar(count: int, good: bool) -> str:
        width, colour = max(1, round(100 * count / size)), "#4477aa" if good else "#cc3311"
        return f'<div style="width:{width}px;height:0.7em;background:{colour}"></div>'

    rows = (
        (escape(name), f"{count:,}", f"{100 * count / size:.2f} %", bar(count, good), escape(advice))
        for name, count, good, advice in statuses
    )
    return table(("status", "problems", "share", "", ""), rows, (0, 3, 4))


def table_of_rows(names: Sequence[str], x: np.ndarray, fun: np.ndarray, nfev: np.ndarray, ends: Sequence[str]) -> str:
    """The first problems."""
    size, n = x.shape
    shown, more = range(min(n, COLUMNS)), n > COLUMNS
    head = ["", *(escape(names[i]) for i in shown), *(["…"] * more), "fun", "nfev", "status"]
    rows = [
        [f"<b>{b}</b>", *(f"{x[b, i]:.6g}" for i in shown), *(["…"] * more), f"{fun[b]:.6g}", str(nfev[b]), escape(end)]
        for b, end in enumerate(ends)
    ]
    rows += [["…", *([""] * (len(head) - 1))]] * (size > len(ends))
    return table(head, rows, (len(head) - 1,))


def profiles(ends: Mapping[str, Any], reasons: Mapping[str, Any]) -> str:
    """Intervals of the first problems, parameter by parameter, with the reasons of ends that were not found."""
    rows = []
    for name, pairs in ends.items():
        pairs, said = np.atleast_2d(np.asarray(pairs)), np.atleast_2d(reasons[name])
        for b, (pair, why) in enumerate(zip(pairs[:ROWS], said[:ROWS], strict=True)):
            rows += [
                [escape(name), f"<b>{b}</b>", *(f"{one:.6g}" for one in pair), escape("; ".join(filter(None, why)))]
            ]
        rows += [[escape(name), "…", "", "", ""]] * (len(pairs) > ROWS)
    return table(("parameter", "", "lower", "upper", ""), rows, (0, 4))


def histogram(name: str, values: np.ndarray) -> str:
    """Bars between the quantiles of 1 and 99 %, as SVG; in words where there is nothing to draw."""
    seen = np.asarray(values, np.float64)
    seen = seen[np.isfinite(seen)]
    if not seen.size:
        return figure(name, "", "no success")
    low, high = np.quantile(seen, [0.01, 0.99])
    if not high - low > ROUNDING * max(abs(low), abs(high)) or not np.isfinite(high - low):
        return figure(name, "", f"{low:.4g}")
    counts, _ = np.histogram(seen, BINS, (low, high))
    wide, tall = WIDTH / BINS, HEIGHT / counts.max()
    bars = "".join(
        f'<rect x="{at * wide:.3g}" y="{HEIGHT - count * tall:.4g}" width="{wide:.3g}" height="{count * tall:.4g}"/>'
        for at, count in enumerate(counts)
        if count
    )
    return figure(name, bars, f"{low:.4g} to {high:.4g}")


def figure(name: str, bars: str, said: str) -> str:
    """A title, bars, and what they span."""
    drawn = f'<svg width="{WIDTH}" height="{HEIGHT}" fill="#4477aa" role="img">{bars}</svg>' if bars else ""
    style = "display:inline-block;margin:4px 12px 4px 0;text-align:center;vertical-align:bottom"
    return f'<div style="{style}"><b>{escape(name)}</b><br/>{drawn}<br/><small>{said}</small></div>'
