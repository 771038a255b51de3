"""Screens: plates, their controls and curves."""
