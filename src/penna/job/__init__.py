"""The verbs of a fit, one file each, on floors of their own: a file here imports only from those below it."""
