"""Write batchnewton/data/nist.json from the files that NIST publishes.

    python tests/tools/make_nist.py FOLDER      # FOLDER holds Bennett5.dat ... Thurber.dat

Not needed to build, test or use the package: it says how the shipped file was made. See batchnewton/data/README.md.
"""

import json
import pathlib
import re
import sys

NUMBER = r"[-+]?\d*\.?\d+(?:E[-+]?\d+)?"
TARGET = pathlib.Path(__file__).parents[2] / "batchnewton" / "data" / "nist.json"


def numbers(line: str) -> list[float]:
    return [float(word) for word in line.split()]


def model(text: str) -> list[str]:
    """The lines of the model section that state the equation, as printed."""
    section = re.search(r"^Model:(.*?)^\s*Starting values", text, re.S | re.M | re.I).group(1)
    lines = [line.strip() for line in section.splitlines() if line.strip()]
    return lines[2:]  # after the class and the number of parameters


def read(path: pathlib.Path) -> dict:
    text = path.read_text()
    rows = re.findall(rf"^\s*b\d+ =((?:\s+{NUMBER}){{4}})\s*$", text, re.M)
    start1, start2, certified, deviations = zip(*map(numbers, rows), strict=True)
    first, last = map(int, re.search(r"Data\s+\(lines\s+(\d+)\s+to\s+(\d+)\)", text).groups())
    columns = list(zip(*map(numbers, text.splitlines()[first - 1 : last]), strict=True))
    equation = model(text)
    return {
        "name": path.stem,
        "level": re.search(r"(\w+) Level of Difficulty", text).group(1).lower(),
        "class": re.search(r"^Model:\s+(\w+)", text, re.M).group(1).lower(),
        "equation": " ".join(re.sub(r"\s+", " ", line) for line in equation),
        "observed": "Observed Data" in text,
        "log_response": equation[-1].startswith("log[y]"),
        "starts": [start1, start2],
        "certified": certified,
        "deviations": deviations,
        "rss": float(re.search(rf"Residual Sum of Squares:\s+({NUMBER})", text).group(1)),
        "y": columns[0],
        "x": columns[1] if len(columns) == 2 else columns[1:],
    }


def main(folder: str) -> None:
    problems = [read(path) for path in sorted(pathlib.Path(folder).glob("*.dat"))]
    lines = ",\n".join(json.dumps(problem, separators=(",", ":")) for problem in problems)
    TARGET.write_text(f"[\n{lines}\n]\n")
    print(f"{len(problems)} problems, {TARGET.stat().st_size} bytes in {TARGET.name}")


if __name__ == "__main__":
    main(sys.argv[1])
