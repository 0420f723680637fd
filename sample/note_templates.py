"""Sentences of visit notes with gaps, for the labelled sample: findings present, denied, past, suspected, a relative's.

The gaps are those of `templates`. `{finding}` is a disease, symptom or finding, `{Finding}` one that begins a line. What
says that it is denied, past or suspected stands outside the gap: a cue is no part of an entity.
"""

OPENINGS = (
    "On {day}, ",
    "In {period}, ",
    "Since {year}, ",
    "At {hospital}, ",
    "According to {person}, ",
    "On examination, ",
    "Today, ",
    "As of {weekday}, ",
)

CLOSINGS = (
    " on {day}",
    " in {period}",
    " at {hospital}",
    " since {year}",
    ", {titled} wrote",
    ", {person} said",
    " in {city}",
)

NOTES = (
    # present
    "{person} presented to {hospital} with {finding} and {finding}",
    "the patient complains of {finding} and {finding}",
    "she has had {finding} for {n} days",
    "he reports worsening {finding} and mild {finding}",
    "{titled} diagnosed {finding}",
    "{finding} is well controlled on {medicine}",
    "he was admitted to {hospital} for {finding}",
    "{person} is being treated for {finding} by {titled}",
    "severe {finding} kept {person} away from work",
    "the request for {service} names {finding} as the reason",
    "{finding} and {finding} have improved on {drug}",
    # denied
    "the patient denies {finding}, {finding} or {finding}",
    "she denies any {finding} and has no {finding}",
    "no {finding}, {finding} or {finding}",
    "there is no {finding}",
    "he was seen without {finding} or {finding}",
    "negative for {finding}, {finding} and {finding}",
    "{finding} was ruled out at {hospital}",
    "the chest X-ray showed no sign of {finding}",
    "{titled} found no evidence of {finding}",
    "{person} never had {finding}",
    "{finding} was not found, nor was {finding}",
    "tests for {disease} and {finding} were negative",
    # past
    "past medical history includes {finding}, {finding} and {finding}",
    "{person} has a history of {finding}",
    "she had {finding} in {year} and {finding} in {year}",
    "{finding} resolved in {year}",
    "he was treated for {finding} in {city} in {period}",
    "status post {finding} in {year}",
    # suspected
    "{titled} suspects {finding}",
    "this may be {finding} or {finding}",
    "the pictures suggest {finding}",
    "possible {finding}, probable {finding}",
    "{service} was ordered to rule out {finding}",
    "{finding} cannot be excluded",
    "it is likely {finding} rather than {finding}",
    # conditional
    "if {finding} or {finding} develops, call {titled}",
    "return to {hospital} in case of {finding} or {finding}",
    "take {medicine} as needed for {finding}",
    "she was told to watch for {finding} and {finding}",
    # a relative's
    "the {relative} of {person} has {finding}",
    "her {relative} died of {finding} in {year}",
    "his {relative} had {finding} and {finding}",
    "{person}'s {relative} was treated for {finding} at {hospital}",
    "there is no family history of {finding} or {finding}",
    "family history is positive for {finding}",
)

LINES = (
    "Chief Complaint: {Finding}",
    "CC: {finding}, {finding}",
    "Reason for Visit: {Finding}",
    "HPI: {person} is seen for {finding}.",
    "PMH: {Finding}, {finding}, {finding}.",
    "Past Medical History: {Finding}, {finding}",
    "FAMILY HISTORY: {Finding} in the {relative}; {finding} in the {relative}.",
    "Family History: No {finding}, no {finding}.",
    "Mother: {finding}",
    "Father: {finding}, {finding}",
    "ROS: Negative for {finding}, {finding}.",
    "Allergies: {medicine}",
    "Allergies: no known drug allergies.",
    "Medications: {medicine}, {medicine}, {drug}",
    "ASSESSMENT: {Finding}, likely {finding}.",
    "Impression: {Finding}.",
    "1. {Finding}: continue {medicine}.",
    "2. {Finding}, possible {finding}: {service}.",
    "- {Finding}",
    "{Finding}",
    "{Finding}: yes",
    "{Finding}: no",
    "Diagnosis: {Finding}",
    "Admitting diagnosis: {Finding}, {finding}",
    "Present complaints: {finding}, {finding}",
    "Does not have: {finding}, {finding}",
    "Illnesses in the past: {finding}",
    "Plan: {service} in {n} days.",
    # what identifies people and is no entity
    "MRN: {record} DOB: {digits}",
    "Date of Birth: {digits}",
    "Member: {person} Member ID: M{record}",
    "Attending: {titled}, NPI {record}",
    "SSN: {ssn}",
    "Phone: {phone} Fax: {phone}",
    "Account number: {record}",
    "Address: {street}, {city}, {state} {zip}",
    "Serial number {claim}",
    "E-mail: {mail}",
)

# Headings on lines of their own, as they are written in capitals or not. None is an entity, though they look like the line
# of a finding.
_TITLES = (
    "Chief Complaint", "Reason for Visit", "Present Illness", "History of Present Illness", "History", "Medical History",
    "Past Medical History", "Past Surgical History", "Family History", "Social History", "Allergies", "Medications",
    "Current Medications", "Review of Systems", "Physical Exam", "Physical Examination", "Examination", "Vital Signs",
    "General", "Head and Neck", "Eyes", "Neck", "Lungs", "Chest", "Heart", "Abdomen", "Skin", "Extremities", "Neurologic",
    "Laboratory Data", "Imaging", "Results", "Procedures", "Assessment", "Assessment and Plan", "Impression", "Diagnosis",
    "Discharge Diagnosis", "Admitting Diagnosis", "Hospital Course", "Discharge", "Discharge Summary",
    "Discharge Instructions", "Disposition", "Condition", "Plan", "Recommendations", "Follow-Up", "Questionnaire",
    "Patient", "Complaints", "Illnesses", "Treatment",
)  # fmt: skip
HEADINGS = (
    *_TITLES,
    *(title.upper() for title in _TITLES),
    *(f"{title}:" for title in _TITLES),
    "CC",
    "HPI",
    "PMH",
    "FHx",
    "ROS",
    "PE",
    "A/P",
)

PLAIN = (
    "Vital signs are stable.",
    "He is in no acute distress.",
    "The abdomen is soft and not tender.",
    "Heart rate is regular.",
    "Lungs are clear to auscultation on both sides.",
    "Continue {medicine}, {n} mg once a day.",
    "Follow up in {n} weeks.",
    "She lives alone and does not smoke.",
    "He has no known drug allergies.",
    "The patient was discharged home in good condition.",
    "Blood pressure was 128/76, pulse {n}.",
    "The patient agrees with the plan.",
    "She drinks no alcohol.",
    "The blood test showed nothing new.",
)
