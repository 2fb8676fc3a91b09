"""A model of one's own: labels from what happened, a fit, and scores on communities that the model has not seen."""
