"""Measure a judge against people: is it right, are its probabilities calibrated, can it be talked into a yes?

`calibrate` judges items that people labelled. `write_record` stores the result, with a scaling that calibrates the
judge's probabilities. `read_record` reads both back for anyone who uses or cites the judge.
"""

from rageval.people.calibrate import Calibrated, calibrate
from rageval.people.items import LabelFile, LabelledItem, read_items
from rageval.scores.calibration_record import CalibrationRecord, read_record, write_record

__all__ = [
    "Calibrated",
    "CalibrationRecord",
    "LabelFile",
    "LabelledItem",
    "calibrate",
    "read_items",
    "read_record",
    "write_record",
]
