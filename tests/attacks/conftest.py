"""`pytest tests/attacks --attack-table` prints what each attack comes to at each level."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from attack_ground import Ground, Host
from attack_table import KINDS, Table

TABLE = pytest.StashKey[Table]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("attacks")
    group.addoption("--attack-table", action="store_true", help="print attack × level × result")
    group.addoption("--attack-json", type=Path, metavar="FILE", help="write it, too")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = Table()
    if config.getoption("--attack-table"):
        config.option.markexpr = ""  # the slow ones, too


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    table = config.stash[TABLE]
    if config.getoption("--attack-table"):
        terminalreporter.write_line(table.render())
    if path := config.getoption("--attack-json"):
        path.write_text(json.dumps(table.to_json(), indent=1) + "\n")


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> Table:
    return pytestconfig.stash[TABLE]


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.close()


@pytest.fixture(scope="session")
def grounds(host: Host) -> dict[str, Ground]:
    return {name: Ground(kind, host) for name, kind in KINDS.items()}


@pytest.fixture
def ground(grounds: dict[str, Ground], request: pytest.FixtureRequest) -> Ground:
    """One level; give its name by `indirect`."""
    ground = grounds[request.param]
    try:
        assert ground.findings
    except OSError as error:
        pytest.skip(f"{request.param}: {error}")
    return ground
