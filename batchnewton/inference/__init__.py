"""What can be said of the answers: covariance, intervals, bands, bootstrap, sensitivities.

Everything is computed when asked for, for the whole batch; `batchnewton.Result` has the methods.
"""
