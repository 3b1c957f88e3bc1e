"""batchnewton beside its peers, alternating, on the same cores: fits a second, share solved, ratio.

    python asv_benchmarks/peers.py                                          # everything: about half an hour
    python asv_benchmarks/peers.py --workloads W2,W3 --dtypes float64 --cores 1
    python asv_benchmarks/peers.py --json peers.json --markdown peers.md
    python asv_benchmarks/peers.py --limits                                 # instructions a fit, and the clock
    python asv_benchmarks/peers.py --startup --workloads W2                 # from a process's start to its answers
    python asv_benchmarks/peers.py --robustness                             # the NIST and the MGH problems
    python asv_benchmarks/peers.py --device cuda                            # beside JAX, CuPy and Gpufit on a GPU

Wants `pip install .[bench]`; a peer whose package is missing is shown as n/a.  How to read the table:
docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]  # the tests hold the workloads

from peers_runners import registry, table  # noqa: E402
from peers_runners.registry import Peer  # noqa: E402
from peers_runners.table import Row  # noqa: E402
from peers_runners.worker import ONE_THREAD, Worker, available_cores  # noqa: E402


class Team:
    """The processes of one peer: one, or one on each core where the peer has no threads of its own."""

    def __init__(self, peer: Peer, dtype: str, cores: list[int]) -> None:
        self.peer, self.dtype = peer, dtype
        self.groups = [cores] if peer.threads else [[core] for core in cores]
        self.workers: list[Worker] = []

    def start(self) -> None:
        """Start the processes, unless all of them still live."""
        if not self.workers or not all(worker.process.is_alive() for worker in self.workers):
            self.stop()
            self.workers = [Worker.start(self.peer, self.dtype, group) for group in self.groups]

    def ask(self, method: str, *arguments) -> list:
        """All workers at once; raises Absent with the reason where one of them cannot."""
        for worker in self.workers:
            worker.ask(method, *arguments)
        replies = [worker.reply() for worker in self.workers]
        for well, answer in replies:
            if not well:
                raise Absent(answer)
        return [answer for _, answer in replies]

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()


class Absent(Exception):
    """Why a peer has no figures."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    listed = dict(type=lambda text: text.split(","))
    parser.add_argument("--workloads", default=list(registry.WORKLOADS), **listed)
    parser.add_argument("--dtypes", default=list(registry.BOTH), **listed)
    known = "; ".join(f"{device}: {','.join(registry.roots(device))}" for device in registry.OF_DEVICE)
    parser.add_argument("--peers", help=f"{known}; each brings its variants", **listed)
    parser.add_argument("--device", default="cpu", choices=list(registry.OF_DEVICE))
    parser.add_argument("--cores", default="both", choices=("1", "all", "both"))
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--problems", type=int, help="problems of a workload (default: its full size)")
    parser.add_argument("--cache", help="folder of data and reference costs (default: one in the temporary folder)")
    parser.add_argument("--json", help="file to write")
    parser.add_argument("--markdown", help="file to write")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--limits", action="store_true", help="instructions a fit of ours, against the clock")
    other.add_argument("--startup", action="store_true", help="seconds of a process until its first answers")
    other.add_argument("--robustness", action="store_true", help="single fits of the NIST and MGH problems")
    chosen = parser.parse_args()
    chosen.peers = chosen.peers or registry.roots(chosen.device)
    unknown = {*chosen.workloads, *chosen.dtypes} - {*registry.WORKLOADS, *registry.BOTH}
    if unknown:
        parser.error(f"not known: {', '.join(sorted(unknown))}")
    return chosen


def workload_rows(teams: list[Team], workload: str, dtype: str, cores: list[int], options) -> list[Row]:
    """Warm up, measure in alternating rounds, then test the solutions, of all peers on one workload."""
    import workloads
    from peers_runners import accuracy

    folder = accuracy.cache_folder(options.cache)
    problems = options.problems or workloads.FULL_SIZE[workload]
    file = accuracy.data_file(folder, workload, problems)
    rows, running = [], {}
    for team in (team for team in teams if workload in team.peer.workloads):
        rows.append(Row(workload, dtype, len(cores), team.peer.name))
        if dtype not in team.peer.dtypes:
            rows[-1].note = f"computes in {' and '.join(team.peer.dtypes)} only"
            continue
        running[team] = rows[-1]
        prepared = (workload, str(file), registry.size(team.peer, workload, problems), options.seconds)
        attempt(running, team, warmed_up, *prepared)
    for _ in range(options.rounds):
        for team in list(running):
            attempt(running, team, one_round)
    found: dict[Team, tuple] = {}
    for team in list(running):
        attempt(running, team, answered, found)
    best = accuracy.best_known(folder, workload, problems, [x for x, _ in found.values()])
    for team, (x, evaluations) in found.items():
        running[team].solved = accuracy.fraction_solved(workload, file, x, best, dtype)
        running[team].evaluations = evaluations
    with_ratios(rows)
    return rows


def attempt(running: dict[Team, Row], team: Team, step, *given) -> None:
    """A step of one peer; where it cannot, its row says why and the others go on."""
    row = running[team]
    if sys.stderr.isatty():
        doing = f"{row.workload} {row.dtype}, {table.counted(row.cores)}: {row.peer} {step.__name__}"
        print(f"\r{doing:79}", end="", file=sys.stderr, flush=True)
    try:
        step(team, row, *given)
    except Absent as reason:
        row.note, row.rates = str(reason), []
        del running[team]


def warmed_up(team: Team, row: Row, *given) -> None:
    team.start()
    about = team.ask("prepare", *given)
    row.compile, row.setting, row.problems = about[0]["compile"], about[0]["setting"], about[0]["count"]


def one_round(team: Team, row: Row) -> None:
    row.rates.append(sum(team.ask("measure")))


def answered(team: Team, row: Row, found: dict) -> None:
    found[team] = team.ask("answer")[0]


def with_ratios(rows: list[Row]) -> None:
    ours = next((row.rates for row in rows if row.peer == "ours"), [])
    for row in rows:
        row.ratios = [a / b for a, b in zip(ours, row.rates, strict=False)]


def measured(cores: list[int], options) -> list[Row]:
    """All rows for a choice of cores; the processes live as long as their precision."""
    rows = []
    for dtype in options.dtypes:
        teams = [Team(peer, dtype, cores) for peer in registry.chosen(options.peers, options.device)]
        try:
            for workload in options.workloads:
                rows += workload_rows(teams, workload, dtype, cores, options)
                group = [row for row in rows if (row.workload, row.dtype) == (workload, dtype)]
                shown = [table.counted(len(cores)), table.text(group), *table.summaries(group)]
                print("\r", end="", file=sys.stderr)
                print(*shown, "", sep="\n", flush=True)
        finally:
            for team in teams:
                team.stop()
    order = [(workload, dtype) for workload in options.workloads for dtype in options.dtypes]
    return sorted(rows, key=lambda row: order.index((row.workload, row.dtype)))


def repeatable(options) -> str:
    """The command that measures the same again, wherever its files lie."""
    listed = [f"--{name} {','.join(getattr(options, name))}" for name in ("workloads", "dtypes", "peers")]
    listed += [
        f"--{name} {getattr(options, name):g}" for name in ("seconds", "rounds", "problems") if vars(options)[name]
    ]
    device = [f"--device {options.device}"] if options.device != "cpu" else []
    return " ".join(["python asv_benchmarks/peers.py", *listed, f"--cores {options.cores}", *device])


def other_report(options, cores: list[int]) -> list[str]:
    """The lines of what is asked for instead of throughput."""
    if options.limits:
        from peers_runners import limits

        return limits.report(options, cores[-1])
    if options.startup:
        from peers_runners import startup

        return startup.report(options.peers, options.workloads, options.dtypes[0], options.rounds)
    if options.robustness:
        from peers_runners import robust

        return robust.report()
    return []


def main() -> None:
    options = arguments()
    os.environ.update(ONE_THREAD)
    every = available_cores()
    machine = table.machine(every)
    with tempfile.TemporaryDirectory(prefix="batchnewton-") as empty:
        os.environ["BATCHNEWTON_CACHE"] = empty  # so that ours compiles like everybody else
        if lines := other_report(options, every):
            print(table.described(machine), *lines, sep="\n")
            return
        choices = {"1": [every[-1:]], "all": [every], "both": [every[-1:], every][: len(every)]}[options.cores]
        choices = [every] if options.device == "cuda" else choices
        rows = [row for cores in choices for row in measured(cores, options)]
    command = repeatable(options)
    if options.json:
        table.write_json(options.json, rows, machine, command)
    if options.markdown:
        Path(options.markdown).write_text(table.markdown(rows, machine, command), encoding="utf-8")


if __name__ == "__main__":
    main()
