"""The checks: each looks for one kind of fault in documents, and some can mend it."""
