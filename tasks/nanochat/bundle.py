"""CORE's bundle in its published layout: `core.yaml`, jsonl files, baselines in a csv.

`core.yaml` lists tasks, `eval_data/CATEGORY/FILE.jsonl` has their items, and
`eval_meta_data.csv` the percentage that guessing reaches. The same layout is written for the
questions of a generated world.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from autores.errors import UserError
from autores.tasks.text.questions import QUESTION_SETS, QuestionSet, questions
from autores.tasks.text.world import WHOLE, Extent

FOLDER = "eval_bundle"
Item = Mapping[str, Any]
PUBLISHED_CHANCE: Mapping[str, float] = {
    "hellaswag_zeroshot": 25,
    "jeopardy": 0,
    "bigbench_qa_wikidata": 0,
    "arc_easy": 25,
    "arc_challenge": 25,
    "copa": 50,
    "commonsense_qa": 20,
    "piqa": 50,
    "openbook_qa": 25,
    "lambada_openai": 0,
    "hellaswag": 25,
    "winograd": 50,
    "winogrande": 50,
    "bigbench_dyck_languages": 0,
    "agi_eval_lsat_ar": 20,
    "bigbench_cs_algorithms": 0,
    "bigbench_operators": 0,
    "bigbench_repeat_copy_logic": 0,
    "squad": 0,
    "coqa": 0,
    "boolq": 62,
    "bigbench_language_identification": 9.1,
}
"""The baselines of the published bundle (DCLM's first version), to recognise it by."""
_CATEGORIES: Mapping[str, str] = {
    "world_effects": "commonsense_reasoning",
    "world_collocations": "commonsense_reasoning",
    "pronouns": "language_understanding",
    "holders_of_two": "language_understanding",
    "sums": "symbolic_problem_solving",
    "customs": "symbolic_problem_solving",
    "copying": "symbolic_problem_solving",
    "remaining": "reading_comprehension",
}


class Kind(Enum):
    """How an answer is found, by its published name."""

    CHOICE = "multiple_choice"
    """Choose the end of a prompt: query, choices, gold."""
    SCHEMA = "schema"
    """Choose the beginning of a prompt: context_options, continuation, gold."""
    PRODUCE = "language_modeling"
    """Produce the end: context, continuation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreTask:
    """One of the tasks of a bundle."""

    label: str
    kind: Kind
    shots: int
    chance: float
    """Percent that guessing reaches."""
    items: Sequence[Item]
    delimiter: str = " "


def read(folder: Path) -> tuple[CoreTask, ...]:
    """All tasks of a bundle.

    Raises:
        UserError: A file is missing or damaged, or a task has no baseline.
    """
    try:
        chances = _chances(folder)
        listed = _yaml().safe_load((folder / "core.yaml").read_text())["icl_tasks"]
        return tuple(_task(folder, one, chances) for one in listed)
    except FileNotFoundError as error:
        raise UserError(f"the bundle {folder} is not whole: {error.filename} is missing") from None
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"the bundle {folder} cannot be read: {error!r}; fetch it again") from None


def check_published(tasks: Sequence[CoreTask]) -> None:
    """See that these are the published tasks with the baselines of the first version.

    Raises:
        UserError: They are not: their CORE would be another quantity.
    """
    found = {task.label: task.chance for task in tasks}
    for label, chance in PUBLISHED_CHANCE.items():
        if found.get(label) != chance:
            raise UserError(
                f"the bundle's baseline of {label} is {found.get(label)}, not {chance}: its CORE "
                "cannot be compared; use the bundle that nanochat downloads"
            )
    if len(found) != len(PUBLISHED_CHANCE):
        raise UserError(f"the bundle has {len(found)} tasks instead of {len(PUBLISHED_CHANCE)}")


def write_generated(
    folder: Path, key: bytes, split: str, items: int, extent: Extent = WHOLE
) -> None:
    """Write the questions of a world in the published layout."""
    listed, rows = [], []
    for one in QUESTION_SETS:
        place = f"{_CATEGORIES.get(one.label, 'world_knowledge')}/{one.label}.jsonl"
        path = folder / "eval_data" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = questions(key, one, split, items, extent)
        path.write_text("".join(json.dumps(item) + "\n" for item in drawn))
        listed.append(_listed(one, place))
        rows.append({"Eval Task": one.label, "Random baseline": one.chance})
    (folder / "core.yaml").write_text(_yaml().safe_dump({"icl_tasks": listed}, sort_keys=False))
    with (folder / "eval_meta_data.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["Eval Task", "Random baseline"])
        writer.writeheader()
        writer.writerows(rows)


def _listed(one: QuestionSet, place: str) -> dict[str, Any]:
    return {
        "label": one.label,
        "dataset_uri": place,
        "num_fewshot": [one.shots],
        "icl_task_type": one.kind.value,
        "continuation_delimiter": one.delimiter,
    }


def _task(folder: Path, listed: Mapping[str, Any], chances: Mapping[str, float]) -> CoreTask:
    lines = (folder / "eval_data" / listed["dataset_uri"]).read_text().splitlines()
    return CoreTask(
        label=listed["label"],
        kind=Kind(listed["icl_task_type"]),
        shots=int(listed["num_fewshot"][0]),
        chance=chances[listed["label"]],
        items=tuple(json.loads(line) for line in lines if line.strip()),
        delimiter=listed.get("continuation_delimiter", " "),
    )


def _chances(folder: Path) -> dict[str, float]:
    with (folder / "eval_meta_data.csv").open(newline="") as file:
        return {row["Eval Task"]: float(row["Random baseline"]) for row in csv.DictReader(file)}


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise UserError(
            "task nanochat needs pyyaml; run: pip install 'autores[nanochat]'"
        ) from None
    return yaml
