"""`python -m batchnewton`: the same as the command `batchnewton`."""

from batchnewton.jobs.cli import main

if __name__ == "__main__":
    main(prog_name="batchnewton")
