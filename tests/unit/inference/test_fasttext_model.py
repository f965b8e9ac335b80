"""fastText's file format and answers: against a model that fastText itself made, and back again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.inference import BadInput, BadModel, UnsupportedContent, load_predictor
from labelwright.inference.fasttext_file import FastTextSettings, read_model, write_model
from labelwright.inference.ngrams import line_features, token_hashes
from labelwright.inference.text_classification import TextClassificationPredictor

MADE_BY_FASTTEXT = Path(__file__).parents[2] / "data" / "text" / "fasttext.bin"
# What fastText 0.9.3 answers with that model (dim 20, 100 buckets, word n-grams up to 3).
ANSWERS = {
    "a joy to watch": {"good": 0.3412232, "bad": 0.3317229, "french": 0.327084},
    "dull and long": {"good": 0.3360981, "bad": 0.3346141, "french": 0.3293178},
    "café scenes": {"good": 0.3402324, "bad": 0.3316012, "french": 0.3281965},
    "unseen words only": {"good": 0.3378102, "bad": 0.3319628, "french": 0.330257},
    "__label__bad the film": {"good": 0.3405558, "bad": 0.3330348, "french": 0.3264394},
}


@pytest.fixture(scope="module")
def predictor() -> TextClassificationPredictor:
    return TextClassificationPredictor(read_model(MADE_BY_FASTTEXT))


def test_answers_are_those_of_fasttext(predictor: TextClassificationPredictor) -> None:
    body = {"instances": list(ANSWERS), "configuration": {"k": 3}}
    answer, content_type = predictor.predict(json.dumps(body).encode(), "application/json", None)
    assert content_type == "application/json"
    for found, wanted in zip(json.loads(answer), ANSWERS.values(), strict=True):
        shares = dict(zip(found["label"], found["prob"], strict=True))
        # fastText adds 1e-5 to every probability it reports.
        assert shares == pytest.approx({f"__label__{name}": p - 1e-5 for name, p in wanted.items()}, abs=2e-7)
        assert found["prob"] == sorted(found["prob"], reverse=True)


def test_json_lines_answer_one_line_each_with_its_own_k(predictor: TextClassificationPredictor) -> None:
    body = b'{"source": "a joy", "k": 2}\n\n{"source": "dull"}\n{"source": "", "k": 99}'
    answer, content_type = predictor.predict(body, "application/jsonlines", "application/jsonlines")
    lines = [json.loads(line) for line in answer.decode().splitlines()]
    assert content_type == "application/jsonlines"
    assert [len(line["label"]) for line in lines] == [2, 1, 3]
    assert list(lines[0]) == ["prob", "label"]
    assert answer.endswith(b"\n")


def test_one_bad_body_does_not_touch_the_others(predictor: TextClassificationPredictor) -> None:
    good = b'{"instances": ["a joy"]}'
    found = predictor.predict_many([good, b"{", good], "application/json", "*/*")
    assert isinstance(found[1], BadInput)
    assert found[0] == found[2] == predictor.predict(good, "application/json", None)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[]", "must be an object"),
        (b'{"instances": "one text"}', "no list of texts"),
        (b'{"instances": [1]}', "no list of texts"),
        (b'{"instances": ["a"], "configuration": {"k": 0}}', '"k": 0'),
        (b'{"instances": ["a"], "configuration": {"k": true}}', '"k": true'),
        (b'{"instances": ["a"], "configuration": 3}', "must be an object"),
    ],
)
def test_wrong_json_is_named(predictor: TextClassificationPredictor, body: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        predictor.predict(body, "application/json", None)


def test_wrong_lines_are_named_by_number(predictor: TextClassificationPredictor) -> None:
    with pytest.raises(BadInput, match='Line 2 has no text under "source"'):
        predictor.predict(b'{"source": "a"}\n{"text": "b"}\n', "application/jsonlines", None)


def test_types_that_do_not_fit_are_refused(predictor: TextClassificationPredictor) -> None:
    with pytest.raises(UnsupportedContent, match="text/csv"):
        predictor.predict(b"a", "text/csv", None)
    with pytest.raises(UnsupportedContent, match="same type for both"):
        predictor.predict(b"{}", "application/json", "application/jsonlines")


def test_a_lone_model_file_is_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(MADE_BY_FASTTEXT.read_bytes())
    assert load_predictor(tmp_path).algorithm == "blazingtext"


def test_written_models_read_back(tmp_path: Path) -> None:
    settings = FastTextSettings(dimension=3, word_ngrams=2, n_buckets=50_000, min_count=2, epochs=7)
    rows = np.arange(15, dtype=np.float32).reshape(5, 3)
    path = tmp_path / "model.bin"
    write_model(
        path,
        settings,
        words=[(b"</s>", 9), ("naïve".encode(), 4)],
        labels=[(b"__label__1", 6)],
        n_tokens=19,
        input_rows=rows,
        bucket_of_row=np.array([0, 7, 49_999]),
        output_rows=np.ones((1, 3), np.float32),
    )
    model = read_model(path)
    assert model.settings == settings
    assert (model.words, model.labels) == ([b"</s>", "naïve".encode()], [b"__label__1"])
    assert model.n_rows == 50_002
    assert model.rows(np.array([0, 1, 2, 9, 50_001, 3])).tolist() == [*rows.tolist(), [0.0, 0.0, 0.0]]
    assert model.output.tolist() == [[1.0, 1.0, 1.0]]


@given(cut=st.integers(0, 10_585))
def test_a_file_cut_off_anywhere_is_refused(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.bin"
    path.write_bytes(MADE_BY_FASTTEXT.read_bytes()[:cut])
    with pytest.raises(BadModel, match=r"cut\.bin"):
        read_model(path)


def test_other_kinds_of_models_are_refused(tmp_path: Path) -> None:
    content = bytearray(MADE_BY_FASTTEXT.read_bytes())
    content[8 + 4 * 6] = 1  # hierarchical softmax
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(BadModel, match="softmax over whole words"):
        load_predictor(tmp_path)


@given(st.lists(st.binary(max_size=12), max_size=60))
def test_hashes_do_not_depend_on_how_many_are_asked_for(tokens: list[bytes]) -> None:
    padded = tokens + [b"x"] * 60
    assert token_hashes(padded)[: len(tokens)].tolist() == [int(token_hashes([each])[0]) for each in tokens]


def _features_one_by_one(
    lines: list[list[int]], words: list[int], hashes: list[int], n_buckets: int, longest: int
) -> list[list[int]]:
    """As the paper's code says it, for one token after the other."""
    found = []
    for line in lines:
        own = [words[token] for token in line if words[token] >= 0]
        for i in range(len(line)):
            rolling = hashes[line[i]]
            for token in line[i + 1 : i + longest]:
                rolling = (rolling * 116049371 + hashes[token]) % 2**64
                own.append(len(words) + rolling % n_buckets)
        found.append(sorted(own))
    return found


@given(
    lines=st.lists(st.lists(st.integers(0, 5), max_size=7), min_size=1, max_size=6),
    longest=st.integers(1, 5),
)
def test_features_are_those_counted_token_by_token(lines: list[list[int]], longest: int) -> None:
    words = [0, -1, 1, 2, -1, 3]
    hashes = token_hashes([b"a", b"b", "ü".encode(), b"d", b"", b"a longer one"])
    tokens = np.array([token for line in lines for token in line], np.int64)
    features, starts = line_features(
        np.array(words)[tokens],
        hashes[tokens],
        np.concatenate([[0], np.cumsum([len(line) for line in lines])]),
        n_words=len(words),
        n_buckets=1000,
        ngram_length=longest,
    )
    found = [sorted(part.tolist()) for part in np.split(features, starts[1:-1])]
    assert found == _features_one_by_one(lines, words, hashes.tolist(), 1000, longest)
