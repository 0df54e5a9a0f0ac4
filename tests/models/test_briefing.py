"""Briefing: strategies hear of trials in order, and of no end before they may."""

from dataclasses import replace

from models.briefing import Briefing
from models.candidate import Candidate
from models.leaderboard import TrialRecord


class Listener:
    def __init__(self):
        self.heard = []

    def tell(self, record):
        self.heard.append((record.number, record.state, record.score))

    def ask(self, number, is_affordable):
        return None


def record(number, score=None):
    candidate = Candidate(family="linear", parameters={"penalty": float(number)})
    begun = TrialRecord(number=number, candidate=candidate, origin="tpe")
    return begun if score is None else replace(begun, state="done", score=score)


def test_each_end_is_told_once_and_in_order_of_numbers():
    listener = Listener()
    briefing = Briefing([listener])
    briefing.brief([record(2, 0.6), record(1)])
    briefing.brief([record(2, 0.6), record(1, 0.5)])
    briefing.brief([record(2, 0.6), record(1, 0.5)])
    assert listener.heard == [(1, "running", None), (2, "done", 0.6), (1, "done", 0.5)]


def test_what_ended_too_early_is_first_told_as_running():
    listener = Listener()
    briefing = Briefing([listener])
    ended = [record(1, 0.5), record(2, 0.6)]
    briefing.brief(ended, up_to=1)
    briefing.brief(ended, up_to=2)
    assert listener.heard == [(1, "done", 0.5), (2, "running", None), (2, "done", 0.6)]


def test_the_order_of_ends_does_not_matter_to_what_is_heard():
    heard = []
    for ends in ([1, 2], [2, 1]):
        listener = Listener()
        briefing = Briefing([listener])
        known = {number: record(number) for number in (1, 2)}
        for number in ends:
            known[number] = record(number, number / 10)
        briefing.brief(list(known.values()), up_to=1)
        briefing.brief([known[number] for number in reversed(ends)], up_to=2)
        heard.append(listener.heard)
    assert heard[0] == heard[1]
