"""The terminal's narrator: live progress where there is a terminal, plain lines elsewhere."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from flows.narration import SearchProgress, search_sentence

_NAME_WIDTH = 11
_LOG_SECONDS = 10.0


def make_console(*, stderr: bool = False) -> Console:
    """Make a console whose lines stay within 80 columns where the width is not known."""
    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = min(console.width, 80)
    return console


class ConsoleNarrator:
    """Prints a line per stage; within long ones shows a bar (terminal) or a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._last_line = 0.0

    def begin(self, stage: str) -> None:
        """Show that a stage starts."""
        self._last_line = time.monotonic()
        if self._console.is_terminal:
            self._progress = Progress(
                TextColumn(f"  [bold]{stage:<{_NAME_WIDTH}}[/]"),
                BarColumn(bar_width=18, pulse_style="cyan"),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._task = self._progress.add_task("", total=None)
            self._progress.start()

    def end(self, stage: str, sentence: str, *, seconds: float, reused: bool) -> None:
        """Print a stage's result."""
        self._stop()
        when = "done before" if reused else f"{seconds:.1f} s"
        self._print_row(stage, sentence, when)

    def advance(self, stage: str, done: int, total: int) -> None:
        """Move the bar."""
        self._show(f"{done:,} of {total:,}", done, total)

    def search(self, progress: SearchProgress) -> None:
        """Show the newest trial."""
        sentence = search_sentence(progress)
        self._show(sentence, min(progress.elapsed, progress.limit), progress.limit)
        if self._progress is None and time.monotonic() - self._last_line > _LOG_SECONDS:
            self._last_line = time.monotonic()
            self._print_row("", f"… {sentence}", "")

    def say(self, sentence: str) -> None:
        """Print a line."""
        if self._progress is not None:
            self._progress.console.print(f"  {sentence}")
        else:
            self._console.print(f"  {sentence}")

    def _show(self, description: str, done: float, total: float) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(
                self._task, description=description[:46], completed=done, total=max(total, 1)
            )

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
        self._progress, self._task = None, None

    def close(self) -> None:
        """Leave the terminal as it was found."""
        self._stop()

    def _print_row(self, stage: str, sentence: str, when: str) -> None:
        width = min(self._console.width, 100) - _NAME_WIDTH - 4
        lines = _wrapped(sentence, width, reserve=len(when) + 2)
        self._console.print(f"  [bold]{stage:<{_NAME_WIDTH}}[/] {_escaped(lines[0])}", end="")
        for line in lines[1:]:
            self._console.print(f"\n  {'':<{_NAME_WIDTH}} {_escaped(line)}", end="")
        self._console.print(f"  [dim]{when}[/]" if when else "")


def _wrapped(sentence: str, width: int, *, reserve: int) -> list[str]:
    """Break at spaces so that the last line leaves room for the time."""
    lines, line = [], ""
    for word in sentence.split():
        candidate = f"{line} {word}".strip()
        if len(candidate) > width and line:
            lines.append(line)
            candidate = word
        line = candidate
    lines.append(line)
    if len(lines[-1]) > width - reserve and " " in lines[-1]:
        head, _, tail = lines[-1].rpartition(" ")
        lines[-1:] = [head, tail]
    return lines


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
