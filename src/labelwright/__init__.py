"""Labelwright: label data, label less of it, train and use a model.

A self-hosted successor to Amazon SageMaker Ground Truth. The server is started by ``labelwright serve``;
the library parts (``labelwright.manifests``, ``labelwright.consolidation``) work without any server.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
