"""JupyterLab, kernels, notebooks without a screen, and the command line."""
