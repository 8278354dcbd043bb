"""`HOWTO.md` of a new benchmark folder: how to write questions by hand, with lines to copy from its own documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice

from rageval.text import sentences
from rageval.text.languages import base_language
from rageval.text.quotes import FoldedText
from rageval.types import Document, Json

_FEWEST, _MOST = 12, 160  # characters of a quote that is shown
_LOOKED_AT = 20_000

_PAGE = """\
# How to write questions

This folder is a benchmark without questions. Write them into `questions.jsonl`, one JSON object a line. After each, run

    rageval check-benchmark FOLDER

It names the line and says what is wrong, for instance the nearest text where a quote does not stand in its document.

A question with its evidence: copy the words that answer it out of the document. The quote must stand in the document
once; white space, case and hyphens within words may differ. In a quote, write `\\"` for `"`.

```json
{answerable}
```

A question that the documents do not answer, to see whether a pipeline says so. It has the tag and no evidence:

```json
{unanswerable}
```

These are lines to copy: put your own question, reference and quote in them. `doc_id` is an `id` in `documents.jsonl`.
Ids of questions are free, but each may be given once.

- `references`: expected answers, short. Several are alternatives. They may be left out.
- `evidence`: several entries where it takes several quotes. Entries with the same `"part": "a"` are alternatives.
- `tags`: words of your own, to report by. `unanswerable` alone has a meaning.

Then `rageval run` with an experiment that says `benchmark: FOLDER`.
"""


def how_to(documents: Sequence[Document]) -> str:
    """The page; its example quotes the first document that has a sentence to quote."""
    shown = next((pair for pair in _quotes(documents)), None)
    doc_id, quote, language = shown or ("ID-OF-A-DOCUMENT", "words of the document", "en")
    chinese = base_language(language) == "zh"
    answerable: dict[str, Json] = {
        "id": "q1",
        "text": "用自己的话写一个这句话能回答的问题？" if chinese else "A question that these words answer?",
        "references": ["参考答案" if chinese else "The expected answer"],
        "evidence": [{"doc_id": doc_id, "quote": quote}],
    }
    unanswerable: dict[str, Json] = {
        "id": "q2",
        "text": "文档没有回答的问题？" if chinese else "A question that no document answers?",
        "tags": ["unanswerable"],
    }
    lines = (json.dumps(one, ensure_ascii=False) for one in (answerable, unanswerable))
    return _PAGE.format(answerable=next(lines), unanswerable=next(lines))


def _quotes(documents: Sequence[Document]) -> Iterator[tuple[str, str, str]]:
    """Sentences of middling length that stand in their document once: id, quote and language."""
    for document in documents:
        head = document.text[:_LOOKED_AT]
        folded: FoldedText | None = None
        for start, end in sentences(head):
            quote = head[start:end]
            if _FEWEST <= len(quote) <= _MOST and quote[0].isalnum():
                folded = folded or FoldedText.of(document.text)
                if len([*islice(folded.spans(quote), 2)]) == 1:
                    yield document.id, quote, document.language
