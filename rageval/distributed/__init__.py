"""The executor over a Ray cluster. The driver keeps models, caches, budget and run folders; workers compute.

`cluster` connects, `driver` hands out `shards` and answers what workers ask, `worker` runs on the nodes, and `messages`
defines everything that passes between driver and workers. Only `cluster` imports Ray, on first use.
"""
