"""Automated labeling as a library on arrays: fewer human labels, at an error one can promise.

Nothing here knows of jobs, files or servers. ``thresholds`` and ``certify`` hold the guarantees,
``rounds`` decides what happens next in a job, ``forecast`` says what it will come to, ``queries`` picks
what people see, ``features``, ``embeddings`` and ``learners`` are the models, ``simulation`` runs it all
on labeled data.
"""

from __future__ import annotations

from labelwright.autolabel.certify import Certificate, certify_rest
from labelwright.autolabel.embeddings import Embedding, fit_embedding
from labelwright.autolabel.features import image_features, text_features
from labelwright.autolabel.forecast import Forecast, forecast, machine_share_now
from labelwright.autolabel.learners import Learner, Prediction
from labelwright.autolabel.queries import choose_queries
from labelwright.autolabel.rounds import RoundOptions, Step, next_step, sample_order
from labelwright.autolabel.simulation import SimulationResult, simulate
from labelwright.autolabel.thresholds import Threshold, certified_threshold, plain_threshold

__all__ = [
    "Certificate",
    "Embedding",
    "Forecast",
    "Learner",
    "Prediction",
    "RoundOptions",
    "SimulationResult",
    "Step",
    "Threshold",
    "certified_threshold",
    "certify_rest",
    "choose_queries",
    "fit_embedding",
    "forecast",
    "image_features",
    "machine_share_now",
    "next_step",
    "plain_threshold",
    "sample_order",
    "simulate",
    "text_features",
]
