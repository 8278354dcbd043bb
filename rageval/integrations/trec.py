"""TREC files: a run of rageval's as a run file and qrels, and a benchmark of qrels alone."""

from __future__ import annotations

from pathlib import Path

from rageval.benchmark import from_records
from rageval.io.run_folder import RunFolder
from rageval.io.trec_files import read_qrels, write_qrels, write_run
from rageval.scores.scoring import ranked_documents
from rageval.types import Benchmark, Document, Question, RelevanceLabel


def export_run(run: str | Path, run_file: str | Path, qrels_file: str | Path | None = None) -> None:
    """Write the rankings of a finished run as a TREC run file, and the labels of its questions as qrels.

    Documents are ranked by their best passages, as rageval scores them; scores fall by one from rank to rank, so that
    no tool finds ties; a benchmark's `exclude_self` has been applied. A question that failed or found nothing has no
    rows: `trec_eval -c`, ir_measures and rageval count it as 0. The tag is the pipeline's label. The grade of a
    document with several labels is the highest.

    Raises DeclarationError for a folder that holds no finished run, a run without any hits or labels, ids with white
    space, which the format cannot hold, and files that cannot be written.
    """
    folder = RunFolder(run)
    manifest = folder.finished_manifest()
    outcomes = folder.outcomes()
    excluded = bool(manifest["benchmark"].get("exclude_self"))
    rankings = (
        (name, [(doc, score) for doc, score in ranked_documents(outcomes[name]) if not excluded or doc != name])
        for name in manifest["questions"]
    )
    write_run(Path(run_file), rankings, tag=manifest["label"])
    if qrels_file is not None:
        write_qrels(Path(qrels_file), ((name, grades) for name, (_, grades) in folder.questions().items()))


def benchmark_from_qrels(qrels: str | Path) -> Benchmark:
    """A benchmark of relevance labels alone, by which recorded TREC runs are scored, compared and gated.

    Questions and documents have no texts but their ids, so nothing else can be run on it. Questions are those that have
    labels; a run that lacks one of them counts as 0 there. Raises DeclarationError as `rageval metrics` does.
    """
    path = Path(qrels)
    grades = read_qrels(path).grades
    documents = dict.fromkeys(doc_id for by_document in grades.values() for doc_id in by_document)
    return from_records(
        path.stem,
        [Document(doc_id, "", title=doc_id) for doc_id in documents],
        [Question(question_id, question_id) for question_id in grades],
        [
            RelevanceLabel(q, doc_id, grade)
            for q, by_document in grades.items()
            for doc_id, grade in by_document.items()
        ],
    )
