"""Plates, dose-response curves and ranked libraries."""
