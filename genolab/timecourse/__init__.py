"""Expression over time: profiles, cycles, classes and forecasts by recurrent networks.

Data
----
courses               a table of measured time points -> AnnData, a row a gene
pseudotime_courses    cells along pseudotime -> the same
course_folds          folds that hold out whole time courses or genes
CourseFold            one of them
estimate_cycles       the period of every time course
fit_waves             a wave fitted to every profile
Cycles                periods and offsets
simulate_time_course  genes whose phase is known

Models
------
ExpressionRNN    classes of profiles, or forecasts with a calibrated band
ProfileBaseline  logistic regression on profiles
NearestProfiles  the classes of the nearest profiles
NearestForecast  the futures of the nearest profiles
last_value       forecast: as it was last
mean_value       forecast: the mean so far
seasonal         forecast: as it was a period ago
wave_forecast    forecast: the fitted wave goes on

Figures
-------
evaluate            classes, course by course, with intervals
evaluate_forecasts  errors and coverage of forecasts
plot                phase wheels, profiles, forecasts
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
