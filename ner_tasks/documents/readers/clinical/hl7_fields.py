"""Names and data types of HL7 v2 fields that hold text; other fields are labelled such as `ZPI-3`.

A "=" precedes the data type: XPN (a person's name), XCN (a person's number and name), XAD (an address), XON (an
organisation), CE (a coded element), TX (free text, kept as written), SI (a segment number or protocol code, which is not
read).

Source: HL7 Version 2.5.1, chapters 2.15, 3.4, 4.4, 4.5, 6.5, 7.4, 9.6, 10.6, 11.6.
"""

_TABLE = """
MSH 3 Sending application; 4 Sending facility; 5 Receiving application; 6 Receiving facility;
    22 Sending organization=XON; 23 Receiving organization=XON
BHS 3 Sending application; 4 Sending facility; 5 Receiving application; 6 Receiving facility; 10 Batch comment=TX
FHS 3 Sending application; 4 Sending facility; 5 Receiving application; 6 Receiving facility; 10 File comment=TX
BTS 1=SI; 2 Batch comment=TX
FTS 1=SI; 2 File comment=TX
EVN 1=SI; 5 Operator=XCN; 7 Event facility
MSA 1=SI; 3 Text message=TX; 6 Error condition=CE
ERR 3 Error code=CE; 5 Application error code=CE; 7 Diagnostic information=TX; 8 User message=TX
SFT 1 Software vendor=XON; 3 Software product; 5 Software product information=TX
PID 1=SI; 2 Patient identifier; 3 Patient identifier; 4 Alternate patient identifier; 5 Patient name=XPN;
    6 Mother's maiden name=XPN; 7 Birth date; 8 Sex; 9 Patient alias=XPN; 10 Race=CE; 11 Patient address=XAD;
    13 Home phone; 14 Business phone; 15 Primary language=CE; 16 Marital status=CE; 17 Religion=CE;
    18 Patient account number; 19 Social security number; 20 Driver's license number; 22 Ethnic group=CE;
    23 Birth place=TX; 26 Citizenship=CE; 28 Nationality=CE; 29 Death date; 35 Species=CE; 36 Breed=CE; 37 Strain=TX
PD1 3 Primary facility=XON; 4 Primary care provider=XCN; 14 Place of worship=XON
NK1 1=SI; 2 Next of kin=XPN; 3 Relationship=CE; 4 Address=XAD; 5 Phone; 6 Business phone; 7 Contact role=CE; 10 Job title=TX;
    13 Organization=XON; 30 Contact person=XPN; 31 Contact phone; 32 Contact address=XAD
PV1 1=SI; 2 Patient class; 3 Location; 6 Prior location; 7 Attending doctor=XCN; 8 Referring doctor=XCN;
    9 Consulting doctor=XCN; 17 Admitting doctor=XCN; 19 Visit number; 37 Discharged to location; 44 Admitted;
    45 Discharged; 52 Other healthcare provider=XCN
PV2 3 Admit reason=CE; 4 Transfer reason=CE; 5 Patient valuables=TX; 6 Patient valuables location=TX;
    12 Visit description=TX; 13 Referral source=XCN; 23 Clinic organization=XON
ROL 3 Role=CE; 4 Role person=XCN; 9 Provider type=CE; 11 Address=XAD; 12 Phone
PRD 1 Provider role=CE; 2 Provider name=XPN; 3 Provider address=XAD; 4 Provider location; 5 Provider phone
CTD 1 Contact role=CE; 2 Contact name=XPN; 3 Contact address=XAD; 5 Contact phone
AL1 1=SI; 2 Allergen type=CE; 3 Allergen=CE; 4 Severity=CE; 5 Reaction=TX; 6 Identified
IAM 1=SI; 2 Allergen type=CE; 3 Allergen=CE; 4 Severity=CE; 5 Reaction=TX; 8 Reason=TX; 14 Reported by=XPN;
    15 Relationship=CE; 18 Clinician=XCN
DG1 1=SI; 2=SI; 3 Diagnosis=CE; 4 Diagnosis=TX; 5 Diagnosis date; 6 Diagnosis type; 16 Diagnosing clinician=XCN
DRG 1 Diagnostic related group=CE
PR1 1=SI; 2=SI; 3 Procedure=CE; 4 Procedure=TX; 5 Procedure date; 8 Anesthesiologist=XCN; 11 Surgeon=XCN;
    12 Procedure practitioner=XCN; 15 Associated diagnosis=CE
GT1 1=SI; 3 Guarantor name=XPN; 4 Guarantor spouse=XPN; 5 Guarantor address=XAD; 6 Guarantor phone;
    7 Guarantor business phone; 8 Guarantor birth date; 11 Guarantor relationship=CE; 12 Guarantor social security number;
    16 Guarantor employer=XPN; 17 Guarantor employer address=XAD; 21 Guarantor organization=XON; 51 Guarantor employer=XON
IN1 1=SI; 2 Insurance plan=CE; 3 Insurance company identifier; 4 Insurance company=XON; 5 Insurance company address=XAD;
    6 Insurance company contact=XPN; 7 Insurance company phone; 8 Group number; 9 Group name=XON; 11 Insured's employer=XON;
    16 Insured's name=XPN; 17 Insured's relationship=CE; 18 Insured's birth date; 19 Insured's address=XAD; 30 Verified by=XCN;
    36 Policy number; 44 Insured's employer address=XAD; 49 Insured's identifier
IN2 3 Insured's employer=XCN; 6 Medicare number; 7 Medicaid case name=XPN; 8 Medicaid case number;
    22 Special coverage approval name=XPN; 23 Special coverage approval title=TX; 40 Mother's maiden name=XPN;
    46 Job title=TX; 49 Employer contact=XPN; 52 Insured's contact=XPN; 61 Patient member number; 63 Insured's phone;
    69 Insured organization=XON; 70 Insured employer=XON
ACC 1 Accident date; 2 Accident code=CE; 3 Accident location=TX; 7 Accident entered by=XCN; 8 Accident description=TX;
    9 Brought in by=TX; 11 Accident address=XAD
ORC 1=SI; 10 Entered by=XCN; 11 Verified by=XCN; 12 Ordering provider=XCN; 13 Enterer's location; 14 Call back phone;
    16 Order control reason=CE; 17 Entering organization=CE; 19 Action by=XCN; 21 Ordering facility=XON;
    22 Ordering facility address=XAD; 23 Ordering facility phone; 24 Ordering provider address=XAD
OBR 1=SI; 2 Placer order number; 3 Filler order number; 4 Service=CE; 7 Observed; 10 Collector=XCN; 12 Danger=CE;
    13 Relevant clinical information=TX; 15 Specimen source; 16 Ordering provider=XCN; 17 Call back phone; 22 Reported;
    28 Copies to=XCN; 31 Reason for study=CE; 32 Interpreter; 33 Assistant interpreter; 34 Technician; 35 Transcriptionist;
    44 Procedure=CE; 46 Placer supplemental information=CE; 47 Filler supplemental information=CE
OBX 1=SI; 2=SI; 3 Observation=CE; 4=SI; 6=CE; 11=SI; 14 Observed; 15 Producer=CE; 16 Observer=XCN; 17 Method=CE;
    19 Analyzed; 20 Site=CE; 23 Performing organization=XON; 24 Performing organization address=XAD; 25 Medical director=XCN
NTE 1=SI; 2=SI; 3 Comment=TX; 4 Comment type=CE; 5 Entered by=XCN
TXA 1=SI; 2 Document type; 5 Primary provider=XCN; 9 Originator=XCN; 10 Authenticator=XCN; 11 Transcriptionist=XCN;
    12 Document number; 16 Document file name=TX; 22 Signed by=XCN; 23 Copied to=XCN; 25 Document title=TX
SPM 1=SI; 4 Specimen type=CE; 5 Specimen type modifier=CE; 6 Additive=CE; 7 Collection method=CE; 8 Source site=CE;
    9 Source site modifier=CE; 10 Collection site=CE; 14 Specimen description=TX; 16 Hazard=CE; 21 Reject reason=CE;
    24 Specimen condition=CE
SCH 1 Appointment number; 6 Event reason=CE; 7 Appointment reason=CE; 8 Appointment type=CE; 12 Placer contact=XCN;
    13 Placer phone; 14 Placer address=XAD; 16 Filler contact=XCN; 17 Filler phone; 18 Filler address=XAD; 20 Entered by=XCN;
    25 Filler status=CE
AIS 1=SI; 3 Service=CE
AIG 1=SI; 3 Resource=CE; 4 Resource type=CE
AIL 1=SI; 3 Location; 4 Location type=CE
AIP 1=SI; 3 Personnel=XCN; 4 Role=CE
RGS 1=SI
RXE 2 Give code=CE; 3 Amount; 4 Maximum amount; 5 Give units=CE; 6 Dosage form=CE; 7 Administration instructions=CE;
    8 Deliver to=TX; 10 Dispense amount; 11 Dispense units=CE; 13 Ordering provider=XCN; 14 Verifier=XCN; 15 Prescription number;
    21 Dispensing instructions=CE; 27 Give indication=CE
RXO 1 Requested give code=CE; 2 Amount; 3 Maximum amount; 4 Give units=CE; 5 Dosage form=CE; 6 Treatment instructions=CE;
    7 Administration instructions=CE; 14 Ordering provider=XCN; 15 Verifier=XCN; 20 Indication=CE
RXD 1=SI; 2 Dispensed=CE; 4 Amount; 5 Units=CE; 6 Dosage form=CE; 7 Prescription number; 9 Dispense notes=TX;
    10 Dispensing provider=XCN; 15 Special dispensing instructions=CE
RXG 4 Give code=CE; 7 Give units=CE; 8 Dosage form=CE; 9 Administration notes=CE; 13 Special instructions=CE
RXA 1=SI; 2=SI; 3 Administered; 5 Administered=CE; 6 Amount; 7 Units=CE; 8 Dosage form=CE; 9 Administration notes=CE;
    10 Administered by=XCN; 11 Administered at; 15 Lot number; 17 Manufacturer=CE; 18 Refusal reason=CE; 19 Indication=CE
RXR 1 Route=CE; 2 Site=CE; 3 Device=CE; 4 Method=CE
RXC 2 Component=CE; 4 Units=CE
FT1 1=SI; 4 Transaction date; 6 Transaction type; 7 Transaction=CE; 8 Transaction description=TX;
    9 Alternate transaction description=TX; 14 Insurance plan=CE; 19 Diagnosis=CE; 20 Performed by=XCN; 21 Ordered by=XCN;
    24 Entered by=XCN; 25 Procedure=CE
RF1 1 Referral status=CE; 2 Referral priority=CE; 3 Referral type=CE; 10 Referral reason=CE
AUT 1 Authorizing payor=CE; 3 Authorizing company; 9 Authorization number
PRB 3 Problem=CE; 14 Problem status=CE; 24 Reason=TX
GOL 3 Goal=CE; 18 Goal status=CE
QRD 8 Subject=XCN; 9 Subject filter=CE
MRG 1 Prior patient identifier; 7 Prior patient name=XPN
STF 3 Staff name=XPN; 10 Staff phone; 11 Staff address=XAD; 18 Job title=TX
ORG 2 Organization unit=CE
CON 1=SI; 2 Consent type=CE; 9 Consent text=TX; 21 Consent disclosure=CE
DB1 1=SI
FAC 1 Facility; 3 Facility address=XAD; 5 Facility contact=XCN; 6 Facility contact title=TX; 8 Signed by=XCN
UB1 1=SI
UB2 1=SI
DSP 1=SI; 2=SI; 3 Display=TX
ADD 1 Addendum=TX
"""

Field = tuple[str, str]


def _parse_table() -> dict[str, dict[int, Field]]:
    table: dict[str, dict[int, Field]] = {}
    segment = ""
    for line in filter(None, _TABLE.split("\n")):
        if not line.startswith(" "):
            segment, line = line[:3], line[4:]  # noqa: PLW2901 - the rest of the line is parsed like any other
            table[segment] = {}
        for entry in filter(None, map(str.strip, line.split(";"))):
            number, _, data_type = entry.partition("=")
            digits, _, label = number.partition(" ")
            table[segment][int(digits)] = (label, data_type)
    return table


FIELDS = _parse_table()
SEGMENTS = frozenset(FIELDS) | {"DSC", "QAK", "QPD", "RCP", "PRA", "OM1", "TQ1", "PDA", "PV1", "BLG", "IN3", "NPU"}


def find_field(segment: str, number: int) -> Field:
    """Return the label and data type of a field; `ZPI-3` and "" for one that is not in the table."""
    label, data_type = FIELDS.get(segment, {}).get(number, ("", ""))
    return label or f"{segment}-{number}", data_type
