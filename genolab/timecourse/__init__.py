"""Expression over time: profiles, cycles, classes and forecasts by recurrent networks.

Data
----
courses               a table of measured time points -> AnnData, a row a gene in a course
pseudotime_courses    cells along pseudotime -> the same
course_folds          folds that hold out whole courses and genes
CourseFold            one of them
estimate_cycles       the period of every course, and where in the cycle it starts
Cycles                periods and starts
fit_cosinor           a wave fitted to every profile
Cosinor               such waves: level, peak, share of the variance
simulate_time_course  genes whose phase is known

Models
------
ExpressionRNN     classes of profiles, or forecasts with a calibrated band
forecast          how a model expects profiles to go on
Forecast          a forecast: its mean and its band
path              where profiles lie in the latent space, time by time
ProfileBaseline   logistic regression on profiles
NearestProfiles   the classes of the nearest profiles
NearestForecast   forecast: the mean of the nearest profiles
last_value        forecast: the last value
mean_value        forecast: the mean so far
seasonal_naive    forecast: the value a cycle ago
cosinor_forecast  forecast: the fitted wave goes on

Results
-------
evaluate            classes, course by course, with intervals
evaluate_forecasts  errors and coverage of forecasts
plot                phase wheels, profiles, forecasts
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
