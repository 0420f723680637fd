"""Readers for clinical and claims messages: HL7 v2, CDA, FHIR, X12."""
