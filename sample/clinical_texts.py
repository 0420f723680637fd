"""Texts with gaps for notes, letters and forms about one patient; `clinical_notes` fills them and knows what is true.

A gap named after a status (`negated`, `historical`, ...) is a finding of that status; `present` is one that the patient has,
`complaint` the one that the visit is about, `suspected` the one that it may be. A capital makes the finding begin with one.
A gap of `clinical_notes.PERSONAL` is personal data of that kind. Everything else is filler.

Each section is its kind (`clinical_notes.HEADINGS`) and texts of which a note has one.
"""

Section = tuple[str, ...]

VISIT_HEAD = """{hospital}
{street}, {city}, {state} {zip}
Phone {phone} Fax {fax}

Patient: {member}
Date of birth: {birth}
MRN: {mrn}
Member ID: {member_id}
Medicare (MBI): {mbi}
SSN: {ssn}
Date of visit: {visit_date}
Physician: Dr. {doctor}, NPI {npi}
"""

VISIT: tuple[Section, ...] = (
    ("chief-complaint", "{Complaint} for {n} days.", "{Complaint} and {present}.", "{Complaint} since {onset}."),
    (
        "history-present-illness",
        (
            "{member} is a {years}-year-old patient who has had {complaint} and {present} since {onset}. The patient "
            "denies {negated}, {negated} or {negated}. There was no {negated}. A neighbor, {contact}, drove the car."
        ),
        (
            "{member}, {years} years old, comes with {complaint}, which began on {onset}. {Present} was also "
            "reported, but no {negated} and no {negated}. The patient has never had {negated}. {contact} waits "
            "outside."
        ),
        (
            "{Complaint} began on {onset} and is getting worse. {member} also complains of {present}, denies "
            "{negated} and {negated}, and came without {negated}. Dr. {other_doctor} of {other_city} was informed."
        ),
    ),
    (
        "past-medical-history",
        (
            "{Historical} in {past_month}, treated in {other_city} by Dr. {other_doctor}. History of {historical}. "
            "Status post {historical}."
        ),
        "The patient had {historical} as a child, and {historical} in {past_month}.",
        "{Historical}, {historical}, {historical}. Last seen in {other_city} in {past_month}.",
    ),
    (
        "family-history",
        "Mother had {family}. Father died of {family}. No family history of {family_negated}.",
        "{Family} in the mother, {family} in a brother. No {family_negated}.",
        "The patient's mother was treated for {family}. A sister has {family}.",
    ),
    (
        "social-history",
        "Lives with a sister. Works for a bakery. Does not smoke, drinks no alcohol.",
        "Retired teacher, lives alone in {other_city}. Stopped smoking long ago.",
    ),
    ("allergies", "Penicillin. No known food allergies.", "No known drug allergies.", "{Medicine}."),
    ("medications", "{Medicine} 10 mg once a day, {medicine} 20 mg at night.", "{Medicine} 5 mg twice a day."),
    (
        "review-of-systems",
        "Positive for {present}. Negative for {negated}, {negated} and {negated}.",
        "No {negated}, {negated} or {negated}.",
        "The patient reports {present}, but no {negated}.",
    ),
    (
        "exam",
        "Blood pressure {pressure}, pulse 72, temperature 98.{digit} F. No {negated}. Lungs are clear.",
        "Blood pressure {pressure}. Heart rate is regular. There is no {negated}.",
    ),
    (
        "assessment",
        "Possible {suspected}. {Uncertain} cannot be excluded. {Present}, under treatment.",
        "1. {Complaint}, likely due to {suspected}. 2. {Present}, stable.",
        "The findings suggest {suspected}. {Excluded} was ruled out.",
    ),
    (
        "plan",
        (
            "Chest X-ray and a blood test to rule out {suspected}. The patient was told to return if {hypothetical} "
            "or {hypothetical} develops. Questions: {mail} or {other_phone}."
        ),
        "{Medicine} for two weeks. Call {phone} in case of {hypothetical}. Next visit on {appointment}.",
        "If {hypothetical} occurs, the patient will go to the emergency room. The results will be at {url}.",
    ),
)

VISIT_END = "Electronically signed by {doctor_first} {doctor}, MD, on {visit_date}."

EMERGENCY_HEAD = """{hospital} - Emergency Department
MRN {mrn} Account number {account}
Name: {member}
DOB: {birth}
Arrival: {visit_date}
"""

EMERGENCY: tuple[Section, ...] = (
    ("chief-complaint", "{Complaint} after a car accident.", "Car accident, {complaint}."),
    (
        "history-present-illness",
        (
            "This {old_age}-year-old patient was in a car that hit a tree in {other_city} on {visit_date}. The "
            "patient reports {complaint} and {present}. No {negated}, no {negated}. The driver, {contact}, was not "
            "hurt. Vehicle: VIN {vin}, license plate {plate}."
        ),
        (
            "{member}, aged {old_age}, fell out of a car (VIN {vin}, plate {plate}) and has had {complaint} since "
            "then. The patient denies {negated} and {negated}, but complains of {present}. {contact} saw it."
        ),
    ),
    (
        "past-medical-history",
        "{Historical}, {historical}. Pacemaker since {past_month}, serial number {serial}.",
        "History of {historical} in {past_month}. Pacemaker, S/N {serial}.",
    ),
    ("family-history", "{Family} in the mother, {family} in a brother.", "Mother with {family}."),
    ("allergies", "No known drug allergies."),
    (
        "assessment-and-plan",
        (
            "{Suspected} is suspected, and a scan was ordered. There is no evidence of {excluded}. If {hypothetical} "
            "occurs, page Dr. {doctor} at {phone}."
        ),
        "Probable {suspected}. {Excluded} was ruled out. Return to the emergency room for {hypothetical}.",
    ),
)

EMERGENCY_END = "Driver's license no. {licence} was copied at the desk. Kiosk {ip}."

REFERRAL_HEAD = """{hospital}
{street}
{city}, {state} {zip}
Tel. {phone} Fax {fax}

{visit_date}

Dr. {other_doctor}
{other_street}
{other_city}, {state} {other_zip}

Re: {member}, born {birth}, MRN {mrn}, SSN {ssn}

Dear Dr. {other_doctor}:

Thank you for seeing {member}, whom I have known since {past_month}.
"""

REFERRAL: tuple[Section, ...] = (
    (
        "history-present-illness",
        (
            "The patient complains of {complaint}, which began on {onset}, and of {present}. There has been no "
            "{negated}, and the patient denies {negated}."
        ),
        "{Complaint} since {onset}, with {present} but without {negated}. The patient has never had {negated}.",
    ),
    (
        "past-medical-history",
        "Treated for {historical} in {other_city}. A history of {historical}, resolved.",
        "{Historical} and {historical}, both years ago.",
    ),
    (
        "family-history",
        "The mother, Mrs. {relative}, had {family}. A brother has {family}. No {family_negated} in the family.",
        "{Family} in the father. No {family_negated}.",
    ),
    ("allergies", "Penicillin.", "None known."),
    (
        "assessment",
        "I suspect {suspected}. It may also be {uncertain}. An MRI scan showed no sign of {excluded}.",
        "Most likely {suspected}; {uncertain} cannot be excluded. Tests for {excluded} were negative.",
    ),
    (
        "plan",
        (
            "Please see the patient before {appointment}. Should {hypothetical} develop, I will send the patient to "
            "you at once. The pictures are at {url}."
        ),
        "I have asked for an MRI scan to rule out {suspected}. If {hypothetical} develops, please call me.",
    ),
)

REFERRAL_END = """Sincerely,

{doctor_first} {doctor}, MD
NPI {npi}
{mail}"""

DISCHARGE_HEAD = """{hospital}
{city}, {state}

DISCHARGE SUMMARY

Patient: {member}
Medical record number: {mrn}
Date of birth: {birth}
Admitted: {onset}
Discharged: {visit_date}
Attending physician: Dr. {doctor}
"""

DISCHARGE: tuple[Section, ...] = (
    ("diagnosis", "{Complaint}. {Present}.", "{Complaint} and {present}."),
    (
        "past-medical-history",
        "{Historical} and {historical}, both years ago.",
        "History of {historical} in {past_month}.",
    ),
    ("family-history", "Sister with {family}. No {family_negated}.", "The mother has {family}."),
    (
        "hospital-course",
        (
            "The patient came with {complaint}. {Excluded} was ruled out, and tests for {excluded} were negative. "
            "{Suspected} was considered likely, and treatment with {medicine} was begun. At discharge the patient had"
            " no {negated}."
        ),
        (
            "{member} was given {medicine} for {complaint}. A scan showed no evidence of {excluded}. Possible "
            "{suspected} will be followed. On {visit_date} there was no {negated} any more."
        ),
    ),
    (
        "instructions",
        (
            "Call Dr. {doctor} at {phone} if you notice {hypothetical} or {hypothetical}. Take {medicine} as needed. "
            "Your insulin pump has the serial number {serial}."
        ),
        "Return to the hospital in case of {hypothetical}. The insulin pump (serial number {serial}) stays on.",
    ),
    ("follow-up", "On {appointment} with Dr. {other_doctor} in {other_city}."),
)

DISCHARGE_END = "The results are at {url}."

NOTICE = """{insurer}
Member Services

{letter_date}

{member}
{street}
{city}, {state} {zip}

Member ID: {member_id}
Medicare Beneficiary Identifier: {mbi}

Dear {member}:

We have read the records of your visit of {visit_date} to Dr. {doctor} (NPI {npi}). You came with {complaint}, and the doctor found {present}.

The records do not show {negated}, and an X-ray was negative for {excluded}. You had {historical} in {past_month}. The doctor suspected {suspected}. Your mother had {family}.

The service will be covered if {hypothetical} develops. The money will be sent to account number {account}.

If you have any questions, call {agent} at {phone}, send a fax to {fax}, or see {url}.

Sincerely,

{agent}
Member Services
{insurer}"""

# A form: the label of each field, and what was written into it.
FORM_TITLE = "{insurer}: health questionnaire"
FORM_FIELDS = (
    ("Name", "{member}"),
    ("Date of birth", "{birth}"),
    ("Address", "{street}, {city}, {state} {zip}"),
    ("Telephone", "{phone}"),
    ("Fax", "{fax}"),
    ("E-mail", "{mail}"),
    ("Member ID", "{member_id}"),
    ("Social security number", "{ssn}"),
    ("Medicare number (MBI)", "{mbi}"),
    ("Bank account", "{account}"),
    ("Driver's license", "{licence}"),
    ("License plate", "{plate}"),
    ("Serial number of a device", "{serial}"),
    ("Physician", "Dr. {doctor_first} {doctor}, NPI {npi}"),
    ("Sent from", "{ip}"),
    ("Present complaints", "{complaint}, {present}"),
    ("Other complaints", "no {negated}, no {negated}, no {negated}"),
    ("Illnesses in the past", "{historical} in {past_month}"),
    ("Illnesses of your family", "mother had {family}"),
    ("What your physician suspects", "possible {suspected}"),
)
