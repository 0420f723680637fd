"""Names that the synthetic sample is made of: people, places, organisations, dates and the like.

All people, members and claims are invented; places, nationalities, storms and wars are real, so that an
encoder that knows the world can use what it knows. Every entry is written as it stands in running text;
`words_of` cuts it into words as the labelled data has them.

The functions take a `random.Random`, so that one seed gives one sample on every machine.
"""

import random
import re


def _each_word(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _names(text: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in text.split("|"))


PERSON_FIRST = _each_word(
    """Aaron Abigail Adrian Agnes Ahmed Aiko Alan Alejandro Alice Alma Amara Amir Ana Andrea Andrew Angela Anita Anton
    Antonio Arthur Aurora Beatriz Benjamin Bernard Bianca Bridget Camila Carl Carlos Carmen Caroline Cecilia Charles
    Charlotte Chen Chloé Clara Claire Connor Cynthia Daniel Daphne David Deborah Denise Derek Diana Diego Dolores Dominic
    Donna Edgar Edith Eduardo Elaine Elena Eleanor Elias Elijah Elsa Emeka Emil Emily Emma Enrique Eric Esther Ethan Eva
    Evelyn Fatima Felix Fernando Fiona Florence Francis Frank Gabriel Geneviève George Gloria Grace Gregory Gustavo Hannah
    Harold Harriet Hassan Helen Henry Hugo Ibrahim Ida Ingrid Irene Isaac Isabel Ivan Jack Jacob Jacqueline James Jamila
    Janet Jasmine Javier Jerome Joan Joanna John Jonas Jorge José Josephine Joyce Juan Judith Julia Karen Karim Katherine
    Keiko Kenneth Kevin Khalid Kofi Laura Lawrence Leila Leon Liam Lillian Linda Lorenzo Louis Lucía Luis Lydia Malcolm
    Marcus Margaret Maria Marie Marta Martin Mateo Matthew Maya Megan Mei Mercedes Michael Miguel Mohammed Monica Nadia
    Naomi Natalie Nathan Nelson Nina Noah Nora Oliver Olivia Omar Oscar Pamela Patricia Patrick Paul Pedro Peter Philip
    Priya Rachel Rafael Rajesh Ramona Raymond Rebecca René Ricardo Robert Rosa Roy Ruth Samir Samuel Sandra Sanjay Sarah
    Sebastian Sergei Shirley Simon Sofia Sonia Stella Stephen Susan Sylvia Teresa Theodore Thomas Timothy Tomás Valerie
    Vanessa Veronica Victor Vincent Virginia Walter Wanda Wei Wendy Wesley William Yasmin Yolanda Yusuf Zoë"""
)

PERSON_LAST = _each_word(
    """Abbott Acosta Adeyemi Aguilar Ahmed Alvarez Andersen Appiah Archer Arroyo Atkins Bailey Baker Banerjee Barrett Becker
    Bennett Bergström Bianchi Blake Bouchard Bradley Brennan Brooks Bryant Caldwell Calderón Campbell Carlson Carmona
    Castillo Chandler Chavez Cho Clayton Cohen Coleman Conti Cortez Crawford Cruz Cunningham Dalton Davila Dawson Delgado
    Desai Diaz Dimitrov Dixon Donovan Dubois Duffy Duran Eastman Edwards Ellison Erickson Espinoza Farrell Faulkner
    Fernández Fischer Fitzgerald Fleming Flores Forsyth Foster Fournier Franklin Friedman Fuentes Gallagher Garcia Gardner
    Garrison Gibbs Gómez Goldberg Gonzalez Goodwin Graham Greene Griffin Guerrero Gupta Gutierrez Haddad Hale Hansen Harmon
    Harper Hartley Hayashi Hendricks Hernandez Herrera Hoang Hoffman Holloway Horvath Hughes Ibarra Ito Jacobs Jankowski
    Jenkins Jensen Johansson Johnston Kapoor Karlsson Kaufman Keller Kelly Khan Kim Kowalski Kruger Lambert Larsen Lawson
    Leclerc Lindqvist Lopez Lozano Lynch Maddox Mahoney Maldonado Malik Marchetti Marsh Martinez Mbeki McAllister McCarthy
    McDonald Medina Mehta Mendoza Merrill Meyer Miranda Mitchell Montoya Morales Moreno Morrison Müller Murphy Nakamura
    Navarro Nguyen Nielsen Novak Nowak Núñez Okafor Okonkwo Oliveira Olsen Ortega Osborne Osman Owens Padilla Palmer Park
    Parsons Patel Pearson Peña Pereira Petersen Petrov Pham Pierce Porter Quinn Quintero Rahman Ramirez Ramsey Reeves Reyes
    Richter Rivera Rojas Romero Rosenberg Rossi Rowe Salazar Sanders Santiago Santos Sato Schmidt Schneider Schultz Serrano
    Shapiro Sharma Shaw Silva Simmons Singh Slater Sokolov Soto Stafford Stein Stevenson Sullivan Suzuki Swanson Takahashi
    Tanaka Tate Thornton Torres Tran Underwood Valdez Vargas Vasquez Vega Velasco Vogel Wagner Walsh Warren Watkins Weaver
    Weber Whitaker Wilkins Winters Wolfe Wójcik Yamamoto Yates Zamora Zhang Zimmerman"""
)

PERSON_TITLES = (
    "Dr.",
    "Mr.",
    "Mrs.",
    "Ms.",
    "Professor",
    "Judge",
    "Senator",
    "President",
    "Governor",
    "Prime Minister",
)

US_STATES = _names(
    """Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana
    |Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska
    |Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania
    |Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|West Virginia|Wisconsin
    |Wyoming"""
)

CITIES = _names(
    """Akron|Albany|Albuquerque|Amarillo|Anaheim|Anchorage|Atlanta|Aurora|Austin|Bakersfield|Baltimore|Baton Rouge|Beaumont
    |Billings|Birmingham|Boise|Boston|Boulder|Buffalo|Burlington|Cedar Rapids|Charleston|Charlotte|Chattanooga|Chicago
    |Cincinnati|Cleveland|Colorado Springs|Columbus|Corpus Christi|Dallas|Dayton|Denver|Des Moines|Detroit|Durham|El Paso
    |Eugene|Fargo|Fort Wayne|Fort Worth|Fresno|Galveston|Grand Rapids|Green Bay|Greensboro|Hartford|Helena|Honolulu|Houston
    |Huntsville|Indianapolis|Jackson|Jacksonville|Kansas City|Knoxville|Lansing|Laredo|Las Vegas|Lexington|Lincoln
    |Little Rock|Long Beach|Los Angeles|Louisville|Lubbock|Madison|Memphis|Mesa|Miami|Milwaukee|Minneapolis|Mobile|Nashville
    |New Haven|New Orleans|Newark|Norfolk|Oakland|Oklahoma City|Omaha|Orlando|Philadelphia|Phoenix|Pittsburgh|Portland
    |Providence|Raleigh|Reno|Richmond|Rochester|Sacramento|Salt Lake City|San Antonio|San Diego|San Francisco|San José
    |Santa Fe|Savannah|Seattle|Shreveport|Spokane|Springfield|St. Louis|St. Paul|Syracuse|Tacoma|Tallahassee|Tampa|Toledo
    |Topeka|Tucson|Tulsa|Wichita|Worcester"""
)

WORLD_CITIES = _names(
    """Accra|Addis Ababa|Amman|Amsterdam|Ankara|Athens|Baghdad|Bangkok|Beijing|Beirut|Berlin|Bogotá|Brasília|Brussels
    |Bucharest|Budapest|Buenos Aires|Cairo|Cape Town|Caracas|Copenhagen|Dakar|Damascus|Delhi|Dhaka|Dublin|Geneva|Hanoi
    |Harare|Havana|Helsinki|Istanbul|Jakarta|Jerusalem|Kabul|Kampala|Karachi|Khartoum|Kigali|Kyiv|Lagos|Lima|Lisbon|London
    |Madrid|Manila|Mexico City|Montevideo|Montréal|Moscow|Mumbai|Nairobi|Oslo|Ottawa|Paris|Prague|Quito|Rangoon|Riyadh|Rome
    |Santiago|São Paulo|Seoul|Sofia|Stockholm|Sydney|Taipei|Tehran|Tokyo|Toronto|Tripoli|Tunis|Vienna|Warsaw|Wellington
    |Zürich"""
)

COUNTRIES = _names(
    """Afghanistan|Algeria|Argentina|Australia|Austria|Bangladesh|Belgium|Bolivia|Bosnia|Brazil|Bulgaria|Burma|Cambodia
    |Cameroon|Canada|Chad|Chile|China|Colombia|Costa Rica|Croatia|Cuba|Cyprus|Denmark|Ecuador|Egypt|El Salvador|Ethiopia
    |Finland|France|Germany|Ghana|Greece|Guatemala|Haiti|Honduras|Hungary|Iceland|India|Indonesia|Iran|Iraq|Ireland|Israel
    |Italy|Ivory Coast|Jamaica|Japan|Kazakhstan|Kenya|Kuwait|Lebanon|Liberia|Libya|Malaysia|Mali|Mexico|Morocco|Nepal
    |Netherlands|New Zealand|Nicaragua|Nigeria|North Korea|Norway|Pakistan|Panama|Peru|Poland|Portugal|Romania|Russia|Rwanda
    |Saudi Arabia|Senegal|Serbia|Sierra Leone|Singapore|Slovakia|Somalia|South Africa|South Korea|Spain|Sri Lanka|Sudan
    |Sweden|Switzerland|Syria|Taiwan|Tanzania|Thailand|Tunisia|Turkey|U.S.|Uganda|Ukraine|United Kingdom|United States
    |Uruguay|Venezuela|Vietnam|Yemen|Zambia|Zimbabwe"""
)

REGIONS = _names(
    """Central America|Central Asia|Eastern Europe|Gulf Coast|Gulf of Mexico|Latin America|Lake Michigan|Middle East|Mississippi River
    |North Africa|Orange County|Puerto Rico|Rio Grande|Southeast Asia|West Africa|West Bank|Africa|Asia|Europe|Caribbean
    |Midwest|New England|Rocky Mountains|Ohio River|Harris County|Cook County|King County"""
)

NATIONALITIES = _each_word(
    """Afghan Algerian American Argentine Australian Austrian Bangladeshi Belgian Bolivian Bosnian Brazilian British Bulgarian
    Burmese Cambodian Canadian Chilean Chinese Colombian Croatian Cuban Czech Danish Dutch Ecuadorean Egyptian Ethiopian
    Finnish French German Ghanaian Greek Guatemalan Haitian Honduran Hungarian Indian Indonesian Iranian Iraqi Irish Israeli
    Italian Jamaican Japanese Jordanian Kenyan Korean Kuwaiti Lebanese Liberian Libyan Malaysian Mexican Moroccan Nepalese
    Nicaraguan Nigerian Norwegian Pakistani Palestinian Panamanian Peruvian Polish Portuguese Romanian Russian Rwandan Saudi
    Senegalese Serbian Slovak Somali Spanish Sudanese Swedish Swiss Syrian Thai Tunisian Turkish Ugandan Ukrainian Uruguayan
    Venezuelan Vietnamese Yemeni Zambian"""
)
NATIONALITIES_LONG = (
    "South African", "South Korean", "North Korean", "Saudi Arabian", "Sri Lankan", "Costa Rican", "New Zealander",
    "Puerto Rican", "Sierra Leonean", "Latin American",
)  # fmt: skip

HOSPITAL_SAINTS = (
    "St. Agnes",
    "St. Brendan",
    "St. Clare",
    "St. Luke",
    "St. Vincent",
    "Holy Cross",
    "Sacred Heart",
    "Mercy",
)
HOSPITAL_NAMES = (
    "Bayview", "Birchwood", "Blue Ridge", "Cedar Grove", "Clearwater", "Eastgate", "Evergreen", "Fairhaven", "Glenwood",
    "Harborview", "Highland", "Hillcrest", "Lakeside", "Maple Valley", "Meadowbrook", "Mountain View", "Northfield", "Oak Hill",
    "Pinecrest", "Pleasant Valley", "Ridgeline", "Riverbend", "Rosewood", "Silver Lake", "Southport", "Stonebridge", "Summit",
    "Sunnyside", "Three Rivers", "Westbrook", "Willow Creek",
)  # fmt: skip
HOSPITAL_KINDS = (
    "Medical Center", "General Hospital", "Regional Hospital", "Memorial Hospital", "Clinic", "Surgery Center",
    "Community Hospital", "Cancer Institute", "Health System", "Rehabilitation Center", "Family Practice", "Heart Institute",
    "Imaging Associates", "Pediatrics", "Orthopedic Group",
)  # fmt: skip
INSURER_NAMES = (
    "Alder", "Anchor", "Birchline", "Bluestone", "Coralbank", "Cascade", "Copperfield", "Crescent", "Evermore", "Granite", "Heritage",
    "Harrow", "Keystone", "Lantern", "Larkfield", "Marlstone", "Northstar", "Palisade", "Pioneer", "Redwood", "Sentinel", "Sierra",
    "Sterling", "Summitline", "Tidewater", "Trillium", "Umberland", "Valewood", "Wellspring", "Zenith",
)  # fmt: skip
INSURER_KINDS = (
    "Health", "Health Plan", "Insurance Company", "Mutual", "Benefits Group", "Care Partners", "Healthcare", "Life and Health",
    "Health Insurance Inc.", "Assurance", "Administrators",
)  # fmt: skip
AGENCIES = (
    "Medicare", "Medicaid", "Centers for Medicare and Medicaid Services", "Department of Health", "Department of Insurance",
    "Food and Drug Administration", "Federal Reserve", "Social Security Administration", "Veterans Administration", "FDA", "CDC",
    "World Health Organization", "United Nations", "European Union", "NATO", "World Bank", "International Monetary Fund",
    "Red Cross", "Doctors Without Borders", "White House", "Pentagon", "Congress", "Senate", "Supreme Court", "State Department",
    "Justice Department", "Defense Ministry", "Foreign Ministry", "Interior Ministry", "Central Bank", "Amnesty International",
    "Human Rights Watch", "African Union", "Arab League", "Security Council", "National Guard", "Coast Guard",
    "National Hurricane Center", "Internal Revenue Service", "Bureau of Labor Statistics", "OPEC", "UNICEF",
)  # fmt: skip
COMPANY_NAMES = (
    "Ardent", "Ashford", "Bellweather", "Brightwater", "Caldera", "Corvina", "Daystar", "Delmarva", "Eastbourne", "Ferrous",
    "Gladstone", "Halvorsen", "Inverness", "Juniper", "Kestrel", "Larkspur", "Marlow", "Novara", "Orbis", "Pallas", "Quillon",
    "Rockaway", "Solara", "Tamarack", "Ulster", "Verity", "Whitfield", "Xenia", "Yarrow", "Zephyr",
)  # fmt: skip
COMPANY_KINDS = (
    "Airlines", "Bank", "Broadcasting", "Corporation", "Daily News", "Energy", "Foods", "Industries", "Laboratories", "Motors",
    "Oil", "Pharmaceuticals", "Pharmacy", "Press", "Steel", "Telecom", "University", "& Sons", "Mining Group", "Times",
)  # fmt: skip

STORM_NAMES = (
    "Alberto", "Beryl", "Celia", "Danielle", "Earl", "Florence", "Gustav", "Harvey", "Ike", "Irma", "Jeanne", "Katrina", "Laura",
    "Maria", "Michael", "Noel", "Ophelia", "Otto", "Rita", "Sandy", "Stan", "Wilma",
)  # fmt: skip
STORM_KINDS = ("Hurricane", "Tropical Storm", "Typhoon", "Cyclone", "Hurricane", "Winter Storm")
DISEASES = (
    "H5N1", "H1N1", "Avian Flu", "Bird Flu", "West Nile Virus", "Ebola", "Marburg", "Zika", "SARS", "AIDS", "HIV", "Swine Flu",
    "COVID-19", "Lyme Disease", "Spanish Flu", "Dengue Fever", "Rift Valley Fever", "Hepatitis C", "Norovirus", "Lassa Fever",
)  # fmt: skip
DISASTERS = _names(
    """Northridge Earthquake|Loma Prieta Earthquake|Nisqually Earthquake|Camp Fire|Dixie Fire|Thomas Fire|Red River Flood
    |Great Flood|El Niño|La Niña|Mount St. Helens"""
)

WARS = (
    "World War I", "World War II", "Cold War", "Gulf War", "Vietnam War", "Korean War", "Civil War", "Revolutionary War",
    "Great Depression", "Holocaust",
)  # fmt: skip
TOURNAMENTS = (
    "Olympic Games", "Summer Olympics", "Winter Olympics", "World Cup", "Super Bowl", "Australian Open", "French Open",
    "Grand Prix", "Boston Marathon", "Tour de France", "Davis Cup", "Asian Games", "U.S. Open", "World Series",
)  # fmt: skip
HOLIDAYS = (
    "Ramadan", "Christmas", "Thanksgiving", "Easter", "Passover", "Diwali", "Labor Day", "Memorial Day", "Independence Day",
    "Mardi Gras", "Hanukkah", "New Year's Eve", "Veterans Day",
)  # fmt: skip
FAIRS = (
    "Annual Wellness Fair", "National Nurses Week", "World AIDS Day", "Flu Shot Sunday", "Members Day", "Spring Health Fair",
    "Heart Month Walk", "Healthy Kids Day", "Caregivers Forum", "Rural Health Summit",
)  # fmt: skip
EVENTS = (*WARS, *TOURNAMENTS, *HOLIDAYS, *FAIRS)
EVENT_FIRST = ("Operation", "Exercise")
EVENT_SECOND = (
    "Clear Harbor", "Desert Wind", "Steady Hand", "Iron Gate", "Northern Light", "Quiet River", "Silver Anchor", "Swift Relief",
    "Open Door", "Lightning Shield",
)  # fmt: skip

ACTS = (
    "Affordable Care Act", "Patriot Act", "Clean Water Act", "Family Leave Act", "Medicare Modernization Act", "Kyoto Protocol",
    "Prompt Payment Act", "No Surprises Act", "Mental Health Parity Act", "Geneva Convention", "Patient Records Act",
)  # fmt: skip
PRIZES = (
    "Nobel Peace Prize", "Nobel Prize", "Academy Award", "Pulitzer Prize", "Grammy Award", "Medal of Freedom", "Booker Prize",
)  # fmt: skip
DRUGS = (
    "Vioxx",
    "Lipitor",
    "Tylenol",
    "Humira",
    "Ozempic",
    "Prozac",
    "Advil",
    "Nexium",
    "Zocor",
    "Celebrex",
    "Tamiflu",
    "Xanax",
)
SITES = ("Facebook", "Twitter", "YouTube", "Google Earth", "Wikipedia", "Skype")
VEHICLES = (
    "Boeing 737",
    "Airbus A380",
    "Toyota Corolla",
    "Ford Explorer",
    "Space Shuttle",
    "Boeing 747",
    "Honda Civic",
)
WORKS = (
    "Harry Potter", "Gone With the Wind", "Romeo and Juliet", "The Sopranos", "Mona Lisa", "Don Quixote", "War and Peace",
    "The Scream", "Moby Dick", "Swan Lake",
)  # fmt: skip
SIGHTS = (
    "Eiffel Tower", "Statue of Liberty", "Golden Gate Bridge", "Panama Canal", "Hubble Space Telescope", "Berlin Wall",
    "Brooklyn Bridge",
)  # fmt: skip
ART = (*ACTS, *PRIZES, *DRUGS, *SITES, *VEHICLES, *WORKS, *SIGHTS)
FORM_NAMES = ("Form", "Notice", "Rider", "Schedule", "Exhibit")
FORM_NUMBERS = (
    "1095-A",
    "1095-B",
    "CMS-1500",
    "UB-04",
    "W-9",
    "C-42",
    "27B",
    "HC-7",
    "D-110",
    "A-19",
    "R-3",
    "M-88",
    "1040",
    "5500",
)

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip

# Why people see a doctor, as it stands after "with"; those below are treatments and no findings.
CONDITIONS = (
    "a fractured wrist", "chest pain", "high blood pressure", "a knee replacement", "an asthma attack", "a torn ligament",
    "pneumonia", "a kidney stone", "migraine", "lower back pain", "type 2 diabetes", "a broken ankle", "an allergic reaction",
    "a gall bladder operation", "a routine colonoscopy", "a hip replacement", "sleep apnea", "a cataract operation",
)  # fmt: skip
TREATMENTS = (
    "a knee replacement", "a gall bladder operation", "a routine colonoscopy", "a hip replacement", "a cataract operation",
)  # fmt: skip

# Findings as running text names them, without an article; `vocabulary.csv` has the codes of most.
SYMPTOMS = _names(
    """chest pain|shortness of breath|cough|fever|chills|nausea|vomiting|diarrhea|constipation|abdominal pain|headache
    |dizziness|palpitations|fatigue|leg edema|rash|itching|sore throat|heartburn|weight loss|night sweats|loss of appetite
    |blurred vision|numbness|knee pain|lower back pain|joint swelling|insomnia|wheezing|blood in the urine"""
)
ACUTE = _names(
    """pneumonia|bronchitis|influenza|urinary tract infection|kidney stone|deep vein thrombosis|pulmonary embolism
    |appendicitis|cellulitis|shingles|dehydration|ear infection|heart attack|stroke|seizure|gallstones|sepsis
    |broken ankle|fractured wrist|allergic reaction|torn ligament|COVID-19|Lyme disease|UTI|DVT"""
)
CHRONIC = _names(
    """hypertension|high blood pressure|type 2 diabetes|asthma|COPD|heart failure|atrial fibrillation|coronary artery disease
    |chronic kidney disease|anemia|hyperlipidemia|high cholesterol|hypothyroidism|obesity|gout|osteoarthritis|rheumatoid arthritis
    |osteoporosis|sciatica|depression|anxiety|sleep apnea|epilepsy|migraine|eczema|psoriasis|glaucoma|GERD|CHF|CAD"""
)
HEREDITARY = _names(
    """breast cancer|colon cancer|lung cancer|prostate cancer|melanoma|dementia|diabetes|heart disease|stroke|hypertension
    |glaucoma|rheumatoid arthritis"""
)
FINDINGS = tuple(dict.fromkeys((*SYMPTOMS, *ACUTE, *CHRONIC, *HEREDITARY)))
RELATIVES = ("mother", "father", "sister", "brother", "grandmother", "grandfather", "aunt", "uncle")
MEDICINES = (
    "lisinopril", "metformin", "atorvastatin", "amlodipine", "omeprazole", "levothyroxine", "albuterol", "sertraline", "penicillin",
    "ibuprofen", "warfarin", "prednisone",
)  # fmt: skip
SERVICES = (
    "physical therapy", "an MRI scan", "an emergency room visit", "outpatient surgery", "a follow-up visit", "laboratory work",
    "an ambulance ride", "a home nursing visit", "dental surgery", "an eye examination", "speech therapy", "a blood test",
    "an X-ray", "a specialist consultation", "two nights of inpatient care", "a sleep study",
)  # fmt: skip
GOODS = (
    "oil", "steel", "wheat", "rice", "coffee", "cotton", "natural gas", "copper", "gold", "medicine", "textiles", "corn", "vaccines",
)  # fmt: skip

# Both are void: the one was sold with wallets, the other printed in a leaflet of the Social Security Administration's.
# Numbers that were never issued (areas 000, 666 and 9xx) would not do: a check of validity passes over them.
VOID_SSNS = ("078-05-1120", "219-09-9999")
AREA_CODES = ("212", "216", "303", "312", "404", "415", "503", "512", "602", "617", "702", "713")
STREETS = ("Maple", "Cedar", "Second", "Washington", "Chestnut", "Franklin", "Orchard", "Lincoln")

_WORD = re.compile(
    r"[A-Z](?:\.[A-Z])+\.|[A-Z]\.(?= [A-Z])|(?:Dr|Mr|Mrs|Ms|St|Inc|No)\.|'s\b|\$|[^\s.,;:!?()\"'$]+(?:[.,:'][^\s.,;:!?()\"'$]+)*(?<!'s)|\S"
)


def words_of(text: str) -> list[str]:
    """Words of `text` as the labelled data has them: punctuation and `'s` apart, `U.S.` and `10,000` whole."""
    spaced = re.sub(r"'s\b", " 's", text)
    return [match.group() for match in _WORD.finditer(spaced)]


def person(rng: random.Random) -> str:
    """A full name, now and then with an initial: `Rosa Delgado`, `Henry B. Quinn`."""
    first, last = rng.choice(PERSON_FIRST), rng.choice(PERSON_LAST)
    if rng.random() < 0.08:
        return f"{first} {rng.choice('ABCDEFGHJKLMRSTW')}. {last}"
    if rng.random() < 0.06:
        return f"{first} {last}-{rng.choice(PERSON_LAST)}"
    return f"{first} {last}"


def titled_person(rng: random.Random) -> str:
    """A person with a title: `Dr. Delgado`, `Judge Harold Pierce`."""
    first = f"{rng.choice(PERSON_FIRST)} " if rng.random() < 0.3 else ""
    return f"{rng.choice(PERSON_TITLES)} {first}{rng.choice(PERSON_LAST)}"


def hospital(rng: random.Random) -> str:
    """A provider: `Lakeside Medical Center`, `St. Luke's Hospital`, `University of Iowa Hospital`."""
    kind = rng.random()
    if kind < 0.2:
        return f"{rng.choice(HOSPITAL_SAINTS)} {rng.choice(HOSPITAL_KINDS)}"
    if kind < 0.35:
        return f"{rng.choice(CITIES)} {rng.choice(HOSPITAL_KINDS)}"
    if kind < 0.45:
        return f"University of {rng.choice(US_STATES)} Hospital"
    return f"{rng.choice(HOSPITAL_NAMES)} {rng.choice(HOSPITAL_KINDS)}"


def insurer(rng: random.Random) -> str:
    """A payer: `Keystone Health Plan`."""
    return f"{rng.choice(INSURER_NAMES)} {rng.choice(INSURER_KINDS)}"


def company(rng: random.Random) -> str:
    """A company that is neither payer nor provider: `Larkspur Airlines`."""
    return f"{rng.choice(COMPANY_NAMES)} {rng.choice(COMPANY_KINDS)}"


def organisation(rng: random.Random) -> str:
    """Any organisation."""
    return rng.choice((hospital, insurer, company, agency))(rng)


def agency(rng: random.Random) -> str:
    """A public body: `Department of Insurance`."""
    return rng.choice(AGENCIES)


def place(rng: random.Random) -> str:
    """Any place: a city, a state, a country or a region."""
    return rng.choice(rng.choice((CITIES, CITIES, WORLD_CITIES, COUNTRIES, COUNTRIES, US_STATES, REGIONS)))


def nationality(rng: random.Random) -> str:
    """A people as an adjective: `Kenyan`."""
    return rng.choice(NATIONALITIES_LONG) if rng.random() < 0.08 else rng.choice(NATIONALITIES)


def event(rng: random.Random) -> str:
    """A war, holiday, tournament or operation."""
    if rng.random() < 0.25:
        return f"{rng.choice(EVENT_FIRST)} {rng.choice(EVENT_SECOND)}"
    return rng.choice(EVENTS)


def work(rng: random.Random) -> str:
    """An act, a form, a prize, a product or a work of art, what the data set calls `art`."""
    if rng.random() < 0.35:
        return f"{rng.choice(FORM_NAMES)} {rng.choice(FORM_NUMBERS)}"
    return rng.choice(ART)


def day(rng: random.Random) -> str:
    """A day as running text names it after `on`: `March 14, 2019`, `Tuesday`."""
    weekday, day_of_month = rng.choice(WEEKDAYS), f"{rng.choice(MONTHS)} {rng.randint(1, 28)}"
    year = rng.randint(1996, 2027)
    return rng.choice(
        (weekday, day_of_month, f"{day_of_month}, {year}", f"{day_of_month}, {year}", f"{weekday}, {day_of_month}")
    )


def period(rng: random.Random) -> str:
    """A month, year or decade as running text names it after `in`: `March 2019`, `1990s`."""
    month, year = rng.choice(MONTHS), rng.randint(1980, 2027)
    return rng.choice(
        (month, f"{month} {year}", f"{month} {year}", f"{year}", f"{year}", f"{rng.choice((1970, 1980, 1990))}s")
    )


def date(rng: random.Random) -> str:
    """A day or a period."""
    return rng.choice((day, day, period))(rng)


def amount(rng: random.Random) -> str:
    """A sum of money in digits: `$1,240`."""
    return f"${rng.choice((rng.randint(20, 999), rng.randint(1000, 99999))):,}"


def phone(rng: random.Random) -> str:
    """A telephone number of those that are kept free for fiction: `(216) 555-0143`."""
    area, number = rng.choice(AREA_CODES), f"555-01{rng.randint(0, 99):02}"
    return rng.choice((f"({area}) {number}", f"{area}-{number}", f"+1 {area} {number}"))


def street(rng: random.Random) -> str:
    """A house in a street: `418 Maple Street`."""
    return f"{rng.randint(12, 980)} {rng.choice(STREETS)} {rng.choice(('Street', 'Avenue', 'Road', 'Lane'))}"
