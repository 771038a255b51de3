"""Ontologies, gene sets and enrichment."""
