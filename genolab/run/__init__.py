"""Train a model.

``Run``, ``RunConfig``            a model that is trained, and how; also ``gl.Run``, ``gl.RunConfig``
``RunStatus``, ``Epoch``          where a run stands, and what an epoch brought
``Change``                        a control that was changed while it trained
``NonFiniteLossError``            training met NaN or infinity
``load_model``                    the model of a saved run
``resolve_device``                the device that "auto" stands for here
"""

from genolab.run.engine import NonFiniteLossError, resolve_device
from genolab.run.records import Change, Epoch, RunConfig, RunStatus
from genolab.run.run import Run
from genolab.run.saving import load_model

__all__ = ["Change", "Epoch", "NonFiniteLossError", "Run", "RunConfig", "RunStatus", "load_model", "resolve_device"]
