"""`DataArray.bn.curve_fit` beside `DataArray.curvefit`."""

import numpy as np
import pytest
from job_cases import T, decay, decays

xarray = pytest.importorskip("xarray")
pytest.importorskip("batchnewton.xarray")

P0 = {"a": 1.0, "tau": 1.0, "c": 0.0}


@pytest.fixture
def data():
    coords = {"time": T, "site": list("abc")}
    return xarray.DataArray(decays((3, 4)), dims=("site", "run", "time"), coords=coords)


def test_as_curvefit(data):
    ours, theirs = data.bn.curve_fit("time", decay, p0=P0), data.curvefit("time", decay, p0=P0)
    xarray.testing.assert_allclose(ours.curvefit_coefficients, theirs.curvefit_coefficients, rtol=1e-5)
    xarray.testing.assert_allclose(ours.curvefit_covariance, theirs.curvefit_covariance, rtol=1e-3)
    assert ours.curvefit_coefficients.dims == theirs.curvefit_coefficients.dims
    assert (ours.curvefit_status == 0).all()


def test_dimensions_in_any_order_two_coordinates_and_further_dimensions(data):
    """x varies along "time", u along "run"; starts differ from site to site."""

    def plane(x, a, b):
        t, u = x
        return a * np.exp(-0.1 * t) + b * u

    u = xarray.DataArray([1.0, 2.0, 3.0, 4.0], dims="run")
    model = 2 * np.exp(-0.1 * data.time) + 0.5 * u + 0 * data
    start = {"a": xarray.DataArray([1.0, 2.0, 3.0], dims="site", coords={"site": list("abc")})}
    fit = model.transpose("time", "site", "run").bn.curve_fit(["time", u], plane, p0=start)
    assert fit.curvefit_coefficients.dims == ("site", "param")
    np.testing.assert_allclose(fit.curvefit_coefficients, np.tile([2.0, 0.5], (3, 1)), rtol=1e-9)
    reduced = data.bn.curve_fit("time", decay, reduce_dims="run", p0=P0)
    theirs = data.curvefit("time", decay, reduce_dims="run", p0=P0)
    xarray.testing.assert_allclose(reduced.curvefit_coefficients, theirs.curvefit_coefficients, rtol=1e-5)


def test_missing_points(data):
    data[0, 0, 3] = np.nan
    fit = data.bn.curve_fit("time", decay, p0=P0)
    theirs = data.curvefit("time", decay, p0=P0)
    xarray.testing.assert_allclose(fit.curvefit_coefficients, theirs.curvefit_coefficients, rtol=1e-5)
    strict = data.bn.curve_fit("time", decay, p0=P0, skipna=False, errors="ignore")
    assert np.isnan(strict.curvefit_coefficients[0, 0]).all() and strict.curvefit_status[0, 0] != 0
    assert np.isfinite(strict.curvefit_coefficients[1:]).all()
    with pytest.raises(RuntimeError, match="1 of 12 fits failed; the first: "):
        data.bn.curve_fit("time", decay, p0=P0, skipna=False)


def test_points_without_a_coordinate(data):
    data = data.assign_coords(time=np.where(np.arange(16) == 3, np.nan, T))
    fit, theirs = data.bn.curve_fit("time", decay, p0=P0), data.curvefit("time", decay, p0=P0)
    xarray.testing.assert_allclose(fit.curvefit_coefficients, theirs.curvefit_coefficients, rtol=1e-5)
    strict = data.bn.curve_fit("time", decay, p0=P0, skipna=False, errors="ignore")
    assert np.isnan(strict.curvefit_coefficients).all() and (strict.curvefit_status != 0).all()


def test_dask_stays_dask(data):
    pytest.importorskip("dask.array")
    lazy = data.chunk({"site": 2, "time": 5}).bn.curve_fit("time", decay, p0=P0, errors="ignore")
    assert lazy.curvefit_coefficients.chunks is not None
    xarray.testing.assert_identical(lazy.compute(), data.bn.curve_fit("time", decay, p0=P0))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(p0={"b": 1}), "p0 names 'b'; expected some of a, tau, c"),
        (dict(bounds={"b": (0, 1)}), "bounds names 'b'"),
        (dict(errors="never"), "errors='never' is not known"),
        (dict(reduce_dims="day"), "dimension 'day' is not one of the data's"),
    ],
)
def test_bad_calls(data, given, message):
    with pytest.raises(ValueError, match=message):
        data.bn.curve_fit("time", decay, **given)
    with pytest.raises(ValueError, match="use errors='ignore'"):
        data.chunk({"site": 1}).bn.curve_fit("time", decay)
