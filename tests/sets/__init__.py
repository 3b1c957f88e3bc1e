"""Sets of hard problems, with what is known of their answers: data for tests/robustness.py and test_robustness.py."""
