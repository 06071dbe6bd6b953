from __future__ import annotations

from pathlib import Path

from autores.evaluator.sandbox import tree
from autores.evaluator.sandbox.environment import build, discover
from autores.evaluator.sandbox.level import Cell
from autores.evaluator.sandbox.tree import Tree


def made(tmp_path: Path) -> Tree:
    environment = discover(["numpy"])
    return Tree.create(environment, build(environment, tmp_path / "env", links=False), tmp_path)


def test_what_is_not_given_is_not_there(tmp_path: Path) -> None:
    cell = Cell(argv=("true",), code=tmp_path / "code", out=tmp_path / "out")
    binds = {bind.target: bind for bind in made(tmp_path).of(cell)}
    assert not {"/data", "/harness", "/run/autores"} & binds.keys()
    assert [target for target, bind in binds.items() if bind.writable] == ["/out"]
    assert not any(
        bind.source == Path("/") or bind.source == Path.home() for bind in binds.values()
    )
    inside = tree.inside(cell)
    assert (inside.data, inside.sockets, inside.code) == (None, None, Path("/code"))


def test_what_is_given_is_bound_read_only(tmp_path: Path) -> None:
    cell = Cell(
        argv=("true",), code=tmp_path, out=tmp_path, data=tmp_path / "d", sockets=tmp_path / "s"
    )
    binds = {bind.target: bind for bind in made(tmp_path).of(cell)}
    assert (binds["/data"].source, binds["/data"].writable) == (tmp_path / "d", False)
    assert binds["/run/autores"].source == tmp_path / "s"
    assert tree.inside(cell).sockets == Path("/run/autores")


def test_names_inside_tell_nothing_of_the_host(tmp_path: Path) -> None:
    made(tmp_path)
    assert (tmp_path / "etc" / "passwd").read_text() == "trial:x:1000:1000::/tmp/home:/bin/sh\n"
    assert "127.0.0.1 localhost" in (tmp_path / "etc" / "hosts").read_text()
    assert not (tmp_path / "etc" / "shadow").exists()


def test_device_nodes_follow_the_lease() -> None:
    assert tree.gpu_nodes(()) == ()
    nodes = tree.gpu_nodes((2, 5))
    assert {"/dev/nvidia2", "/dev/nvidia5", "/dev/nvidiactl"} <= set(nodes)
    assert "/dev/nvidia0" not in nodes
