"""Objects that others made under free licences: a mix to train on, and others to validate with.

Nothing of them is in this package. `python -m assets.found` makes the set in a folder, from sources that are
installed or downloaded: `assets.found.synthesizer` and `assets.found.sweethome`.
"""
