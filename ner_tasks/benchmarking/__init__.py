"""How fast a model is: engines side by side, what was measured before, and the choice of how to run it here."""
