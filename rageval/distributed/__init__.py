"""The executor over a Ray cluster. The driver keeps models, caches, budget and run folders; workers compute.

`cluster` connects, `driver` hands out `shards` and answers what workers ask, `worker` is what runs on the nodes, and
`letters` is all that crosses between the two. Ray is imported by `cluster` alone, when it is asked for.
"""
