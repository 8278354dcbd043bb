"""The answers of a run that people labelled, as items to train a judge on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.judges.light.weights import TrainedMetric
from rageval.people.items import LabelFile, LabelledItem
from rageval.scores.human_labels import HumanLabel, read_labels
from rageval.types import Response

_LABELLED: Mapping[TrainedMetric, str] = {"faithfulness": "attribution", "answer_relevance": "answer_relevance"}
"""The yes-or-no metric whose labels are about the answer as a whole."""


def read_run_labels(path: Path, metric: TrainedMetric) -> LabelFile:
    """The labelled answers of a finished run: those labelled 0 or 1 for `attribution` (to train `faithfulness`) or for
    `answer_relevance`. Answers on which annotators differ are left out unless they settled it.

    Raises DeclarationError for a folder without a finished run or without such labels, and for another metric.
    """
    if metric not in _LABELLED:
        raise DeclarationError(f"{path}: found a run, expected a file of labels: labels of runs are on whole answers")
    folder = RunFolder(path)
    folder.finished_manifest()
    labels = read_labels(folder, _LABELLED[metric])
    if labels is None:
        raise DeclarationError(
            f"{path}: found no labels of {_LABELLED[metric]}, expected some: attach them with `rageval label`"
        )
    questions, outcomes = folder.questions(), folder.outcomes()
    items: list[LabelledItem] = []
    for question_id, label in labels.by_question.items():
        response = outcomes.get(question_id)
        if label in (0.0, 1.0) and isinstance(response, Response) and response.answer:
            items.append(LabelledItem(questions[question_id][0], response, HumanLabel(question_id, label)))
    content = json.dumps(labels.to_json(), sort_keys=True, ensure_ascii=False).encode()
    return LabelFile(path.name, hashlib.sha256(content).hexdigest(), tuple(items))
