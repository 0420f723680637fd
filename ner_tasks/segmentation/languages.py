"""One table per language: abbreviations, clitics, elisions and function words."""

from dataclasses import dataclass

DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True)
class LanguageRules:
    """Rules of one language; names of words are separated by spaces.

    Attributes:
        titles: abbreviations whose period belongs to them.
        numbered: regular expression of abbreviations whose period belongs to them before a number only.
        months: abbreviations whose period belongs to them except at the end of a sentence.
        further: regular expression of other words with periods.
        leading: regular expression of words that begin with an apostrophe.
        clitics: regular expression of word endings that are separate words.
        elisions: regular expression of word beginnings that are separate words, up to their apostrophe.
        unsplit: words with an apostrophe that are one word, in lower case.
        open: regular expression of what a sentence does not end after.
        after_ordinal: words that an ordinal number with a period may precede.
        function_words: frequent words by which the language is recognized.
    """

    titles: str = ""
    numbered: str = ""
    months: str = ""
    further: str = ""
    leading: str = ""
    clitics: str = ""
    elisions: str = ""
    unsplit: frozenset[str] = frozenset()
    open: str = ""
    after_ordinal: str = ""
    function_words: str = ""


_ENGLISH = LanguageRules(
    titles=(
        "Mr Mrs Ms Mx Dr Prof Rev Fr Hon Pres Gov Sen Rep Gen Lt Col Maj Capt Cmdr Adm Brig Sgt Cpl Pvt Jr Sr Esq Messrs "
        "Mme St Ste Mt Ft Ave Blvd Rd Hwy Inc Corp Co Ltd Cos Bros Dept Univ Assn Govt vs etc ca cf al approx est "
        "Ala Ariz Ark Calif Colo Conn Del Fla Ga Ill Ind Kan Ky La Md Mass Mich Minn Mo Mont Neb Nev Okla Ore Pa Penn Tenn "
        "Tex Va Vt Wash Wis Wyo Ph"
    ),
    numbered="[Nn]os?|pp?|[Ff]igs?|[Aa]rt|[Ss]ec|[Cc]h|[Vv]ol|[Tt]el|[Ee]xt",
    months="Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec",
    further=r"Ph\.D\.|e\.g\.|i\.e\.",
    leading="s|m|d|ll|ve|re|S",
    clitics=r"n['’]t|['’](?:s|m|d|ll|ve|re)|(?<=^can)not",
    open="M[rsx]|Mrs|Dr|Prof|Rev|Hon|Gov|Sen|Rep|Gen|Lt|Col|Maj|Capt|Sgt|St|Mt|Ft|[Vv]ol|vs",
    function_words=(
        "the of and to in is was for that with on as by at from his her he she it not this be are were has had an or which "
        "but have will would their they we you your our its been who after if when all there can may please any into"
    ),
)
_SPANISH = LanguageRules(
    titles="Sr Sra Srta Sres Sras Dr Dra Dres Prof Profa D Dª Da Dña Ud Uds Vd Vds Lic Ing Arq Gral Cnel Cap Tte Excmo Excma Ilmo "
    "Ilma Mons Sto Sta Avda Av Cía Hnos Dpto Depto Pza Pl Ctra etc aprox ej Admón Edo izq dcha",
    numbered="[Nn]úms?|[Nn]os?|[Nn][º°]|pp?|págs?|[Ff]igs?|[Aa]rts?|[Cc]ap|[Vv]ol|[Tt]e?l[fe]?|[Tt]fno|[Ee]xt|[Aa]p",
    months="ene|feb|mar|abr|may|jun|jul|ago|sept?|oct|nov|dic",
    further=r"EE\.|UU\.|D\.[ªº]",
    open="D|p|Sr|Sra|Srta|Sres|Sras|Dr|Dra|Prof|Profa|Dña|Lic|Ing|Gral|Mons|Sto|Sta|Avda|núm|Núm|pág|ej|EE|art|Art|aprox",
    function_words=(
        "el la los las un una unos unas del y que en por con para no es se su sus al lo como más pero le les ha fue está este "
        "esta son era han desde sobre también muy sin ya nos usted cuando donde entre hasta"
    ),
)
_FRENCH = LanguageRules(
    titles="M MM Mme Mmes Mlle Mlles Dr Drs Pr Me Mgr St Ste Sté av bd boul apr env etc cf Cie éd hab min max tél",
    numbered="[Nn]os?|[Nn]°|pp?|[Ff]ig|[Aa]rt|[Cc]hap|[Vv]ol|[Tt]él|[Pp]oste",
    months="janv|févr|avr|juill|sept|oct|nov|déc",
    further=r"c\.-à-d\.",
    elisions=r"(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu|quelqu)['’]",
    unsplit=frozenset({"aujourd'hui", "d'abord", "quelqu'un", "quelqu'une", "prud'homme", "prud'hommes"}),
    open="p|MM?|Mmes?|Mlles?|Drs?|Pr|Me|Mgr|St|Ste|av|bd|art|Art|fig|chap|ex|env",
    function_words=(
        "le la les un une du des et que qui en par avec pour ne pas est se son sa ses au aux comme plus mais dans sur il elle "
        "nous vous à ce cette ces été ont sont était être votre notre leur sans ou où depuis madame monsieur"
    ),
)
_GERMAN = LanguageRules(
    titles="Hr Hrn Fr Frl Dr Dres Prof Dipl Ing med phil jur rer nat Mag Hl St Str Nr Bd Abs Art bzw ca etc evtl ggf inkl "
    "exkl gem geb gest gez lt max min Mio Mrd mtl sog tägl urspr usw vgl zzgl zzt Tel Abt Kfm Anm Aufl Hrsg Jh rd Ges Chr",
    numbered="[Ss]|Ziff|Kap|Abb|Tab|Zi|Pkt|Seite",
    months="Jan|Feb|Mär|Apr|Jun|Jul|Aug|Sept?|Okt|Nov|Dez",
    open=r"Hrn?|Fr|Dr|Prof|Dipl|Ing|med|St|Str|Nr|Bd|Abs|Art|bzw|ca|evtl|ggf|inkl|vgl|sog|geb|Abb|Tel|Mio|Mrd|(?:[zdui]|v)\. ?[A-Za-z]",
    after_ordinal=(
        "Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember Jan Feb Mär Apr Jun Jul Aug "
        "Sep Sept Okt Nov Dez Quartal Halbjahr Jahrhundert Lebensjahr Schwangerschaftswoche Tag Woche Monat Stock Etage Klasse "
        "Auflage Kapitel Rippe Zehe Mal"
    ),
    function_words=(
        "der die das ein eine einen einem einer und in zu mit für nicht ist sich den dem des von im auf war werden wurde wird ich sie "
        "er es wir bei nach oder auch als an zum zur dass haben hat ihre ihrer ihnen sind aus am vom bis seit über herr frau"
    ),
)
_ITALIAN = LanguageRules(
    titles="sig sigg sig.ra dott dott.ssa prof ing avv Sig Sigg Sigra Sig.ra Sig.na Dott Dottssa Dott.ssa Dr Prof Profssa Prof.ssa Ing Avv Arch Geom Rag On Mons Egr Gent Spett Ill S "
    "Ven Cav Comm ecc ca cfr es op cit Soc Coop Dip",
    numbered="[Nn]|[Nn]r|pagg?|pp?|[Ff]igg?|[Aa]rtt?|[Cc]ap|[Vv]ol|[Tt]el|[Ii]nt",
    months="gen|febbr?|mar|apr|mag|giu|lug|ago|sett?|ott|nov|dic",
    further=r"c\.a\.|S\.p\.A\.|S\.r\.l\.",
    elisions=(
        r"(?:l|un|d|c|s|m|t|v|n|gl|dell|all|dall|nell|sull|coll|quell|quest|bell|sant|tutt|anch|com|dov|cos|quant|mezz|nient|"
        r"nessun|alcun|ciascun|buon|senz|ch)['’]"
    ),
    open="p|[Ss]igg?|Sig\\.ra|Dott|Dott\\.ssa|Prof|Prof\\.ssa|Ing|Avv|Arch|Geom|Mons|Egr|Gent|Spett|art|Art|pag|es|cfr|S",
    function_words=(
        "il lo la i gli le un una del dello della dei degli delle e che di in per con non è si al alla ai come più ma ha nel nella sono "
        "da dal dalla sul sulla questo questa suo sua loro anche stato era hanno ed presso gentile"
    ),
)
_PORTUGUESE = LanguageRules(
    titles="Sr Sra Srta Srs Sras Dr Dra Drs Dras Prof Profa Profª D Eng Arq Exmo Exma Ilmo Ilma V Pe Sto Sta Av R Cia Ltda Lda Dept Depto etc "
    "aprox ex Tv Rod Esq",
    numbered="[Nn]os?|[Nn]ºs?|pp?|págs?|[Ff]igs?|[Aa]rts?|[Cc]ap|[Vv]ol|[Tt]el|[Rr]amal",
    months="jan|fev|mar|abr|mai|jun|jul|ago|set|out|nov|dez",
    further=r"(?:Ex|Sr|Dr|Prof)\.ª",
    open="p|V|Sr|Sra|Srta|Srs|Dr|Dra|Prof|Profa|Profª|Eng|Exmo|Exma|Ilmo|Ilma|Sto|Sta|Av|art|Art|pág|ex|aprox",
    function_words=(
        "o os as um uma do da dos das que em no na nos nas por com para não é se seu sua ao aos à como mais mas foi está este esta pelo pela "
        "são ser tem também já até muito sem quando sobre ou você lhe desde"
    ),
)
LANGUAGES = {
    "en": _ENGLISH,
    "es": _SPANISH,
    "fr": _FRENCH,
    "de": _GERMAN,
    "it": _ITALIAN,
    "pt": _PORTUGUESE,
}
_NEUTRAL = LanguageRules()


def find_rules(language: str) -> LanguageRules:
    """Return the rules of a language; for one without a table, those that hold for any."""
    return LANGUAGES.get(language, _NEUTRAL)
