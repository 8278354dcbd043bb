"""Filters that ask no model: each where it must refuse and where it must not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.synthesis.checks import (
    duplicate_in,
    find_evidence,
    gives_itself_away,
    is_in_language,
    is_near_duplicate,
    may_state,
    reference_to_a_text,
    word_overlap,
)
from rageval.synthesis.drafts import Draft, RefusedError
from rageval.synthesis.filters import check_words
from rageval.types import Document, Passage

QUESTIONS = st.text(alphabet="abc 甲乙丙？?", min_size=1, max_size=30)


@pytest.mark.parametrize(
    "question",
    [
        "What does this text say about BM25?",
        "How many parts are listed in the passage?",
        "According to the passage, who proposed it?",
        "What is the main idea of the article?",
        "Which year is mentioned above?",
        "Who has not seen the passage?",
        "What does the author claim about fusion?",
        "What did the authors add?",
        "What is the name of the study?",
        "该方法有哪些缺点？",
        "How is the model described in the document?",
        "What do the given passages compare?",
        "How does passage 1 differ from passage 2?",
        "本文介绍了什么方法？",
        "上文提到的参数是多少？",
        "文中的例子是什么？",
        "根据段落，谁提出了这个方法？",
        "这段文字讲了什么？",
        "文章中提到的年份是哪一年？",
        "上述内容中有几种方法？",
    ],
)
def test_a_question_about_a_text_is_found(question: str) -> None:
    assert reference_to_a_text(question)


@pytest.mark.parametrize(
    "question",
    [
        "What does the passage encoder of DPR return?",
        "How long is the context window of BERT?",
        "What does the document frequency of a term count?",
        "Which retriever returns the whole document?",
        "What is added to the document?",
        "Which encoder reads the text of a table?",
        "How does BM25 treat text length?",
        "Who wrote the article that proposed HyDE in 2022?",
        "Who are the authors of ColBERT?",
        "What does the paper on RAG-Fusion report?",
        "Which year did the 2310 metres study appear?",
        "MMR 这个算法为什么惩罚重复？",
        "ColBERT的这种方法慢在哪里？",
        "文本文件怎样切分？",
        "中文中如何分词？",
        "上下文窗口有多长？",
        "上下文中的噪声有什么影响？",
        "父文档检索器返回什么？",
        "BM25 如何处理文档长度？",
        "b 取多少？",
    ],
)
def test_a_question_that_stands_alone_is_left(question: str) -> None:
    assert reference_to_a_text(question) is None


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Is Mount Arlen 2310 metres high?", "2310 metres"),
        ("b 的默认值 0.75 是多少？", "0.75"),
        ("Did Cormack propose fusion?", "Cormack"),
    ],
)
def test_an_answer_in_the_question_is_found(question: str, answer: str) -> None:
    assert gives_itself_away(question, answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How high is Mount Arlen?", "2310 metres"),
        ("Is BM25 lexical?", "Yes."),
        ("BM25 的哪个参数控制长度？", "b"),
        ("How many metres high is Mount Arlen?", "It is 2310 metres high"),
        ("青石山高吗？", "高"),
        ("Which of them is a sparse retriever?", "SPLADE"),
    ],
)
def test_an_answer_that_is_not_in_the_question_is_left(question: str, answer: str) -> None:
    assert not gives_itself_away(question, answer)


def test_word_overlap_is_the_share_of_the_questions_words() -> None:
    """Of `high`, `mount`, `arlen`, `how` two stand in the evidence; stems count as the same word."""
    assert word_overlap("How high is Mount Arlen?", ["Mount Arlen rises far."]) == pytest.approx(2 / 4)
    assert word_overlap("Which rivers flow?", ["The river flows."]) == pytest.approx(2 / 3)
    assert word_overlap("???", ["The river flows."]) == 0.0


def test_a_long_chinese_name_counts_once() -> None:
    """jieba gives 青石山 and its parts; without them 青石山 and 高 of four words stand in the evidence."""
    assert word_overlap("翠屏山有多高？", ["翠屏山高1803米。"]) <= 0.6


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("How high is Mount Arlen?", "how high is  Mount Arlen", True),
        ("How high is Mount Arlen?", "How high is Mount Bresk?", False),
        ("In which year was BM25 first proposed by Robertson?", "In which year was BM25 proposed by Robertson?", True),
        ("青石山有多高？", "青石山有多高", True),
        ("青石山有多高？", "蓝江有多长？", False),
        ("b?", "k?", False),
    ],
)
def test_near_duplicates(a: str, b: str, same: bool) -> None:
    assert is_near_duplicate(a, b) == is_near_duplicate(b, a) == same
    assert (duplicate_in(a, ["something else entirely", b]) == b) == same


@given(QUESTIONS, QUESTIONS)
def test_every_question_repeats_itself_and_repeating_is_mutual(a: str, b: str) -> None:
    assert is_near_duplicate(a, a)
    assert is_near_duplicate(a, b) == is_near_duplicate(b, a)
    assert 0.0 <= word_overlap(a, [b]) <= 1.0


@pytest.mark.parametrize(
    ("text", "language", "right"),
    [
        ("How high is Mount Arlen?", "en", True),
        ("青石山高多少米？", "zh", True),
        ("b 取多少？", "zh", True),
        ("BM25 的参数 b 控制文档长度归一化吗？", "en", False),
        ("In which year was reciprocal rank fusion proposed?", "zh", False),
        ("Wie hoch ist der Berg Arlen in Metern?", "de", True),
        ("How high is the mountain that they call Arlen?", "de", False),
    ],
)
def test_languages(text: str, language: str, right: bool) -> None:
    assert is_in_language(text, language) == right


DOCUMENT = Document("d", "Mount Arlen is high. It is 2310 m tall. It was climbed in 1871.", "Arlen")


def test_evidence_is_whole_sentences_of_the_passage() -> None:
    passage = DOCUMENT.passage(0, len(DOCUMENT.text))
    assert find_evidence("2310 M", passage).text == "It is 2310 m tall."
    assert find_evidence("[1] Arlen: It is 2310", passage).text == "It is 2310 m tall."
    inside = DOCUMENT.passage(21, 63)
    assert find_evidence("1871", inside) == DOCUMENT.passage(40, 63)
    assert find_evidence("tall. It was", passage).text == "It is 2310 m tall. It was climbed in 1871."


SLOPES = Document(
    "s", "The path is steep. Snow lies on the upper slopes of the mountain until June. Nobody lives there."
)


def test_a_quote_with_slips_is_the_sentence_that_it_copies() -> None:
    passage = SLOPES.passage(0, len(SLOPES.text))
    snow = "Snow lies on the upper slopes of the mountain until June."
    assert find_evidence("Snow lies on upper slopes of the mountain until early June.", passage).text == snow
    with pytest.raises(RefusedError):
        find_evidence("Rain falls on the lower slopes of a hill until June.", passage)


def test_the_sentence_that_states_the_answer_is_meant_whatever_was_quoted() -> None:
    passage = DOCUMENT.passage(0, len(DOCUMENT.text))
    asked = "When was Arlen climbed?"
    assert find_evidence("Mount Arlen is high.", passage, "1871", asked).text == "It was climbed in 1871."
    assert find_evidence("not there at all", passage, "1871", asked).text == "It was climbed in 1871."
    assert find_evidence("Mount Arlen is high.", passage, "1999", asked).text == "Mount Arlen is high."


@pytest.mark.parametrize(
    ("text", "answer", "question", "may"),
    [
        ("It was in 1871.", "1871", "When?", True),
        ("It was in 1872.", "1871", "When?", False),
        ("They climbed it.", "They climbed it in 1871", "Who climbed it in 1871?", True),
        ("A bias term is added.", "A zero component", "What is added?", False),
        ("A component that is zero is added.", "A zero component", "What is added?", True),
        ("高 2310 米。", "2310 metres", "How high?", True),
        ("高 2311 米。", "2310 metres", "How high?", False),
        ("它建于二〇一六年。", "2016 年", "何时建成？", True),
        ("It is so.", "Yes.", "Is it so?", True),
        ("80 道题里有 66 道", "66%", "比例是多少？", False),
        ("占百分之66。", "66 %", "比例是多少？", True),
        ("About 1% of the weights.", "1 percent", "How much?", True),
    ],
)
def test_what_may_state_an_answer(text: str, answer: str, question: str, may: bool) -> None:
    assert may_state(text, answer, question) == may


@pytest.mark.parametrize("quote", ["It is 2311 m tall.", "It was climbed in 1871.", "..."])
def test_a_quote_from_elsewhere_is_refused(quote: str) -> None:
    """The second stands in the document, not in the passage."""
    with pytest.raises(RefusedError) as refused:
        find_evidence(quote, DOCUMENT.passage(0, 39))
    assert refused.value.filter == "quote"


def draft(text: str, answer: str = "2310 m", **details: object) -> Draft:
    piece = Passage("d", 21, 39, "It is 2310 m tall.")
    return Draft(text, "en", answer, (piece,), ("p",), details=details)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "one", "filter_"),
    [
        ("factual", draft("青石山高多少米，山顶有没有寺庙？"), "language"),
        ("factual", draft("Is Arlen 2310 m?"), "given away"),
        ("factual", draft("How tall is it in this passage?"), "refers to a text"),
        ("factual", draft("How tall is Arlen?", "As this text says, 2310 m"), "refers to a text"),
        ("follow_up", draft("How tall is Arlen?", said="And in this passage?"), "refers to a text"),
        ("paraphrase", draft("It is tall?"), "overlap"),
        ("factual", draft("How high is Mount Bresk?"), "duplicate"),
        ("factual", draft("How tall is Arlen?"), ""),
        ("false_premise", draft("Why is Arlen 2310 m deep?"), ""),
        ("paraphrase", draft("What height does Arlen reach?"), ""),
        ("follow_up", draft("How tall is Arlen?", said="And how tall is it?"), ""),
    ],
)
def test_words_of_a_draft(kind: str, one: Draft, filter_: str) -> None:
    found = ""
    try:
        check_words(kind, one, ["How high is Mount Bresk?"])
    except RefusedError as refused:
        found = refused.filter
    assert found == filter_
