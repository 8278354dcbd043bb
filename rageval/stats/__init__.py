"""Statistics over arrays: intervals, prediction-powered inference, paired tests, gates, power, agreement.

Plain functions of numbers; nothing here knows a rageval type. `docs/statistics.md` shows by simulation what covers.
"""

from rageval.stats.agreement import Agreement, cohen_kappa, krippendorff_alpha
from rageval.stats.calibration import CalibrationQuality, calibration
from rageval.stats.intervals import Interval, mean_interval
from rageval.stats.multiplicity import benjamini_hochberg, holm, holm_bounds
from rageval.stats.paired import MarginResult, PairedResult, against_margin, paired_difference
from rageval.stats.power import (
    compare_power,
    gate_power,
    label_half_width,
    minimum_detectable_effect,
    required_labels,
    required_questions,
    sd_of_differences,
    sd_with_repeats,
    smallest_margin,
)
from rageval.stats.ppi import PPIResult, ppi_mean

__all__ = [
    "Agreement",
    "CalibrationQuality",
    "Interval",
    "MarginResult",
    "PPIResult",
    "PairedResult",
    "against_margin",
    "benjamini_hochberg",
    "calibration",
    "cohen_kappa",
    "compare_power",
    "gate_power",
    "holm",
    "holm_bounds",
    "krippendorff_alpha",
    "label_half_width",
    "mean_interval",
    "minimum_detectable_effect",
    "paired_difference",
    "ppi_mean",
    "required_labels",
    "required_questions",
    "sd_of_differences",
    "sd_with_repeats",
    "smallest_margin",
]
