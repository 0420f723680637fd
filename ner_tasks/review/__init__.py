"""Review by people: which sentences to correct, and what a new model would change.

sampling           sample of a night's files for a second model
prediction_diffs   differences between two models' predictions
impact             summary of these differences for the person who approves the model
queue              sentences most worth correcting
code_suggestions   codes that a person could choose
decisions          what reviewers decide on the page, and what follows from it
labelling_tools    export of the queue to Label Studio and doccano
"""
