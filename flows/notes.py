"""Notes: what MLflow's pages say of a project's runs and versions, and where they lead."""

from flows.workspace import Workspace
from models.promotion import Verdict
from models.tracking import TrackedRun
from monitoring.decision import Decision

PAGES = (
    ("card.html", "Model card"),
    ("leaderboard.json", "leaderboard"),
    ("explanation.json", "explanation"),
    ("lineage.json", "lineage"),
)


def experiment_note(workspace: Workspace) -> str:
    """Say what the runs of a project are."""
    target = workspace.project.target
    question = target.question or f"{target.task} on {target.entity}"
    return (
        f"**{question}**\n\n"
        "`retrain …` is a search, with its trials below it and the model card at its head. "
        "`Keep …`, `Wait …` and `Retrain …` are decisions on a window of predictions, each with "
        "its drift report. Who serves is the version called `champion` of "
        f"[{workspace.name}](#/models/{workspace.name})."
    )


def verdict_note(tracked: TrackedRun, verdict: Verdict, said: str) -> str:
    """Say whether a version was promoted and why, gate by gate, with the way to its card."""
    links = " · ".join(f"[{name}]({tracked.link(path)})" for path, name in PAGES)
    rows = "\n".join(
        f"| {gate.name} | {gate.status} | {_cell(gate.sentence)} |" for gate in verdict.gates
    )
    return f"**{said}**\n\n{links}\n\n| Gate | Answer | Why |\n|---|---|---|\n{rows}\n"


def verdict_tags(verdict: Verdict) -> dict[str, str]:
    """Tag each gate's answer, with its sentence."""
    return {f"gate.{gate.name}": f"{gate.status}: {gate.sentence}" for gate in verdict.gates}


def decision_note(tracked: TrackedRun, decision: Decision, *, project: str, version: str) -> str:
    """Say what was decided on a window and why, with the way to its report and the timeline."""
    report, evidence = tracked.link("drift.html"), tracked.link("evidence.json")
    timeline = tracked.link("timeline.html")
    return (
        f"**{decision.name.capitalize()}: {decision.reason}**\n\n"
        f"[Drift report]({report}) · [timeline]({timeline}) · [evidence]({evidence}) "
        f"· [version {version}](#/models/{project}/versions/{version}), which made the predictions"
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
