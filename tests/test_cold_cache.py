"""The very first solve of a formula, when several threads want the same kernel at once."""

import os
import subprocess
import sys
from pathlib import Path

CODE = """
import batchnewton as bn
from batchnewton.jobs import demo
images = demo.simulate(100_000)
result = bn.curve_fit(demo.gaussian, images.x, images.pixels, demo.guess(images), threads=4)
print(result.success.mean() > 0.999)
"""


def test_threads_share_a_kernel_that_nobody_has_compiled_yet(tmp_path):
    environment = os.environ | {"BATCHNEWTON_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", CODE]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, timeout=300)
    assert done.stdout.strip() == "True", done.stderr[-2000:]
