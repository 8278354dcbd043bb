"""The local page (`rageval view`): the runs of a folder in a browser, live, on this machine alone.

    server.py     the app and its start
    security.py   who may ask, from where, and what a browser may do with a reply
    runs.py       which runs the folder holds, and how far each is
    pages.py      the pages and the JSON that they ask for
"""

from rageval.extras import need_package

need_package("aiohttp", "web", "rageval view")
