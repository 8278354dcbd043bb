"""Experiments: what to run (`file`, `recipes`, `plan`), running it (`running`), and the numbers (`scoring`)."""
