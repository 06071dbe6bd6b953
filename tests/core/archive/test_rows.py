from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autores.archive.rows import Row, Table, read_table
from autores.status import Status

HEADER = [
    "exp_id",
    "timestamp",
    "specialist",
    "parent_exp",
    "baseline_exp",
    "domain",
    "hypothesis",
    "expected_delta",
    "status",
    "val_bpb",
    "delta_vs_best",
    "artifact_bytes",
    "train_s",
    "eval_s",
    "total_s",
    "job_name",
    "snapshot_path",
    "notes",
]
PLAIN = {
    "timestamp": "2026-05-01T03:55:39Z",
    "specialist": "opt",
    "parent_exp": "000",
    "baseline_exp": "000",
    "domain": "opt",
    "hypothesis": "Raise the rate",
    "expected_delta": "-0.002",
    "status": "discard",
    "val_bpb": "1.081000",
    "job_name": "job-0001",
    "notes": "as said",
}
SEED = {**PLAIN, "exp_id": "000", "parent_exp": "", "status": "baseline", "expected_delta": "0"}


def line(**cells: str) -> str:
    return "\t".join({**PLAIN, **cells}.get(name, "") for name in HEADER)


def table(*lines: str) -> Table:
    return read_table("\n".join(["\t".join(HEADER), line(**SEED), *lines, ""]))


def only(*lines: str) -> tuple[Row, Table]:
    found = table(*lines)
    assert len(found.rows) == 2, found.notes
    return found.rows[1], found


def test_a_plain_row_is_read_without_a_note() -> None:
    row, found = only(line(exp_id="001", artifact_bytes="1599"))
    assert (row.id, row.parents, row.status, row.score) == (1, (0,), Status.DISCARD, 1.081)
    assert (row.expected, row.hypothesis, row.notes) == (-0.002, "Raise the rate", "as said")
    assert row.numbers == {"artifact_bytes": 1599.0}
    assert not found.notes.repaired and not found.notes.unrepaired


def test_quotes_are_undone_and_may_hold_tabs_and_line_feeds() -> None:
    row, found = only(line(exp_id="001", hypothesis='"mode=""none"",\tthen\nsum"'))
    assert row.hypothesis == 'mode="none", then sum'
    assert not found.notes.unrepaired


def test_tabs_that_became_spaces_are_found_again() -> None:
    whole = line(exp_id="001", hypothesis='"Focus 0.5 of it</hypothesis> </invoke>"', notes="")
    head, quote, tail = whole.rpartition('invoke>"\t')
    row, found = only(head + quote.rstrip("\t") + " " + tail.replace("\t", " "))
    assert (row.hypothesis, row.expected, row.score) == ("Focus 0.5 of it", -0.002, 1.081)
    assert len(found.notes.repaired) == 2 and not found.notes.unrepaired


def test_a_row_without_any_tab_is_read_if_only_one_reading_fits() -> None:
    row, found = only(line(exp_id="001").replace("\t", " "), line(exp_id="x1"))
    assert (row.id, row.hypothesis, row.score, row.notes) == (1, "Raise the rate", 1.081, "as said")
    assert [note.line for note in found.notes.unrepaired] == [4]


def test_leaked_arguments_go_where_they_belong() -> None:
    leaked = '"Freeze it</hypothesis> <parameter name=""notes"">Untouched axis."'
    row, found = only(line(exp_id="001", hypothesis=leaked, notes=""))
    assert (row.hypothesis, row.notes) == ("Freeze it", "Untouched axis.")
    assert found.notes.repaired[0].column == "hypothesis"


def test_a_tab_too_many_in_a_text() -> None:
    row, found = only(line(exp_id="001", hypothesis="Raise\tthe rate"))
    assert row.hypothesis == "Raise the rate"
    assert len(found.notes.repaired) == 1


def test_what_can_be_read_in_two_ways_is_listed_and_not_guessed() -> None:
    double = line(exp_id="001", hypothesis="a -1 keep 1.0 b").replace("\t", " ")
    twice = double.replace(
        "-0.002 discard 1.081000", "-1 keep 1.0       x x -0.002 discard 1.081000"
    )
    found = table(line(exp_id="001").rsplit("\t", 12)[0], "002" + twice[3:].replace(" ", "\t", 1))
    assert len(found.rows) == 1
    assert [note.line for note in found.notes.unrepaired] == [3, 4]


def test_missing_last_columns_are_empty() -> None:
    row, found = only(line(exp_id="001").rsplit("\t", 2)[0])
    assert row.notes == "" and len(found.notes.repaired) == 1


def test_a_stray_line_spoils_no_row() -> None:
    row, found = only(line(exp_id="001"), "<<<<<<< HEAD")
    assert row.notes == "as said"
    assert [note.text for note in found.notes.unrepaired] == ["<<<<<<< HEAD"]


def test_parents_are_normalised() -> None:
    rows = table(
        line(exp_id="001", parent_exp="exp_000"),
        line(exp_id="exp_002", parent_exp="baseline"),
        line(exp_id="003", parent_exp="001, exp_002"),
        line(exp_id="004", parent_exp="best so far (003)"),
        line(exp_id="005", parent_exp="somewhere near 001 or 002"),
        line(exp_id="006", parent_exp="099"),
    )
    parents = [row.parents for row in rows.rows[1:]]
    assert parents == [(0,), (0,), (1, 2), (3,), (), ()]
    assert {note.line for note in rows.notes.unrepaired} == {7, 8}


def test_deltas_in_words() -> None:
    texts = {
        '"""-0.002"""': -0.002,
        "−0.001": -0.001,
        "~ -0.5 s": -0.5,
        "-0.001 to -0.003": -0.002,
        "-0.1-0.3": -0.2,
        "none": None,
    }
    rows = table(*(line(exp_id=f"{n:03d}", expected_delta=t) for n, t in enumerate(texts, start=1)))
    assert [row.expected for row in rows.rows[1:]] == list(texts.values())
    percent, _ = only(line(exp_id="001", expected_delta="-1%"))
    assert percent.expected is not None and abs(percent.expected + 0.01081) < 1e-9
    unclear, found = only(line(exp_id="001", expected_delta="small, maybe"))
    assert unclear.expected is None and len(found.notes.unrepaired) == 1


def test_numbers_of_what_failed_never_rank() -> None:
    row, _ = only(line(exp_id="001", status="size_blocked", val_bpb="0.5"))
    assert row.score is None and row.numbers["val_bpb"] == 0.5


def test_a_keep_without_a_score_is_listed() -> None:
    found = table(line(exp_id="001", status="keep", val_bpb="nan"))
    assert len(found.rows) == 1 and found.notes.unrepaired[0].column == "val_bpb"


def test_an_id_twice() -> None:
    again = line(exp_id="001", hypothesis="another")
    found = table(line(exp_id="001"), line(exp_id="001"), again)
    assert [row.id for row in found.rows] == [0, 1, 2]
    assert len(found.notes.repaired) == len(found.notes.unrepaired) == 1


def test_a_table_without_ids() -> None:
    found = read_table(
        "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"
        "a1b2c3d\t0.9979\t44.0\tkeep\tbaseline\n"
        "b2c3d4e\t0.9932\t44.2\tkeep\traise the rate\n"
        "c3d4e5f\t1.0050\t44.0\tdiscard\tGeLU\n"
        "d4e5f6a\t0.000000\t0.0\tcrash\ttwice as wide\n"
    )
    assert found.score == "val_bpb"
    assert [row.status.value for row in found.rows] == ["baseline", "keep", "discard", "crash"]
    assert [row.parents for row in found.rows] == [(), (0,), (1,), (1,)]


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=60))
def test_any_quoted_text_survives(text: str) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    found = table(line(exp_id="001", hypothesis=quoted), line(exp_id="002"))
    assert [row.id for row in found.rows if row.hypothesis == "Raise the rate"][-1] == 2


@given(st.text(max_size=200))
def test_nothing_is_dropped_silently(garbage: str) -> None:
    found = table(*garbage.split("\n"), line(exp_id="901"))
    lines = [text for text in garbage.replace("\r", "\n").split("\n") if text.strip()]
    noted = len(found.notes.unrepaired) + len(found.notes.repaired)
    assert found.rows[-1].id == 901
    assert bool(lines) <= bool(noted)


def test_how_far_it_is_is_told_now_and_then() -> None:
    heard: list[float] = []
    text = "\n".join(["commit\tval_bpb\tstatus\tdescription", *["a\t1.0\tdiscard\tx"] * 3500])
    assert len(read_table(text, told=heard.append).rows) == 3500
    assert len(heard) == 3
    assert 0.8 * len(text) < sum(heard) <= len(text)
