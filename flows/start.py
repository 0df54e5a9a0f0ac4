"""Starting a project: an empty spec with comments, or an example with its data."""

import shutil
from importlib import resources
from pathlib import Path

from rich.console import Console

from flows.errors import FlowError
from flows.examples import EXAMPLES
from flows.project import SPEC_NAME
from flows.settings import STATE_NAME


def start_project(folder: Path, *, example: str = "") -> None:
    """Write `perennial.yaml` (and an example's data) into `folder`.

    Parameters
    ----------
    folder
        Made when missing; an existing spec is never overwritten.
    example
        Name of an example; by default a template to fill in.

    Raises
    ------
    FlowError
        When there is a spec already, or no such example.
    """
    if (folder / SPEC_NAME).exists():
        raise FlowError(
            f"{folder / SPEC_NAME} exists already and is left as it is. Choose another folder."
        )
    if example and example not in EXAMPLES:
        raise FlowError(f"No example {example!r}; there are: {', '.join(EXAMPLES)}.")
    folder.mkdir(parents=True, exist_ok=True)
    if example:
        EXAMPLES[example](folder)
        return
    template = resources.files("flows.examples").joinpath("template.yaml")
    (folder / SPEC_NAME).write_text(template.read_text(encoding="utf-8"), encoding="utf-8")


def start_over(folder: Path, *, example: str, console: Console) -> None:
    """Make an example project, or empty the state of one that is there (its spec stays)."""
    if not (folder / SPEC_NAME).exists():
        start_project(folder, example=example)
        console.print(f"Made {folder / SPEC_NAME}: the question and the tables, yours to change.")
        return
    console.print(f"{folder / SPEC_NAME} is there already and is used as it is.")
    if (folder / STATE_NAME).exists():
        shutil.rmtree(folder / STATE_NAME)
        console.print(f"{folder / STATE_NAME} of an earlier demo is removed: starting over.")
