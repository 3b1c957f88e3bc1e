"""The parts of ``asv_benchmarks/peers.py``: one file a peer, the workers that run them, accuracy, table, limits."""
