"""The local pages (`rageval view`): the runs of a folder in a browser, live, on this machine alone."""

from rageval.extras import need_package

need_package("aiohttp", "web", "rageval view")
