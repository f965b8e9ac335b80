"""What all built-in algorithms share inside the training program.

==================  ==================================================================================
`environment`       the folder the program was started in: hyperparameters, channels, hosts
`log`               the exact forms of log lines
`request`           what a job asks for, checked and logged
`beginning`         the same, and the other processes of the job met
`continuing`        weights from the channel ``model``
`epochs`            the walk over epochs: best weights, early end, what a resumed run needs; the model left
`samples`           encoded samples out of RecordIO files, image folders and named pipes
`pictures`          decoding in threads, batches of uint8 tensors
`jitter`            random changes to batches: flips and colours (what moves boxes is with the detectors)
`optimizers`        optimizers, frozen layers, learning rates by epoch
`stopping`          early stopping, the best weights, a wish to end (SIGTERM)
`checkpoints`       what a resumed run needs
`distributed`       several processes: over hosts and over the GPUs of a host
`precision`         device, memory format and mixed precision
`pretrained`        weights to start from
`artifact`          the model folder; the archive of the channel ``model``
==================  ==================================================================================

`environment`, `log`, `request` and `problems` need no torch.
"""

from __future__ import annotations

__all__: list[str] = []
