from .latent.widget import LatentExplorer as LatentExplorer
from .training.widget import TrainingPanel as TrainingPanel
