"""What ``python -m labelwright.train blazingtext`` does, from the settings to the model folder."""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labelwright.algorithms.blazingtext import WORD_VECTOR_MODES
from labelwright.inference.fasttext_file import FastTextSettings, write_model
from labelwright.train.text_classification.corpus import Lexicon, encode, text_of_channel
from labelwright.train.text_classification.features import BucketRows, Lines, make_lines
from labelwright.train.text_classification.model import Classifier, Progress
from labelwright.train.text_classification.vocabulary import Vocabulary, build_vocabulary
from labelwright.train.toolkit.artifact import write_description
from labelwright.train.toolkit.environment import Environment
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.problems import CustomerError
from labelwright.train.toolkit.request import Request, read_request, seed_of_run
from labelwright.train.toolkit.stopping import EarlyStopping, StopWish

__all__ = ["train"]

ALGORITHM = "blazingtext"

_TELL_EVERY_S = 5.0


def train(environment: Environment) -> None:
    """Train as the environment says and leave the model.

    Raises
    ------
    HyperparameterError, InvalidRequest, CustomerError
        The user's settings or data are wrong.
    """
    log = JobLog(environment.current_host)
    request = read_request(environment, ALGORITHM, log)
    values = request.values
    if values["mode"] in WORD_VECTOR_MODES:
        raise CustomerError(
            f"The mode {values['mode']!r} (word vectors) is not offered; set the hyperparameter 'mode' to "
            "'supervised' for text classification."
        )
    if len(environment.hosts) > 1:
        raise CustomerError(
            f"The mode 'supervised' trains on one instance, but InstanceCount is {len(environment.hosts)}; "
            "set it to 1."
        )
    if values["early_stopping"] and "validation" not in environment.channels:
        raise CustomerError(
            "The hyperparameter 'early_stopping' is True, but there is no channel 'validation' to judge by; "
            "add the channel or leave early_stopping out."
        )
    with StopWish() as wish, tempfile.TemporaryDirectory(dir=environment.base) as scratch:
        _Run(environment, request, log, wish, Path(scratch)).run()


class _Run:
    """One training, as far as it holds state."""

    def __init__(
        self, environment: Environment, request: Request, log: JobLog, wish: StopWish, scratch: Path
    ) -> None:
        self._environment = environment
        self._values = request.values
        self._effective = request.effective
        self._log = log
        self._wish = wish
        self._scratch = scratch
        self._n_threads = _n_threads()
        self._started = self._told = time.monotonic()
        self._trained_s = 0.0

    def run(self) -> None:
        """From text to model folder."""
        values, log = self._values, self._log
        log.say("Running single machine CPU BlazingText training using supervised mode.")
        vocabulary, buckets, training, validation = self._read()
        seed = seed_of_run()
        model = Classifier(
            buckets.n_rows,
            len(vocabulary.labels),
            values["vector_dim"],
            n_threads=self._n_threads,
            seed=seed,
        )
        n_epochs = self._learn(model, training, validation, vocabulary)
        scores = {"train:accuracy": model.accuracy(training)}
        log.plain(f"#train_accuracy: {scores['train:accuracy']:.4f}")
        log.plain(f"Number of train examples: {len(training)}")
        if validation is not None:
            scores["validation:accuracy"] = model.accuracy(validation)
            log.plain(f"#validation_accuracy: {scores['validation:accuracy']:.4f}")
            log.plain(f"Number of validation examples: {len(validation)}")
        self._leave(model, vocabulary, buckets, scores, n_epochs)

    def _read(self) -> tuple[Vocabulary, BucketRows, Lines, Lines | None]:
        values, log, channels = self._values, self._log, self._environment.channels
        lexicon = Lexicon()
        train_text = encode(text_of_channel(channels["train"]), lexicon, self._scratch / "train.tokens", log)
        validation_text = None
        if "validation" in channels:
            log.plain("Loading validation data from the channel 'validation'")
            validation_text = encode(
                text_of_channel(channels["validation"]), lexicon, self._scratch / "validation.tokens", log
            )
            log.plain("Loaded validation data.")
        vocabulary = build_vocabulary(lexicon, train_text, values["min_count"])
        del lexicon
        log.plain(f"Number of words:  {len(vocabulary.words)}")
        log.plain(f"Number of labels:  {len(vocabulary.labels)}")
        buckets = BucketRows(len(vocabulary.words), values["buckets"] if values["word_ngrams"] > 1 else 0)
        training = self._lines("train", train_text, vocabulary, buckets)
        if not len(training):
            raise CustomerError(
                "Channel 'train' has no line with both a label and a known word; give more text, or a lower "
                f"min_count than {values['min_count']}."
            )
        validation = None
        if validation_text is not None:
            validation = self._lines("validation", validation_text, vocabulary, buckets)
            if not len(validation):
                raise CustomerError(
                    "Channel 'validation' has no line with a label that occurs in channel 'train'; each line "
                    "needs a token that begins with __label__."
                )
        return vocabulary, buckets, training, validation

    def _lines(self, name: str, text: Any, vocabulary: Vocabulary, buckets: BucketRows) -> Lines:
        scratch = self._scratch / f"{name}.rows"
        return make_lines(
            text,
            vocabulary,
            buckets,
            word_ngrams=self._values["word_ngrams"],
            scratch=scratch,
            is_training=name == "train",
        )

    def _learn(
        self, model: Classifier, training: Lines, validation: Lines | None, vocabulary: Vocabulary
    ) -> int:
        """Train; how many epochs were begun."""
        values, log = self._values, self._log
        progress = Progress(len(training.rows) * values["epochs"], values["learning_rate"])
        stopping = EarlyStopping(values["min_epochs"], values["patience"])
        is_judged = values["early_stopping"] and validation is not None
        best = None
        self._told = time.monotonic()
        n_words = vocabulary.n_tokens * values["epochs"]
        epoch = 0
        for epoch in range(1, values["epochs"] + 1):
            begun = time.monotonic()
            try:
                model.learn_epoch(
                    training,
                    epoch,
                    progress,
                    is_to_stop=lambda: self._wish.is_there,
                    tell=functools.partial(self._tell, progress, n_words, begun),
                )
            except FloatingPointError:
                raise CustomerError(
                    f"Training diverged in epoch {epoch}: the weights are no numbers any more. Set a lower "
                    f"learning_rate than {values['learning_rate']:g}."
                ) from None
            self._trained_s += time.monotonic() - begun
            if self._wish.is_there:
                log.warn_of("Training was asked to end; the model is stored as it is.")
                break
            log.plain(f"-------------- End of epoch: {epoch}")
            if not is_judged or validation is None:
                continue
            log.plain(f"Using {self._n_threads} threads for prediction!")
            score = model.accuracy(validation)
            log.plain(f"Validation accuracy: {score:.6f}")
            if score > stopping.best:
                log.plain("Validation accuracy improved! Storing best weights...")
                best = model.copy()
            if stopping.update(score, epoch):
                log.plain(
                    f"Validation accuracy has not improved for {values['patience']} epochs. Stopping early."
                )
                break
            if stopping.n_waiting:
                log.plain(f"Validation accuracy has not improved for {stopping.n_waiting} epoch(s).")
        if best is not None:
            model.restore(best)
        self._say_alpha(progress, n_words, time.monotonic())
        speed = _millions(progress.share * n_words, self._trained_s)
        log.plain("Training finished.")
        log.plain(f"Average throughput in Million words/sec: {speed:.2f}")
        log.plain(f"Total training time in seconds: {time.monotonic() - self._started:.2f}")
        return epoch

    def _tell(self, progress: Progress, n_words: int, begun: float) -> None:
        now = time.monotonic()
        if now - self._told >= _TELL_EVERY_S:
            self._told = now
            self._say_alpha(progress, n_words, begun)

    def _say_alpha(self, progress: Progress, n_words: int, begun: float) -> None:
        """``##### Alpha: … #####``; ``begun`` is when the epoch under way began."""
        speed = _millions(progress.share * n_words, self._trained_s + time.monotonic() - begun)
        self._log.plain(
            f"##### Alpha: {progress.rate_now:.4f}  Progress: {100 * progress.share:.2f}%  "
            f"Million Words/sec: {speed:.2f} #####"
        )

    def _leave(
        self,
        model: Classifier,
        vocabulary: Vocabulary,
        buckets: BucketRows,
        scores: Mapping[str, float],
        n_epochs: int,
    ) -> None:
        values, folder = self._values, self._environment.model_dir
        write_model(
            folder / "model.bin",
            FastTextSettings(
                dimension=values["vector_dim"],
                epochs=values["epochs"],
                min_count=values["min_count"],
                word_ngrams=values["word_ngrams"],
                n_buckets=buckets.n_buckets,
            ),
            words=vocabulary.words,
            labels=vocabulary.labels,
            n_tokens=vocabulary.n_tokens,
            input_rows=model.embedding[: buckets.n_rows].numpy(),
            bucket_of_row=buckets.bucket_of_row,
            output_rows=model.output.numpy(),
        )
        write_description(
            folder,
            algorithm=ALGORITHM,
            hyperparameters=self._effective,
            network={"mode": values["mode"], "n_words": len(vocabulary.words), "n_epochs": n_epochs},
            classes=[label.decode("utf-8", "replace") for label, _ in vocabulary.labels],
            image_shape=None,
            final_metrics=scores,
        )


def _n_threads() -> int:
    """Processors we may use."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() and int(given) else len(os.sched_getaffinity(0))


def _millions(n_words: float, seconds: float) -> float:
    return n_words / 1e6 / seconds if seconds > 0 else 0.0
