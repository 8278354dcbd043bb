"""A judge measured against people: is it right, are its probabilities honest, can it be talked into a yes?

`calibrate` judges items that people labelled; `write_record` keeps what was found, with a scaling that makes the
judge's probabilities honest; `read_record` gives both back to whoever uses or cites the judge.
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
