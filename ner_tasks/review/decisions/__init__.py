"""What reviewers decide on the page Review queue.

queue_file   sentences of the queue that the page offers
verdicts     what a reviewer says of a sentence and its entities, and whether that is possible
standing     where a sentence stands: open, disputed or settled
agreement    Cohen's kappa and exact-span F1 of two reviewers
summary      figures of a day
batch        settled sentences as labelled data, chosen codes as rows of a vocabulary
recording    decisions of one run into the store
"""
