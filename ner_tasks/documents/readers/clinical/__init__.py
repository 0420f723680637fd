"""What payers and providers exchange: HL7 v2, CDA, FHIR, X12."""
