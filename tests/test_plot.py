"""Pictures: what is on the Axes is what the result says."""

import matplotlib
import numpy as np
import pytest
import workloads
from matplotlib import pyplot

import batchnewton as bn
from batchnewton import plot
from batchnewton.status import Status

T = np.linspace(0, 5, 16)


@pytest.fixture(autouse=True)
def closed():
    """No figure outlives its test, and no window is opened."""
    before = matplotlib.get_backend()
    pyplot.switch_backend("Agg")
    yield
    pyplot.close("all")
    pyplot.switch_backend(before)


@pytest.fixture(scope="module")
def decays():
    """Twelve decays, of which number 7 has no signal, and number 3 one missing point."""
    truth = np.stack([np.linspace(1, 2, 12), np.linspace(0.5, 1.5, 12), np.full(12, 0.2)], 1)
    y = workloads.decay(T, *truth.T[:, :, None]) + np.random.default_rng(0).normal(0, 0.02, (12, 16))
    y[7], y[3, 5] = np.nan, np.nan
    return bn.curve_fit(workloads.decay, T, y, p0=[1.0, 1.0, 0.0], history=True), y, truth


def lines(axes):
    return {line.get_label(): line for line in axes.lines}


def drawn_points(axes):
    """Of the error bars' data line."""
    return axes.containers[0].lines[0].get_data()


# ---- curves


def test_fit_draws_data_curve_and_band(decays):
    res, y, _ = decays
    axes = plot.fit(res, 2, level=0.8, points=50)
    assert np.array_equal(drawn_points(axes), [T, y[2]])
    x, value = lines(axes)["fit"].get_data()
    band = res.band(x, 0.8)
    assert np.allclose(value, band.value[2], rtol=1e-12)
    corners = axes.collections[-1].get_paths()[0].vertices
    assert np.isclose(corners[:, 1].max(), band.upper[2].max()) and np.isclose(corners[:, 1].min(), band.lower[2].min())
    assert [text.get_text() for text in axes.get_legend().get_texts()][-2:] == ["80 % band", "data"]


def test_fit_draws_on_the_axes_that_came(decays):
    axes = pyplot.figure().add_subplot()
    axes.set_xscale("log")
    res = bn.curve_fit(workloads.decay, T + 1, decays[1][2], p0=[1.0, 1.0, 0.0])
    assert plot.fit(res, axes=axes) is axes
    x = lines(axes)["fit"].get_xdata()
    assert np.allclose(np.diff(np.log(x)), np.log(6) / 199)


def test_rows_left_out_are_pale(decays):
    mask = np.ones(16, bool)
    mask[4] = False
    res = bn.curve_fit(workloads.decay, T, decays[1][2], p0=[1.0, 1.0, 0.0], mask=mask)
    axes = plot.fit(res)
    assert np.array_equal(drawn_points(axes)[0], T[mask])
    assert np.array_equal(lines(axes)["left out"].get_data(), [[T[4]], [decays[1][2, 4]]])


def test_error_bars_are_those_of_the_data(decays):
    y = decays[1][2]
    sigma = np.linspace(0.01, 0.03, 16)
    halves = []
    for given in (sigma, np.diag(sigma**2)):
        axes = plot.fit(bn.curve_fit(workloads.decay, T, y, p0=[1.0, 1.0, 0.0], sigma=given))
        assert np.allclose(drawn_points(axes), [T, y])
        bars = axes.containers[0].lines[2][0].get_segments()
        halves.append([np.ptp(bar[:, 1]) / 2 for bar in bars])
    assert np.allclose(halves, [sigma, sigma])


def test_counts_of_trials_are_drawn_as_shares():
    def share(x, a, b):
        return 1 / (1 + np.exp(-a - b * x))

    x, y = np.arange(5.0), np.array([2.0, 5.0, 11.0, 14.0, 18.0])
    res = bn.curve_fit(share, x, y, p0=[0.0, 0.0], loss="binomial", trials=20.0)
    assert np.allclose(drawn_points(plot.fit(res))[1], y / 20)


def test_a_failed_fit_is_red_and_has_no_band(decays):
    res = decays[0]
    axes = plot.fit(res, 3)
    assert axes.get_title() == "problem 3: CONVERGED" and len(axes.collections) == 1
    bad = bn.curve_fit(workloads.decay, T, decays[1][2], p0=[1.0, 1.0, 0.0], max_iter=1)
    axes = plot.fit(bad)
    assert axes.get_title() == "problem 0: MAX_ITER"
    assert not axes.collections
    assert lines(axes)["no success"].get_color() == "tab:red" and lines(axes)["no success"].get_linestyle() == "--"
    assert not [one for one in axes.get_legend().get_texts() if "band" in one.get_text()]


def test_worst_come_first(decays):
    res = decays[0]
    titles = [axes.get_title() for axes in plot.fits(res, "worst", 3)]
    chi = np.where(res.success, res.reduced_chi_square, np.inf)
    assert [int(title.split()[1][:-1]) for title in titles] == list(np.argsort(-chi)[:3])
    assert titles[0] == "problem 7: TOO_FEW_POINTS"


def test_fits_of_chosen_and_random_problems(decays):
    res = decays[0]
    axes = pyplot.figure().subplots(1, 2)
    drawn = plot.fits(res, [5, -1], axes=axes)
    assert [one.get_title()[:10] for one in drawn] == ["problem 5:", "problem 11"] and list(drawn) == list(axes)
    once, again = ([one.get_title() for one in plot.fits(res, "random", 4, seed=2)] for _ in range(2))
    assert once == again and len(set(once)) == 4


def test_several_fits_share_one_legend(decays):
    drawn = plot.fits(decays[0], [3, 7])
    assert not any(axes.get_legend() for axes in drawn)
    (legend,) = drawn[0].figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {"fit", "95 % band", "data", "no success"}
    own = pyplot.figure().subplots(1, 2)
    assert all(axes.get_legend() for axes in plot.fits(decays[0], [3, 7], axes=own))


# ---- maps


def test_status_map(decays):
    axes = plot.status_map(decays[0], (3, 4))
    expected = np.zeros((3, 4))
    expected[1, 3] = 1
    assert np.array_equal(axes.images[0].get_array(), expected)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        *("CONVERGED 91.7 %", "TOO_FEW_POINTS 8.33 %"),
    ]
    colours = axes.images[0].to_rgba(expected)
    assert len({tuple(colour) for colour in colours.reshape(-1, 4)}) == 2


def test_every_status_has_its_own_colour():
    assert set(plot.common.COLOURS) == set(Status) and len(set(plot.common.COLOURS.values())) == len(Status)


def test_parameter_map_masks_failures_and_heeds_quantiles(decays):
    res = decays[0]
    axes = plot.parameter_map(res, "T", (3, 4), quantiles=(0.1, 0.9))
    (image,) = axes.images
    assert np.array_equal(image.get_array().mask.ravel(), ~res.success)
    assert np.array_equal(image.get_array().compressed(), res["T"][res.success])
    assert image.get_clim() == pytest.approx(tuple(np.quantile(res["T"][res.success], [0.1, 0.9])))
    assert image.colorbar.extend == "both" and axes.get_title() == "T"
    whole = plot.parameter_map(res, res.stderr[:, 0], (3, 4), quantiles=(0, 1)).images[0]
    assert whole.colorbar.extend == "neither"
    assert np.array_equal(whole.get_array().compressed(), res.stderr[res.success, 0])


def test_parameter_maps(decays):
    axes = plot.parameter_maps(decays[0], (4, 3), ["c", "a"], quantiles=(0, 1))
    assert [one.get_title() for one in axes] == ["c", "a"]
    assert np.array_equal(axes[1].images[0].get_array().compressed(), decays[0]["a"][decays[0].success])


# ---- convergence


@pytest.fixture(scope="module")
def valleys():
    """One function from many starts: all end at one minimum, where one constant holds for all."""
    starts = workloads.make("W5", 100)["p0"].astype(float)
    return bn.minimize(workloads.valley, starts, (1.0, 100.0), history=True)


def test_convergence_draws_the_history(valleys):
    axes = plot.convergence(valleys, [4, 9])
    for line, i in zip(axes.lines, [4, 9], strict=True):
        evaluation, g = line.get_data()
        told = valleys.history.grad[i, : valleys.nfev[i]]
        assert np.array_equal(evaluation, np.arange(1, valleys.nfev[i] + 1))
        assert np.array_equal(g, np.where(told > 0, told, np.nan), equal_nan=True)
    assert axes.get_yscale() == "log"


def test_newton_has_order_two(valleys):
    axes = plot.convergence_order(valleys)
    before, after = lines(axes)["steps"].get_data()
    late = (before < 1e-1) & (before > 1e-4)  # below, the next gradient is nothing but rounding
    slope = np.polyfit(np.log(before[late]), np.log(after[late]), 1)[0]
    assert late.sum() > 20 and 1.7 < slope < 2.3
    x, y = lines(axes)["slope 2"].get_data()
    assert np.diff(np.log(y)) == pytest.approx(2 * np.diff(np.log(x)))


# ---- histograms, correlation


def test_residuals_have_the_width_they_should(decays):
    axes = plot.residuals(decays[0])
    said = axes.get_legend().get_texts()[1].get_text()
    assert said.startswith(f"{11 * 16 - 1} residuals: mean ")
    width = np.mean((np.r_[np.full(10, 16), 15] - 3) / np.r_[np.full(10, 16), 15]) ** 0.5
    assert lines(axes)[f"normal, width {width:.3f}"]
    area = sum(bar.get_height() * bar.get_width() for bar in axes.patches)
    assert area == pytest.approx(1.0)


def test_pulls_of_right_and_of_wrong_errors(decays):
    res, _, truth = decays
    axes = plot.pulls(res, truth)
    pulled = ((res.x - truth) / res.stderr)[res.success]
    expected = [f"{name}: mean {p.mean():+.2f}, width {p.std():.2f}" for name, p in zip("aTc", pulled.T, strict=True)]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [*expected, "unit normal"]
    far = plot.pulls(res, truth + 100)
    assert "a: mean " in far.get_legend().get_texts()[0].get_text()
    assert far.get_legend().get_texts()[0].get_text().endswith("; 11 beyond 5")


def test_correlation(decays):
    res = decays[0]
    one, all_of = plot.correlation(res, 2), plot.correlation(res)
    assert np.array_equal(one.images[0].get_array(), res.correlation[2])
    assert np.allclose(all_of.images[0].get_array(), np.median(res.correlation[res.success], 0), rtol=1e-12)
    assert [text.get_text() for text in one.get_xticklabels()] == ["a", "T", "c"]
    assert one.texts[1].get_text() == f"{res.correlation[2, 0, 1]:.2f}"
    assert not plot.correlation(res, 7).texts  # no covariance


# ---- bad calls


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda res: plot.fit({"x": 1}), TypeError, "result is a dict; expected what curve_fit"),
        (lambda res: plot.fit(res, 12), ValueError, "i is 12; expected the number of a problem, 0 to 11"),
        (lambda res: plot.fit(res, 1.5), TypeError, "i is a float"),
        (lambda res: plot.fit(res, 0, "here"), TypeError, "axes is a str; expected matplotlib Axes"),
        (lambda res: plot.fit(res, points=1), ValueError, "points is 1; expected at least 2"),
        (lambda res: plot.fit(res, level=2), ValueError, "level"),
        (lambda res: plot.fits(res, "best"), ValueError, "which is 'best'; expected 'worst', 'random', or"),
        (lambda res: plot.fits(res, "worst", 0), ValueError, "count is 0"),
        (lambda res: plot.fits(res, [1, 2], axes=[pyplot.gca()]), ValueError, "axes holds 1 Axes; expected 2"),
        (lambda res: plot.status_map(res, (5, 5)), ValueError, "shape is .5, 5.; expected .* that hold 12 problems"),
        (lambda res: plot.status_map(res, 12), ValueError, r"shape is 12; expected \(rows, columns\)"),
        (lambda res: plot.parameter_map(res, "tau", (3, 4)), KeyError, "'tau' is no parameter"),
        (lambda res: plot.parameter_map(res, [1, 2], (3, 4)), ValueError, r"what has shape \(2,\); expected \(12,\)"),
        (lambda res: plot.parameter_map(res, "T", (3, 4), quantiles=(1, 0)), ValueError, "0 <= lower < upper <= 1"),
        (lambda res: plot.pulls(res, np.ones(2)), ValueError, r"truth has shape \(2,\); expected \(12, 3\), or \(3,\)"),
        (lambda res: plot.residuals(res, bins=0), ValueError, "bins is 0"),
    ],
)
def test_bad_calls(decays, call, error, said):
    with pytest.raises(error, match=said):
        call(decays[0])


def test_what_a_result_does_not_have():
    res = bn.minimize(workloads.valley, [-1.2, 1.0], (1.0, 100.0))
    with pytest.raises(ValueError, match="no history; expected one of a solve with history=True"):
        plot.convergence(res)
    with pytest.raises(ValueError, match="needs a curve; expected a result of curve_fit"):
        plot.fits(res)


def test_formulas_of_two_coordinates_are_no_curves():
    data = {name: array.astype(float) for name, array in workloads.make("W1_5", 3).items()}
    res = bn.curve_fit(workloads.gauss2d, data["x"], data["y"], p0=data["p0"])
    with pytest.raises(ValueError, match="takes 2 coordinates; expected curves of one"):
        plot.fit(res)


def test_without_matplotlib_it_says_what_to_install(decays, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'batchnewton\[plot\]'"):
        plot.status_map(decays[0], (3, 4))
