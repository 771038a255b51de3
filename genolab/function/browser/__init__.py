"""Walk through an ontology."""
