"""Estimators whose trials run in this process: a process of its own costs two seconds."""

from dataclasses import replace

from models import AutoMLClassifier, AutoMLRegressor
from models.options import SearchOptions


class InlineClassifier(AutoMLClassifier):
    def _options(self) -> SearchOptions:
        return replace(super()._options(), isolated=False)


class InlineRegressor(AutoMLRegressor):
    def _options(self) -> SearchOptions:
        return replace(super()._options(), isolated=False)
