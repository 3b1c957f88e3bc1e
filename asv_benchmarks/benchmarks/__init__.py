"""What asv measures, a file for each question.  The programs beside this folder (peers.py, ...) are not asv's.

The workloads and the assembler's reports are those of ``tests/``.  Kernels are cached apart for each commit: what one
commit compiled, no other loads.
"""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests"), str(ROOT / "asv_benchmarks")]

if commit := os.environ.get("ASV_COMMIT"):
    folder = Path(os.environ.get("ASV_ENV_DIR", tempfile.gettempdir()), "kernels", commit)
    os.environ.setdefault("BATCHNEWTON_CACHE", str(folder))
