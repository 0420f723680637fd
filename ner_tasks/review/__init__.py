"""What is looked at once answers exist: drift from night to night, what a new model would change, what people should read.

statistics    a night's answers in numbers
drift         one night beside those before it
sampling      some of a night's files, for another model
impact        what that model changes, for the person who approves it
review        the mentions most worth a person's time, and the files that labelling tools read
"""
