"""Text classification: fastText's supervised form, as BlazingText trains it.

==============  ======================================================================
`corpus`        text out of files and pipes, as numbers of tokens in a scratch file
`vocabulary`    which tokens are words, which are labels, by how often they occur
`features`      rows of the embedding matrix and labels of each line, in scratch files
`model`         the two matrices, learning and judging, on several threads
`program`       the training program
==============  ======================================================================
"""

from __future__ import annotations

__all__: list[str] = []
