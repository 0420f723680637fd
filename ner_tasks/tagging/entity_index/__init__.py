"""Index of a day's entities by mention: an SQLite file next to the answers, written once and then only read.

about        how many documents there are, and how many without a text
documents    names of the documents that have entities, by the number of their line
mentions     each mention and label once, in order; `folded` is what is compared, see `folding`
starts       from where in a mention it is found: its beginning, and the beginning of each later word
occurrences  in which documents a mention lies, in which context
contexts     assertion and section; NULL if they were not determined
top          the mentions in most documents, by label
"""

ENTITY_INDEX = "entities.sqlite"
NEW_MENTIONS = "new_mentions.json"  # what no day before had, written after the day was published
WHAT = "a day's entity index"  # for error messages
