"""The sections of a model card, each from the card's content to a piece of HTML."""

from models.card_sections.drivers import dependence_section, drivers_section
from models.card_sections.origin import (
    gates_section,
    leaderboard_section,
    limits_section,
    lineage_section,
    question_section,
)
from models.card_sections.quality import evaluation_section, slices_section, stability_section
from models.card_sections.shapes import calibration_section, ranking_section
from models.card_sections.words import metric_name

__all__ = [
    "calibration_section",
    "dependence_section",
    "drivers_section",
    "evaluation_section",
    "gates_section",
    "leaderboard_section",
    "limits_section",
    "lineage_section",
    "metric_name",
    "question_section",
    "ranking_section",
    "slices_section",
    "stability_section",
]
