"""What a notebook shows of a result: right numbers, well-formed, nothing of the user's taken for HTML."""

import xml.etree.ElementTree as xml

import numpy as np
import pytest
import workloads

import batchnewton as bn
from batchnewton import notebook


def cells(result):
    """Tables of the page as lists of texts."""
    tree = xml.fromstring(result._repr_html_())
    return [[["".join(cell.itertext()) for cell in row] for row in table] for table in tree.iter("table")]


@pytest.fixture(scope="module")
def valleys():
    """Twelve certified minima, and three starts that are not finite."""
    data = {name: array.astype(float) for name, array in workloads.make("W5", 15).items()}
    data["p0"][4:7, 0] = np.nan
    return bn.minimize(workloads.valley, data["p0"], (data["a"], data["b"]))


def test_counts_by_status(valleys):
    statuses, _ = cells(valleys)
    assert [row[:3] for row in statuses[1:]] == [
        ["CONVERGED", "12", "80.00 %"],
        ["NOT_FINITE_AT_START", "3", "20.00 %"],
    ]
    assert statuses[2][4] in valleys.message(4)
    colours = [
        box for box in ("#4477aa;", "#cc3311;") if f"background:{box}" in valleys._repr_html_().replace('"', ";")
    ]
    assert len(colours) == 2


def test_first_rows(valleys):
    _, rows = cells(valleys)
    assert rows[0] == ["", "x0", "x1", "fun", "nfev", "status"]
    assert len(rows) == 1 + notebook.ROWS + 1 and rows[-1][0] == "…"
    for i in range(notebook.ROWS):
        x, end = valleys.x[i], bn.Status(int(valleys.status[i])).name
        assert rows[1 + i] == [str(i), f"{x[0]:.6g}", f"{x[1]:.6g}", f"{valleys.fun[i]:.6g}", f"{valleys.nfev[i]}", end]


def test_throughput_is_that_of_the_clock(valleys):
    text = "".join(xml.fromstring(valleys._repr_html_()).itertext())
    assert valleys.seconds > 0
    assert f"15 problems, 2 unknowns, {valleys.nfev.mean():.1f} evaluations each" in text
    rate = text.split(" s, ")[1].split(" problems/s")[0].replace(",", "")
    assert f"{valleys.seconds:.3g} s" in text and float(rate) == pytest.approx(15 / valleys.seconds, rel=5e-3, abs=0.5)


def test_histogram_has_the_counts():
    values = np.random.default_rng(0).normal(3, 1, 5000)
    tree = xml.fromstring(notebook.histogram("T", np.r_[values, np.nan, np.inf]))
    bars = np.array([[float(bar.get(name)) for name in ("x", "y", "height")] for bar in tree.iter("rect")])
    low, high = np.quantile(values, [0.01, 0.99])
    counts, _ = np.histogram(values, notebook.BINS, (low, high))
    assert np.allclose(bars[:, 2], counts / counts.max() * notebook.HEIGHT, rtol=1e-3)
    assert np.allclose(bars[:, 1] + bars[:, 2], notebook.HEIGHT, atol=0.02)
    assert tree.find("small").text == f"{low:.4g} to {high:.4g}"


def test_histograms_are_of_successes_alone(valleys, monkeypatch):
    seen = {}
    monkeypatch.setattr(notebook, "histogram", lambda name, values: seen.update({name: values}) or "")
    valleys._repr_html_()
    assert np.array_equal(seen["x1"], valleys.x[valleys.success, 1])


@pytest.mark.parametrize(
    ("values", "said"),
    [([], "no success"), ([2.5] * 9, "2.5"), ([np.nan], "no success"), (1000 + 2e-13 * np.arange(9), "1000")],
)
def test_nothing_to_draw(values, said):
    tree = xml.fromstring(notebook.histogram("T", np.array(values)))
    assert tree.find("small").text == said and not list(tree.iter("svg"))


def test_names_are_escaped():
    name, x = '<script>&"', np.ones((1, 1))
    text = notebook.page([name], x, x[0], x[0], [("<b>", 1, False, "<i>")], ["<u>"], np.array([True]), None)
    assert "<script>" not in text and "<i>" not in text and "<u>" not in text
    assert "".join(xml.fromstring(text).itertext()).count(name) == 2  # in the table, and above the histogram


def test_one_problem_and_many_unknowns():
    one = bn.minimize(workloads.valley, [-1.2, 1.0], (1.0, 100.0))
    statuses, rows = cells(one)
    assert "1 problem, 2 unknowns" in one._repr_html_() and len(rows) == 2 and statuses[1][0] == "CONVERGED"
    names, x = [f"x{i}" for i in range(12)], np.ones((3, 12))
    text = notebook.page(
        names, x, np.zeros(3), np.ones(3, int), [("CONVERGED", 3, True, "")], ["CONVERGED"] * 3, x[:, 0] > 0, None
    )
    assert "x7" in text and "x8" not in text and "problems/s" not in text
