"""CORE's bundle in its published layout: `core.yaml`, jsonl files, baselines in a csv.

`core.yaml` lists tasks, `eval_data/CATEGORY/FILE.jsonl` has their items, and
`eval_meta_data.csv` the percentage that guessing reaches. The same layout is written for the
questions of a generated world.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from autores.errors import UserError
from autores.tasks.text.dice import Dice
from autores.tasks.text.questions import (
    FAMILIAR,
    QUESTION_SETS,
    QuestionKind,
    QuestionSet,
    questions,
)
from autores.tasks.text.world import World

FOLDER = "eval_bundle"
CHOSEN_FROM = 6
"""Times as many questions are drawn as are asked."""
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


def write_generated(folder: Path, key: bytes, split: str, items: int) -> None:
    """Write the questions of a world in the published layout."""
    listed, rows = [], []
    for one in _SETS:
        place = f"{_CATEGORIES.get(one.label, 'world_knowledge')}/{one.label}.jsonl"
        path = folder / "eval_data" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = _drawn(key, one, split, items)
        path.write_text("".join(json.dumps(item) + "\n" for item in drawn))
        listed.append(_listed(one, place))
        rows.append({"Eval Task": one.label, "Random baseline": one.chance})
    (folder / "core.yaml").write_text(_yaml().safe_dump({"icl_tasks": listed}, sort_keys=False))
    with (folder / "eval_meta_data.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["Eval Task", "Random baseline"])
        writer.writeheader()
        writer.writerows(rows)


def _drawn(key: bytes, one: QuestionSet, split: str, items: int) -> list[Item]:
    """Questions; choices are chosen so that liking a word, whatever is asked, earns nothing."""
    if one.kind is not QuestionKind.CHOICE:
        return questions(key, one, split, items)
    shown, right, found = Counter[str](), Counter[str](), list[Item]()
    drawn = questions(key, one, split, CHOSEN_FROM * items)
    if len({_right(item) for item in drawn}) < len(drawn) / 8:
        drawn = _among_answers(drawn, Dice(key, "options", one.label, split))
    for item in drawn:
        gold, choices = _right(item), item["choices"]
        if len(choices) * right[gold] <= shown[gold]:
            shown.update(choices)
            right[gold] += 1
            found.append(item)
    if len(found) < items:
        raise ValueError(f"{one.label}: only {len(found)} balanced questions")
    return found[:items]


def _among_answers(drawn: Sequence[Item], dice: Dice) -> list[Item]:
    """Let the wrong options be what is right elsewhere, as often as it is."""
    answers = [_right(item) for item in drawn]
    found = list[Item]()
    for item, right in zip(drawn, answers, strict=True):
        wrong = list[str]()
        while len(wrong) < len(item["choices"]) - 1:
            other = dice.pick(answers)
            if other != right and other not in wrong:
                wrong.append(other)
        wrong.insert(item["gold"], right)
        found.append({**item, "choices": wrong})
    return found


def _right(item: Item) -> str:
    return str(item["choices"][item["gold"]])


def _holder(world: World, dice: Dice) -> Item:
    """Who found something still has it, whatever somebody else has found since."""
    who, other = dice.sample(world.people[:FAMILIAR], 2)
    first, second, third = dice.sample(who.topic.nouns, 3)
    found = [first, second] if (right := dice.below(2)) == 0 else [second, first]
    contexts = [f"{who.name} found the {one}. {other.name} found the {third}." for one in found]
    return {
        "context_options": contexts,
        "continuation": f"{who.name} still had the {first}.",
        "gold": right,
    }


_SETS = (
    *(one for one in QUESTION_SETS if one.label != "holders"),  # which are known too soon
    QuestionSet(label="holders_of_two", kind=QuestionKind.SCHEMA, chance=50, draw=_holder),
)


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
