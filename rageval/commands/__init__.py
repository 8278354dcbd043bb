"""Commands of the command line that are more than a few lines; `rageval.cli` names them."""
