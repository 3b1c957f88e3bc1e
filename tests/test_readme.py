"""What the README shows runs as it stands, and .ci/run runs the README's own test command."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.S), ids=lambda b: b.splitlines()[0])
def test_python_blocks_run(block):
    exec(compile(block, "README.md", "exec"), {})


def test_commands_are_one_line_each():
    commands = re.findall(r"^python3 -m venv .*$", README, re.M)
    assert [command.rsplit("/", 1)[1] for command in commands] == ["batchnewton demo", "pytest -q"]


def test_ci_takes_the_test_command_from_the_readme():
    assert "^python3 -m venv .*pytest" in (ROOT / ".ci" / "run").read_text()
