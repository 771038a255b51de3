"""Train a model: `Run` and what belongs to it."""

from genolab.run.engine import NonFiniteLossError, resolve_device
from genolab.run.records import Change, Epoch, RunConfig, RunStatus
from genolab.run.run import Run
from genolab.run.saving import load_model

__all__ = ["Change", "Epoch", "NonFiniteLossError", "Run", "RunConfig", "RunStatus", "load_model", "resolve_device"]
