"""Consolidation beside crowd-kit, on answers of real crowds."""
