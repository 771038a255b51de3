"""Screens: plates, dose-response curves, and the ranking of a library."""
