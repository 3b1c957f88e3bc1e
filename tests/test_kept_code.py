"""Compiled formulas, in memory and on disk: when they are the same, how they are shared, what repairs them."""

import ctypes
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import batchnewton as bn


def test_a_changed_global_is_another_formula():
    space = {"np": np, "power": 2}
    exec("def f(x):\n    return (x[0] - power) ** 2", space)
    assert bn.minimize(space["f"], [0.5]).x[0] == 2
    space["power"] = 3
    assert bn.minimize(space["f"], [0.5]).x[0] == 3


def test_a_second_process_compiles_nothing(tmp_path):
    program = textwrap.dedent(
        """
        import sys, numba.core.compiler as compiler
        import batchnewton as bn
        count = [0]
        real = compiler.CompilerBase.compile_extra
        def counted(self, *arguments):
            count[0] += 1
            return real(self, *arguments)
        compiler.CompilerBase.compile_extra = counted
        from batchnewton.kernels import machine
        optimised = machine.optimised
        machine.optimised = lambda *given: (count.append(1), optimised(*given))[1]
        res = bn.minimize(lambda x, a: (x[0] - a) ** 4 + x[0] ** 2, [[1.0]] * 3, ([1.0, 2.0, 3.0],))
        print(sum(count), len(count) - 1, res.x.tobytes().hex())
        """
    )
    script = tmp_path / "job.py"
    script.write_text(program)
    environment = os.environ | {"BATCHNEWTON_CACHE": str(tmp_path / "cache")}
    runs = [
        subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    (loops, kernels, x), (loops_again, kernels_again, y) = (run.split() for run in runs)
    assert int(loops) > 0 and int(kernels) > 0
    assert loops_again == kernels_again == "0"
    assert x == y
    assert (tmp_path / "cache" / "kernels").stat().st_mode & 0o077 == 0 or os.name == "nt"


def test_threads_of_the_user_may_meet_the_same_new_formula():
    def cubic(x, a):
        return (x[0] - a) ** 2 + 0.125 * x[0] ** 4 * a**2

    def work(a):
        return bn.minimize(cubic, [[1.0]], ([a],)).x[0, 0]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(work, [0.5, 1.0, 1.5, 2.0] * 4))
    assert together == [work(a) for a in [0.5, 1.0, 1.5, 2.0]] * 4


def test_a_tampered_module_in_the_cache_is_replaced(tmp_path, monkeypatch):
    from batchnewton import compile as compiler
    from batchnewton.kernels import cache

    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)
    text = "value = 1\n"
    assert compiler.load("tampered", text).value == 1
    (file,) = tmp_path.glob("*.py")
    sys.modules.pop(file.stem)
    file.write_text("value = 2\n")
    assert compiler.load("tampered", text).value == 1
    assert file.read_text() == text


@pytest.mark.parametrize("damage", [lambda whole: whole[:-9], lambda whole: b"", lambda whole: whole[:80] + whole[81:]])
def test_machine_code_that_is_not_whole_is_made_again(damage, tmp_path, monkeypatch):
    from batchnewton.kernels import cache, machine

    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)
    text = "import numpy as np\nfrom batchnewton.kernels.machine import entry\nT = np.float64\n"
    text += f'\n@entry("I")\ndef more(k):\n    return k + 1\n\n# {tmp_path}\n'
    machine.load("damaged", text)
    (file,) = tmp_path.glob("*.o")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    machine._load.cache_clear()  # as another process
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(machine.load("damaged", text)["more"])(41) == 42
    assert file.read_bytes() == whole
