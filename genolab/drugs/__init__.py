"""Screen drugs: which compound, on what, and how sure.

Data
----
responses           a table of measured compounds -> AnnData, a row a compound in a context
cold_split          splits that hold out compounds, contexts or both
ColdSplit           what `cold_split` returns
compounds           molecules: standard SMILES, fingerprints, similarity, drawings; see `help(gl.drugs.compounds)`
simulate_responses  a screen whose truth is known
simulate_plate      the wells in which compounds of known potency are tested

Models
------
ResponseModel      the response of a compound in a context, with its uncertainty
MeansBaseline      means of compounds and contexts
NeighbourBaseline  the most similar compounds
RidgeBaseline      ridge regression
ForestBaseline     a random forest
KernelBaseline     a support vector machine on Tanimoto similarity

Explanation and evaluation
--------------------------
atom_scores     the contribution of every atom
feature_scores  the contribution of every feature of a context
evaluate        errors and rankings beside baselines, with intervals
calibration     how often the truth lies in the band
Estimate        a mean and a spread: what a baseline of your own predicts
METRICS         the metrics of `evaluate`

Screens
-------
read_plate     a plate from a file
plate          a plate from a table
normalise      percent effect between the controls
z_prime        the quality of each plate
dose_response  fitted curves: IC50 or EC50, slope, interval
curve          a fitted curve, drawn out
rank           a library ranked by a model
to_sdf         a ranking as an SD file

Figures
-------
plot.responses      measured responses, compounds x contexts
plot.predicted      predicted against measured responses, and calibration
plot.effects        what features of contexts do to a response
plot.dose_response  measured wells and fitted curves
CompoundTable       a table of compounds to filter and pick from
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
