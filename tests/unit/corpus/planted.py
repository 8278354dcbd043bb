"""Thirty faults of ten kinds, planted among the documents of the handbook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rageval.corpus.faults import Kind
from rageval.types import Document

ZH = "我们使用检索增强生成，把文档放在提示词里，然后让模型回答问题。在这里，用户是最重要的。"
FOOTERS = (
    "This page is for internal use only. Do not pass it on.",
    "© 2024 Acme Corporation, all rights reserved worldwide.",
    "本页面仅供内部参考，未经许可不得转载。",
)
FRENCH = (
    "La recherche dense compare les vecteurs des questions et des passages, et le plus proche est lu en premier.",
    "Les fragments trop longs mélangent plusieurs sujets, de sorte que leur vecteur ne ressemble plus à aucun d'eux.",
    "Un bon jeu de test contient aussi des questions auxquelles les documents ne répondent pas du tout.",
)


def planted(handbook: Sequence[Document]) -> tuple[list[Document], dict[Kind, set[str]]]:
    """The handbook with faults, and for each kind the ids of the documents that have it (for boilerplate the first).

    Each fault is in a document of its own; those of the handbook that are changed get boilerplate alone.
    """
    documents = list(handbook)
    english = [one for one in handbook if one.language == "en"]
    chinese = [one for one in handbook if one.language == "zh"]
    added: list[tuple[Kind, Document]] = [
        ("exact-duplicate", replace(english[0], id="copy-1")),
        ("exact-duplicate", replace(chinese[1], id="copy-2", title="另一个标题")),
        ("exact-duplicate", replace(english[2], id="copy-3", text=english[2].text.replace(" ", "\n").upper())),
        ("near-duplicate", replace(english[3], id="near-1", text=f"{english[3].text} It was looked over in May.")),
        ("near-duplicate", replace(chinese[4], id="near-2", text=chinese[4].text[: len(chinese[4].text) * 4 // 5])),
        ("near-duplicate", replace(english[5], id="near-3", text=f"A new beginning. {english[5].text}")),
        ("encoding", Document("read-as-latin", "The café wasnâ€™t open, so the rÃ©sumÃ© was read at the tram stop.")),
        ("encoding", Document("read-as-gbk", ZH.encode().decode("gb18030", "ignore"))),
        ("encoding", Document("lost", "Some of the characters of this line are gone: caf\ufffd, na\ufffdve.")),
        ("html", Document("tags", '<div class="x"><p>Wagons are washed at night.</p></div>')),
        ("html", Document("references", "Wagons&nbsp;are washed &amp; dried before the morning train leaves.")),
        ("html", Document("script", "车厢在夜间清洗。<script>track('a')</script>早上发车前会晾干，然后再检查一遍。")),
        ("unfindable", Document("word", "TODO", "Wagons")),
        ("unfindable", Document("numbers", "2024 118 39.5\n17 | 22", "Table 4")),
        ("unfindable", Document("待补充", "待定", "车厢")),
        *(("language", Document(f"french-{i}", text)) for i, text in enumerate(FRENCH)),
        ("stale", Document("says-so", "This policy has been superseded by the one of May. Wagons may carry dogs.")),
        ("stale", Document("rules-v1", "Travellers pay for a second bag, and a bicycle needs a ticket.", "Rules v1")),
        ("stale", Document("废止", "本规定已于上月废止。乘客可以携带一件行李，自行车需要单独购票。")),
        ("personal", Document("mail", "Ask Ms Weaver, anna.weaver@brone-rail.org, for the key to the signal box.")),
        ("personal", Document("id-number", "乘客张三的身份证号是11010519491231002X，已登记在册，请妥善保管。")),
        ("personal", Document("card", "The ticket was paid with the card 4111 1111 1111 1111 on the train to Delmar.")),
        ("long", Document("long-1", "\n".join(f"Wagon {n} stood on track {n * 7}." for n in range(3000)))),
        ("long", Document("long-2", "\n".join(f"{n}号车厢停在第{n * 3}道上。" for n in range(2500)))),
        ("long", Document("long-3", "\n".join(f"Seat {n} costs {n * 11} crowns." for n in range(3100)))),
    ]  # fmt: skip
    documents += [document for _, document in added]
    documents.append(Document("rules-v2", "Dogs travel free, and every child under six needs no seat.", "Rules v2"))
    found: dict[Kind, set[str]] = {"boilerplate": set()}
    for kind, document in added:
        found.setdefault(kind, set()).add(document.id)
    for number, footer in enumerate(FOOTERS):
        pool = chinese if number == 2 else english
        places = [documents.index(one) for one in pool[10 + 4 * number : 14 + 4 * number]]
        for place in places:
            documents[place] = replace(documents[place], text=f"{documents[place].text}\n\n{footer}")
        found["boilerplate"].add(documents[places[0]].id)
    return documents, found
