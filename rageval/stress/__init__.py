"""Stress: what attacks on questions, documents and prompts do to pipelines, paired with the clean run.

An attack changes what a pipeline is asked (`ask_as`), the documents that it searches (`planted_documents`), or what its
model is told (`canaries`). Its run is a run as any other. Judges and metrics see the question as people wrote it.
"""
