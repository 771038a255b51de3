"""Tests in a real browser: they start JupyterLab and Chromium once for all of them."""
