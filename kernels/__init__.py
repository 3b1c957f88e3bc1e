"""Steps of damped Newton, written once for one problem, and the loops that run them on a batch.

``linalg``, ``step``, ``converge`` are plain Python over small arrays; ``unroll`` turns them into
straight-line text for one size; ``lanes`` and ``cpu`` run that text on W problems at a time;
``trust`` is the slower and more patient algorithm for what the fast one hands over.
"""
