"""Personal data in a text, and copies of the text without it.

rules              `PersonalDataRules`: what finds spans of 18 kinds, with one version
redaction          `redact`: a copy of a text with labels, hashes or surrogates, and its offset map
lexicon            words and settings, from YAML
words, dates, date_forms, phones, contact, identifiers, devices, names, places, checksums   recognizers
overlaps           which of two overlapping candidates wins

It helps to find identifiers. It does not guarantee that a text is de-identified.
"""
