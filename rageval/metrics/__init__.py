"""Metrics: arithmetic over rankings and judgments, one number per question, and no model call.

Here are the names of metrics, cheap to import. The arithmetic over rankings is in `rageval.metrics.ranking`, the
readers of TREC files in `rageval.io.trec_files`.
"""

from rageval.metrics.catalogue import ALL_METRICS
from rageval.metrics.definitions import MetricDefinition
from rageval.metrics.names import Metric, parse

__all__ = ["ALL_METRICS", "Metric", "MetricDefinition", "parse"]
