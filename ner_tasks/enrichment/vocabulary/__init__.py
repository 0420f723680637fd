"""Vocabularies of codes: names in one spelling, the file that they are compiled into, near matches, ICD-10-CM."""
