"""Words that tell what a column holds.

All are small letters without accents, as `privacy` folds what it looks up.
"""

from __future__ import annotations

__all__ = [
    "ALONE",
    "AVERAGES",
    "COUNTS",
    "COUNTS_OF_MANY",
    "FIRST_NAMES",
    "GENERIC",
    "IDENTITY",
    "KINDS_OF_PEOPLE",
    "KNOWN_PHRASES",
    "KNOWN_WORDS",
    "NAMES",
    "ORDINARY_WORDS",
    "PARTICLES",
    "PAY",
    "PEOPLE",
    "PEOPLE_STEMS",
    "SENSITIVE",
    "SENSITIVE_SIGNS",
    "SENSITIVE_STEMS",
    "STARTS",
    "THINGS",
    "THING_SIGNS",
    "TYPES",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(" ".join(one.split()) for one in text.split(","))


PEOPLE = _words(
    """
    addressee adult applicant approver assignee athlete attendee attorney author authors
    autor auteur autora autore beneficiary boss borrower boy brother buyer candidate
    captain caregiver cashier ceo cfo chauffeur child children citizen claimant clerk
    coach colleague consultant contact contractor counsellor counselor coworker creator
    creditor cto daughter debtor dentist dependent director directors donor driver
    editor father female followers follower founder freelancer friend friends girl
    guardian guest guests holder husband individual individuals inmate instructor
    insured intern interviewee interviewer inventor investor judge kid kids landlord
    lawyer leader learner lecturer lender lessee lessor librarian lodger male man
    manager managers men midwife mother neighbour neighbor nurse occupant offender
    officer owner owners parent parents participant participants passenger payee payer
    people performer person persons personnel pharmacist pilot player players
    policyholder professor psychiatrist psychologist pupil purchaser recipient recruiter
    referee relative relatives renter representative requester resident respondent
    reviewer rider salesman salesperson salesrep salesreps saleswoman seller sender
    servant sharer shareholder shopper sibling signatory signer sister speaker spouse
    staff subscriber supervisor surgeon suspect teacher tenant therapist trainee trainer
    traveler traveller tutor victim visitor visitors voter volunteer voters wife winner
    witness woman women worker workers writer cardholder accountholder salaried vip
    members member arbeitnehmer angestellte angestellter ansprechpartner besitzer
    bewerber bearbeiter betreuer burger chef dozent eigentumer einwohner empfanger
    fahrer gast inhaber kaufer verkaufer leiter mitglied mitglieder nutzer absender
    sachbearbeiter schuler studierende teilnehmer vermieter vorgesetzter vorgesetzte
    kundschaft abonne acheteur adherent assure candidat conducteur eleve enseignant
    etudiant gerant infirmier infirmiere locataire membre menage professeur proprietaire
    responsable salarie utilisateur usager vendeur medecin maitre personne soignant
    destinataire abogado alumno alumna alumnos comprador conductor dueno empleador
    estudiante gerente huesped inquilino jefe maestro miembro miembros persona personas
    profesor profesora propietario socio titular trabajador usuario usuarios vendedor
    docente enfermero enfermera aluno aluna dono funcionario inquilino locatario membro
    motorista pessoa pessoas professora proprietario trabalhador utilizador allievo
    conducente dipendente dipendenti impiegato insegnante inquilino lavoratore locatario
    proprietario studente studenti utente utenti venditore infermiere bestuurder docent
    eigenaar gebruiker huurder klant klanten leerling leraar medewerker werknemer
    huisarts anstalld anvandare bruger bruker forare hyresgast larare lakare medarbetare
    kund ansat medlem medlemmer elev laege medarbejder asiakas potilas laakari
    tyontekija klient klientka pracownik wlasciciel uzytkownik czlonek uczen nauczyciel
    najemca kierowca lekarz lekarka osoba zakaznik lekar zamestnanec ucitel uzivatel
    ugyfel beteg orvos dolgozo tanar musteri calisan kullanici uye ogrenci ogretmen
    surucu hekim pelanggan pasien dokter karyawan pengguna nasabah
    """
)
"""Whoever a row may be about, one by one or many."""

PEOPLE_STEMS = (
    *("customer", "client", "patient", "doctor", "physician", "employee", "user"),
    *("student", "kund", "pacien", "pazien", "pacjent", "mitarbeiter", "arzt", "aerzt"),
    *("hausarzt", "benutzer", "mieter", "lehrer", "schueler", "klient", "cliente"),
    *("medico", "medica", "empleado", "empregad", "employe", "versichert", "clientele"),
    *("клиент", "покупател", "пациент", "врач", "доктор", "сотрудник", "работник"),
    *("владел", "пользовател", "студент", "ученик", "учител", "водител", "клієнт"),
    *("лікар", "заказчик", "арендатор", "πελατ", "ασθεν", "γιατρ", "υπαλληλ", "χρηστ"),
)
"""How words for such a person begin, in compounds and in every case."""

SENSITIVE = _words(
    """
    allergies allergy alergia anamnese ailment autism bmi cancer cholesterol comorbidity
    conviction convictions covid dementia depression diabetes disabilities disability
    disabled dosage drug drugs epilepsy glucose handicap health hiv hospitalized icd
    illness illnesses infection insulin medication medications medicine mental
    pregnancies pregnancy pregnant prescription prescriptions prognosis psychiatric
    sickness surgeries surgery symptom symptoms therapies therapy tumor tumour
    vaccinated vaccination wellness befund blutgruppe behinderung gesundheit schwanger
    allergie maladie enfermedad enfermedades malattia doenca doencas salud sante saude
    sintoma sintomas choroba ziekte hastalik sairaus sygdom sjukdom embarazada grossesse
    blood blut sangre sang sangue krew belief caste creed denomination faith religion
    religiosity konfession glaube culte ethnicity ethnic ethnicities ethnie etnia
    hautfarbe raza rasse tribe herkunft nationality nationalities nationalitat
    staatsangehorigkeit nacionalidad nationalite nacionalidade immigration migrant
    political politics partei partito partido parti affiliation voting sexuality sexual
    lgbt lgbtq gay lesbian orientacion gewerkschaft sindicato syndicat sindacato
    unionized unionised criminal felony vorstrafen antecedentes casier offence offense
    arrest arrests sex gender genders geschlecht sexo sexe sesso genero geslacht kon
    plec cinsiyet pronoun pronouns
    """
)
"""What the law calls special, and a person's sex; no count opens it."""

SENSITIVE_STEMS = (
    *("diagnos", "diseas", "krank", "medikament", "medicament", "medicac", "symptom"),
    *("religi", "ethnic", "hospitali", "vaccin", "psychiatr", "disabilit", "allerg"),
    *("диагноз", "болезн", "симптом", "религи", "националь", "здоров", "лекарств"),
)

PAY = _words(
    """
    bonus bonuses commission compensation earnings income incomes pay payroll payslip
    remuneration salaries salary stipend wage wages einkommen gehalt gehalter lohn lohne
    verdienst vergutung salaire salaires remuneration revenu revenus salario salarios
    sueldo sueldos nomina ingreso ingresos renda rendimento ordenado stipendio reddito
    loon salaris inkomen lon inntekt inkomst palkka pensja placa wynagrodzenie maas
    gelir plat gaji зарплата оклад доход заработок debt debts
    """
)
"""What a person earns; only an average opens it."""

SENSITIVE_SIGNS = _words(
    """
    姓名 名前 氏名 电话 電話 手机 邮箱 郵便 地址 住所 身份证 이름 전화
    주소 이메일 성명 客户 客戶 顾客 顧客 患者 病人 医生 医師 醫生 员工
    職員 职员 社員 従業員 用户 用戶 利用者 会员 会員 学生 生徒 老师 先生
    教師 司机 運転手 租户 고객 환자 의사 직원 사용자 회원 학생 교사 诊断
    診断 진단 疾病 病名 症状 宗教 民族 종교 工资 薪 収入 给与 給与 年収
    급여 연봉 性别 性別 성별 政党 عميل مريض طبيب موظف
    زبون اسم هاتف عنوان راتب ग्राहक रोगी
    मरीज डॉक्टर कर्मचारी नाम लקוח לקוח חולה
    רופא עובד שם ลูกค้า ผู้ป่วย แพทย์
    พนักงาน ชื่อ
    """
)
"""The same in scripts that part no words; found anywhere in a name."""

THINGS = _words(
    """
    education degree occupation tz make activity aircraft airline airport airports
    algorithm animal animals app apps area
    areas aspect asset axis band bands bank batch behavior behaviour benchmark bin block
    body borough brand brands breed browser browsers bucket building business campaign
    campaigns capital car carrier cars categoria categorie categories category channel
    channels chart city cities ciudad class classes classification climate cluster
    clusters cohort color colors colour colours column columns company companies
    component condition continent continents contract countries country course courses
    crop crops cuisine currency currencies cut cycle dataset datasets day days deck
    department departments dept destination device devices diet direction district
    districts division domain drive embarked engine environment event events exchange
    experiment farbe feature features field fields file filename filenames files film
    films flavor flavour food format formats fuel function game games genre genres grade
    group groups habitat heading horizon hotel house importance indicator industry
    industries ingredient ingredients island islands kategorie kernel keyword kind kinds
    land lander language languages layer league level levels library license line lines
    locale location loss lunch machine manufacturer market markets marke material
    materials measure measurement merchant method methods metric metrics model models
    module month months movie movies museum neighbourhood neighborhood network operation
    operator optimizer origin outcome outlook package packages paese pais pays parameter
    parameters park part parts path payment period phase plan planet planets plant
    plants plattform platform platforms policy position print priority process processor
    produit produkt produkte product products producto productos produto prodotto
    program programme project projects property protocol province provinces quality
    quarter question queue rank rating ratings region regions regiao regione river road
    role room rooms route routes sample scale scenario school season seasons sector
    sectors segment segments sensor sensors series server service services shape ship
    shipping shop side site size sizes skill software solver sources species sport
    sports spot stadt stage state states station stations status step steps store stores
    strategy style subcategory suit supplier survey symbol system systems table tables
    targets task tasks taxon team teams technology territory test theme ticker tier time
    timezone tool tools topic topics town towns transmission transport treatment tree
    type types unit units university variable variables variety vehicle vendor version
    versions warehouse weather website weekday wheel wind windows workclass year zone
    zones abteilung art bundesland gruppe jahr kanal klasse monat ort regionen sprache
    sorte tag waehrung wahrung zustand couleur etat groupe jour langue mois pays type
    ville statut canal color estado grupo idioma mes tipo moneda talla dia especie corso
    lingua mese tipo stato citta colore cor idade mes cidade moeda farben lander stadte
    страна город регион продукт товар категория цвет статус тип месяц валюта
    neighbourhoods platformid contracts dish dishes drink drinks fruit fruits vegetable
    vegetables instrument instruments mineral minerals metal metals planetary
    constellation sign signs topping toppings dtype dtypes extension suffix operating os
    framework frameworks cloud stack endpoint resource verb mood tense sentiment
    polarity emotion severity urgency importance priority likelihood resolution reason
    cause trend cat cats sku skus equipment tissue gene genes protein cell mutation
    strain phylum family order genus kingdom
    """
)
"""What a column of a vocabulary is called; its last word, but for ``."""

THING_SIGNS = tuple(
    _words(
        """
    国家 地区 城市 产品 類別 类别 状态 状態 颜色 色 都市 部門 部门 月份
    商品 種類 种类 国 국가 도시 제품 상태 색 지역 类型 渠道 بلد
    مدينة اللون देश शहर रंग
    """
    )
)

IDENTITY = _words(
    """
    account acct addr address addresses adres anschrift bday bic birth birthdate
    birthday cpf cpr cvv direccion dni dob email emails fax geburtsdatum gps guid iban
    id ids imei indirizzo initials ip ipaddr konto kundennummer adresse lat latitude
    lng login logins lon longitude maiden mail mails mobile msisdn nhs nick nif nin
    nino passport passports phone phones plz postal postcode rue siret ssn street
    strasse swift tel telefon telefone telefono telephone uid uuid vat vin zip zipcode
    correo courriel license licence whatsapp handy handynummer steuernummer
    postleitzahl wohnort иин инн телефон почта адрес емейл
    """
)
"""What tells of one person, or leads to one."""

NAMES = _words(
    """
    name names firstname forename fullname lastname middlename surname surnames
    nickname givenname familyname maidenname apellido apellidos cognome nachname
    vorname nom prenom nombre nombres nome sobrenome familienname rufname naam
    voornaam achternaam namn fornamn efternamn navn fornavn etternavn imie nazwisko
    jmeno prijmeni ad soyad nama ten nume prenume имя фамилия отчество фио ім'я
    прізвище ονομα επωνυμο
    """
)
"""What is a name; of whom or of what, the other words say."""

GENERIC = _words(
    """
    first last full given family middle my the raw clean df col series list unique all
    of and or display legal preferred birth other real short long complete s de du la
    le el los des nom new old host index str text lower upper title your completo
    complet
    """
)
"""Words that do not say of what something is a name."""

ALONE = _words(
    """
    born card cc mac pan pin pins plate race races party sin union
    """
)
"""Personal where nothing stands with them: `card`, but not `graphics_card`."""

COUNTS = _words(
    """
    count counts cnt total totals per rate rates ratio share shares percent percentage
    pct n anzahl cantidad quantity qty nunique length len cases deaths prevalence
    incidence
    """
)
"""With one of these, a name is that of a number of things."""

COUNTS_OF_MANY = _words(
    """
    num nb nr no number
    """
)
"""The same before a plural."""

TYPES = _words(
    """
    type types status kind category typ tipo
    """
)
"""What of a number or an address is none: `account_type`."""

AVERAGES = _words(
    """
    mean median avg average capita durchschnitt mittlere
    """
)
"""What tells of many what they earn."""

KINDS_OF_PEOPLE = _words(
    """
    type types kind category categories class group groups segment segments status
    tier level levels region country role roles bracket band method date period day
    rating satisfaction churn satisfied service calls version plan channel source typ
    gruppe kategorie segmento tipo categoria
    """
)
"""What divides people into kinds; `customer_segment` is no customer."""

PARTICLES = _words(
    """
    van von der den de da del della di do dos das du la las los le bin ibn al el y e
    zu zum ter ten af
    """
)
"""Small words within names."""

STARTS = _words(
    """
    a about after all an and are as at be been but by can could did do does for from
    had has have he her here his how i if in into is it its let may more most my no
    not of on only or our she should so some than that the their them then there these
    they this those to was we were what when where which while who why will with would
    you your hello world dear select group order insert update create drop join limit
    values warning traceback call file none true false
    """
)
"""Words of prose that often have a capital letter."""

_CALENDAR = """
    january february march april may june july august september october november
    december jan feb mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday
    thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun weekday
    weekend spring summer autumn fall winter januar februar marz april mai juni juli
    oktober dezember montag dienstag mittwoch donnerstag freitag samstag sonntag
    fruhling sommer herbst winter janvier fevrier mars avril juin juillet aout septembre
    octobre novembre decembre lundi mardi mercredi jeudi vendredi samedi dimanche
    printemps ete automne hiver enero febrero marzo abril mayo junio julio agosto
    septiembre octubre noviembre diciembre lunes martes miercoles jueves viernes sabado
    domingo primavera verano otono invierno gennaio febbraio aprile maggio giugno luglio
    settembre ottobre dicembre lunedi martedi mercoledi giovedi venerdi domenica janeiro
    fevereiro marco maio junho julho setembro outubro novembro dezembro segunda terca
    quarta quinta sexta morning noon afternoon evening night midnight breakfast brunch
    lunch dinner supper today yesterday tomorrow daily weekly monthly quarterly yearly
    annual hourly day week month quarter year hour minute second
"""
_PLACES = """
    afghanistan albania algeria andorra angola argentina armenia aruba australia austria
    azerbaijan bahamas bahrain bangladesh barbados belarus belgium belize benin bermuda
    bhutan bolivia botswana brazil brunei bulgaria burundi cambodia cameroon canada chad
    chile china colombia comoros congo croatia cuba cyprus czechia denmark djibouti
    dominica ecuador egypt england eritrea estonia eswatini ethiopia fiji finland france
    gabon gambia georgia germany ghana greece greenland grenada guatemala guinea guyana
    haiti honduras hungary iceland india indonesia iran iraq ireland israel italy
    jamaica japan jordan kazakhstan kenya kiribati korea kosovo kuwait kyrgyzstan laos
    latvia lebanon lesotho liberia libya liechtenstein lithuania luxembourg macau
    madagascar malawi malaysia maldives mali malta mauritania mauritius mexico
    micronesia moldova monaco mongolia montenegro morocco mozambique myanmar namibia
    nauru nepal netherlands nicaragua niger nigeria norway oman pakistan palau palestine
    panama paraguay peru philippines poland portugal qatar romania russia rwanda samoa
    scotland senegal serbia seychelles singapore slovakia slovenia somalia spain sudan
    suriname sweden switzerland syria taiwan tajikistan tanzania thailand togo tonga
    tunisia turkey turkiye turkmenistan tuvalu uganda ukraine uruguay uzbekistan vanuatu
    venezuela vietnam wales yemen zambia zimbabwe uk usa uae eu deutschland osterreich
    schweiz frankreich italien spanien niederlande belgien danemark schweden norwegen
    polen allemagne autriche belgique espagne italie suisse angleterre royaume bresil
    japon chine russie alemania francia italia espana portugal suiza suecia brasil
    alemanha franca europe asia africa america americas oceania antarctica europa asien
    afrika amerika afrique asie amerique alabama alaska arizona arkansas california
    colorado connecticut delaware florida hawaii idaho illinois indiana iowa kansas
    kentucky louisiana maine maryland massachusetts michigan minnesota mississippi
    missouri montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas
    utah vermont virginia washington wisconsin wyoming ontario quebec alberta manitoba
    bayern bavaria hessen sachsen berlin hamburg bremen saarland brandenburg north south
    east west northeast northwest southeast southwest northern southern eastern western
    central center centre midwest apac emea latam mena anz nord sud ost west norden
    suden osten westen norte sur este oeste urban suburban rural domestic foreign
    international national regional local global inland coastal remote onsite hybrid
    city town village london paris madrid rome vienna amsterdam brussels tokyo beijing
    shanghai delhi mumbai sydney toronto chicago boston seattle dublin lisbon prague
    warsaw budapest zurich munich stockholm oslo copenhagen helsinki athens istanbul
    moscow cairo singapore seoul bangkok jakarta
"""
_QUALITIES = """
    red green blue yellow orange purple pink brown black white grey gray violet cyan
    magenta teal navy beige gold golden silver bronze platinum turquoise maroon olive
    lime indigo crimson coral rot grun blau gelb schwarz weiss braun grau lila rosa
    rouge vert bleu jaune noir blanc marron gris rojo verde azul amarillo negro blanco
    nero bianco giallo rosso preto branco vermelho amarelo light dark bright pale tiny
    small medium large big huge mini micro extra regular standard short long tall wide
    narrow thin thick low mid middle high highest lowest top bottom upper lower left
    right front back up down start end inner outer none all any both other others misc
    miscellaneous unknown undefined missing null nan na empty blank default general
    special basic plus pro premium deluxe economy business first second third fourth
    fifth last one two three four five six seven eight nine ten single double triple
    multiple many few poor fair good great better best bad worse worst excellent ideal
    average normal typical critical major minor severe mild moderate acceptable very too
    not strongly agree disagree neutral satisfied dissatisfied always often sometimes
    rarely never likely unlikely easy hard difficult simple complex fast slow hot cold
    warm cool wet dry sunny cloudy rainy rain snow snowy foggy fog windy clear overcast
    storm stormy mist haze drizzle hail new used old young fresh recent current previous
    next early late on off true false yes no y n t f ja nein oui non si sim nao да нет
    maybe open closed active inactive pending paused paid unpaid overdue cancelled
    canceled completed complete done running failed failure success successful passed
    pass fail error warning info debug fatal draft approved rejected accepted declined
    denied submitted returned refunded shipped delivered processing processed received
    ordered queued started stopped finished ready waiting blocked resolved reopened
    archived deleted enabled disabled valid invalid verified unverified online offline
    available unavailable stock sold expired renewed churned retained won lost hold
    progress todo review planned offen geschlossen aktiv inaktiv bezahlt ausstehend
    storniert ouvert ferme actif inactif attente termine abierto cerrado activo inactivo
    pendiente pagado alta media baja hoch mittel niedrig klein mittel gross public
    private internal external free positive negative mixed increase decrease stable
    malignant benign control placebo treated untreated treatment baseline train test
    validation eval holdout mean median std min max sum count var variance mode range
    total share ratio rate percent pct quantile percentile accuracy precision recall auc
    roc loss score rmse mse mae mape support macro micro weighted alpha beta gamma delta
    epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon
    phi chi psi omega setosa versicolor virginica adelie gentoo chinstrap torgersen
    biscoe dream manual automatic auto semi permanent temporary fulltime parttime full
    part time contract annual
"""
_GOODS = """
    euro euros dollar dollars pound pounds yen yuan franc rupee peso krona krone zloty
    ruble won lira cent kilogram kilograms kg gram grams mg lb lbs oz ounce ton tons
    tonne tonnes litre liter litres liters ml meter metre meters metres km cm mm mile
    miles foot feet inch inches celsius fahrenheit kelvin watt watts kwh mwh volt ampere
    hertz pascal byte bytes kb mb gb tb piece pieces each pair pairs dozen box boxes
    pack packs bottle unit units hours minutes seconds days weeks months years visa
    mastercard amex paypal cash card credit debit check cheque transfer bank wire
    invoice voucher gift electronic mailed mobile prepaid postpaid web website site
    store retail wholesale shop mail email phone sms social search organic paid direct
    referral affiliate ads advertising newsletter marketing sales finance engineering
    operations hr it legal support service services security research development design
    product production procurement logistics accounting administration admin purchasing
    consulting technology manufacturing healthcare education energy utilities insurance
    banking agriculture construction transportation telecom media government consumer
    corporate enterprise home office furniture supplies electronics electronic
    appliances clothing apparel shoes toys books book music sports outdoors garden
    kitchen beauty grocery food foods beverages drinks snacks bakery dairy meat seafood
    produce frozen household pet baby automotive hardware software accessories jewelry
    games chair chairs desk desks lamp lamps table tables sofa shelf shelves bed cabinet
    bookcase laptop laptops desktop desktops tablet tablets phones monitor monitors
    keyboard mouse printer printers cable cables headphones speaker camera television tv
    router server widget widgets gadget gadgets gizmo shirt shirts pants jeans dress
    jacket hat socks bag watch ring pen pens pencil paper notebook stapler scissors
    apple apples banana bananas cherry cherries orange oranges pear grape lemon mango
    melon peach berry tomato potato carrot onion rice wheat corn maize barley oats soy
    soybean coffee tea milk juice water beer wine bread cheese butter egg eggs chicken
    beef pork fish salad soup pizza pasta burger sandwich cake cookie chocolate sugar
    salt oil vegan vegetarian petrol gasoline diesel electric hybrid gas hydrogen solar
    wind nuclear coal hydro bus train tram metro subway bike bicycle car cars truck van
    taxi plane flight ferry ship boat motorcycle scooter walk walking suv sedan coupe
    hatchback convertible wagon wood steel iron copper aluminium aluminum plastic glass
    paper cotton wool silk leather ceramic concrete stone rubber gold silver lead zinc
    tin nickel mercury dog dogs cat cats bird birds horse cow sheep goat pig duck rabbit
    hamster snake lizard frog turtle lion lions tiger tigers bear bears wolf wolves
    eagle eagles hawk hawks falcon falcons shark sharks dolphin dolphins panther
    panthers fox elephant monkey whale bee ant spider mammal reptile amphibian insect
    python java javascript typescript rust go golang ruby scala kotlin swift php perl
    julia haskell bash sql html css json csv xml yaml parquet linux windows macos ubuntu
    debian android ios chrome firefox safari edge opera desktop tablet api web app ui
    frontend backend database cloud aws azure gcp docker kubernetes english german
    french spanish italian portuguese chinese japanese korean russian arabic hindi dutch
    polish turkish swedish deutsch englisch franzosisch action comedy drama horror
    thriller romance documentary animation fantasy adventure crime mystery western rock
    pop jazz blues classical metal rap folk country soul disco football soccer
    basketball baseball tennis golf hockey rugby cricket swimming cycling running
    volleyball handball mercury venus earth mars jupiter saturn uranus neptune pluto
    circle square triangle rectangle line bar point hearts diamonds clubs spades
    bachelor master phd doctorate primary secondary tertiary highschool college
    kindergarten undergraduate graduate freshman sophomore junior senior trainee lead
"""
KNOWN_WORDS = _words(_CALENDAR + _PLACES + _QUALITIES + _GOODS) - _words(
    # Names of people first of all, wherever they stand.
    "lima"
)
"""Values that belong to a known vocabulary."""

KNOWN_PHRASES = _phrases(
    """
    united states, united kingdom, united arab emirates, great britain, south korea,
    north korea, south africa, new zealand, saudi arabia, costa rica, sri lanka, puerto
    rico, czech republic, dominican republic, el salvador, hong kong, papua new guinea,
    sierra leone, burkina faso, cape verde, ivory coast, trinidad and tobago, bosnia and
    herzegovina, antigua and barbuda, north macedonia, equatorial guinea, san marino,
    united states of america, south sudan, new york, new jersey, new mexico, new
    hampshire, north carolina, south carolina, north dakota, south dakota, west
    virginia, rhode island, british columbia, new south wales, los angeles, san
    francisco, las vegas, north america, south america, latin america, central america,
    middle east, asia pacific, eastern europe, western europe, sub-saharan africa, in
    progress, on hold, not started, to do, in stock, out of stock, sold out, in transit,
    very good, very bad, very high, very low, very poor, not applicable, not available,
    n/a, strongly agree, strongly disagree, neither agree nor disagree, credit card,
    debit card, bank transfer, gift card, cash on delivery, direct debit, bank transfer
    (automatic), credit card (automatic), electronic check, mailed check,
    month-to-month, one year, two year, fiber optic, no internet service, no phone
    service, full time, part time, full-time, part-time, self-employed, home office,
    small business, high school, light blue, dark blue, light green, dark green, dark
    red, light grey, dark grey, low fat, gluten free, iris-setosa, iris-versicolor,
    iris-virginica, office supplies, human resources, customer service, information
    technology, research and development, business class, first class, second class,
    standard class, same day, entire home/apt, private room, shared room, hotel room,
    don't know, high income, low income, upper middle income, lower middle income, true
    positive, false positive, true negative, false negative
    """
)

_LABELS = """
    report reports overview histogram distribution comparison correlation scatter
    heatmap summary figure analysis performance history development evolution
    a absolute account actual added address age ago altitude amount an and annotation
    answer area as at attempts attributes audience available balance base battery by cap
    carbon chance change charge charges click clicks close code coefficient comment
    comments conc concentration config confidence content conversion conversions cost
    costs created cumulative data date datetime dates deaths delay demand density depth
    description details deviation diameter difference digits dimension discount distance
    duration economic education efficiency elapsed email emission emissions entry epoch
    epochs error errors estimate estimated expected expense expenses exp export factor
    features fee final flag flights flow for force forecast fraction freight frequency
    from gain gdp geometry goal gross growth guest has hash height high hits holiday
    hour humidity id identifier image impact in income index infant inflation initial
    input inputs install installs intensity interest interval inventory is job joined
    land latitude leads learning leave length lifetime limit link list load lon long
    longitude low lr main margin mass matrix max memory message miles min minimum
    maximum monetary mortality n net nitrogen node note notes number observations of
    offset open operating order orders output outputs overall ownership page pages
    parameter parent past payload per percentage petal ph phone pixel plot points
    pollution population power pressure price prices probability process profit progress
    proportion purchase purchases qty quantity query radius random range reading
    readings record records reference registration relative removed rent repair request
    requests response retention return returns revenue row rows sales sample sat saved
    savings schema schedule seed sepal sequence session sessions shift signal size speed
    spend spending squared start std stock string subject supply surface tags tax temp
    temperature tenure term text texture the thickness threshold timestamp title to
    tokens tolerance total traffic transaction transactions trend trip true turnover
    unique unit updated uplift url usage use user value values velocity version views
    visits voltage volume volumes votes wait water wave weight width with work x y z zip
    unnamed predicted prediction predictions estimators depth splits leaf split samples
    iterations iter penalty regularization subsample colsample objective eval verbose
    jobs bins momentum decay dropout hidden layers activation optimizer loader workers
    device path dir folder name names mpg cylinders displacement horsepower acceleration
    weight origin carat clarity cut sibsp parch fare embarked survived cabin ticket
    pclass bill tip smoker party label labels item items key keys object objects element
    elements subject subjects result results source run port make target cross section
    mixed dtype iris titanic penguins tips sum unit
"""
ORDINARY_WORDS = (
    KNOWN_WORDS | THINGS | PEOPLE | SENSITIVE | PAY | IDENTITY | NAMES | _words(_LABELS)
    | frozenset(word for phrase in KNOWN_PHRASES for word in phrase.split())
) - _words(
    "jordan chad georgia virginia carolina israel florence nick rue swift vin"
)  # fmt: skip
"""Words of which names of columns, settings and titles are made."""

FIRST_NAMES = (
    _words(
        """
    aaliyah aaron abdul abdullah abigail abraham adrian agnieszka ahmad ahmed aisha
    akira alan albert alejandro aleksandr alessandro alex alexander alexandra alexei
    alfred alice alicia alina amanda amelia amina amir amy ana anastasia andre andrea
    andreas andrei andrew angela angelika anil anita anja ann anna anne anneliese
    annette antoine anton antonio anya arjun arthur asha astrid aurelie ayesha barbara
    beatrice ben benjamin bernard bernd bertha beth betty bjorn bob boris brandon brenda
    brian brigitte bruno camille carl carla carlos carmen carol caroline catherine
    cecilia celine chantal charles charlotte chen chiara chloe chris christian christina
    christine christoph christopher clara claudia claire conrad cristina cynthia daisuke
    daniel daniela danielle david deborah deepak denise dennis detlef diana diego dieter
    dimitri dmitri dmitry dominik donald donna doris dorothy douglas dylan edward
    eduardo eileen elena eleanor eliza elizabeth elena ella ellen emily emil emma eric
    erik erika ernst esther ethan eugene eva evelyn fatima fatma felix fernando fiona
    francesca francesco francois frank franz fred frederic friedrich fritz gabriel
    gabriela gary geoffrey george gerald gerhard gertrud giorgio giovanni giulia
    giuseppe gloria gonzalo greta guido guillermo gunter gustav haruki hassan hans
    hannah harald harold haruto hector heather heidi heike heinrich heinz helen helena
    helga helmut henri henry herbert hermann hiroshi horst hugo hussein ian ibrahim igor
    ines inge ingrid irina isaac isabel isabella ivan jacob jacqueline jakob james jan
    jane janet janine jason javier jean jeanne jeffrey jennifer jens jeremy jessica
    jesus joan joanna joao jochen joe johan johann johannes john jonas jonathan jorge
    jose josef joseph joshua juan juana judith julian juliana julie jurgen justin kai
    karen karin karl kate katarzyna katharina katherine kathleen katja katrin kazuo
    keiko keith kenji kenneth kevin khadija khalid kim kimberly klaus krzysztof kumar
    kurt larry laura lauren laurent lea leila lena leo leon leonardo liam lidia lin
    linda lisa liu lorenzo louis louise luca lucas lucia lucie luis luisa lukas lutz
    magdalena mahmoud malik manfred manuel manuela marcel marco marcus margaret
    margarita maria mariana marie mariam marina mario marion marta martha martin martina
    mary maryam mateo matteo matthew matthias maurice max maya mehmet mei melanie
    melissa mia michael michaela michal michel michelle miguel mikhail min-jun miriam
    mohamed mohammad mohammed monika monique moritz muhammad mustafa nadia nadine naomi
    natalia natalie nathan neha nia nicholas nicolas nicole niklas nikolai nina noah
    nora oleg oliver olivia omar otto pablo pamela paola paolo patricia patrick patrizia
    paul paula paulo pedro peter petra philip philipp philippe pierre piotr priya rachel
    rafael rahul raj rajesh ralf ramon raquel raymond rebecca renate ricardo richard
    robert roberta roberto roger roland ronald rudolf ruth ryan sabine sakura salma
    samantha samuel sandra sanjay sara sarah satoshi scott sean sebastian sergei sergey
    sergio sharon shirley siegfried silke silvia simon simone sofia sonia sophia sophie
    stefan stefanie stephanie stephen steven sunita susan susanne suzanne svetlana sven
    takashi tamara tanja taro tatiana teresa thomas theodor theresa thierry thorsten tim
    timothy tina tobias tom tomas udo ulrich ulrike ursula uwe valentina vera veronica
    victor victoria vikram vincent viktor vladimir walter wang wei werner wilhelm
    william wolfgang xavier yang yasmin yolanda yuki yuri yusuf yves yvonne zainab
    zeynep zhang zoe zofia lucy alexis smith jones johnson williams davis miller wilson
    anderson taylor thomas jackson thompson garcia martinez robinson rodriguez lewis
    hernandez lopez gonzalez nguyen patel singh khan kaur sharma gupta muller mueller
    schmidt schneider fischer weber meyer wagner becker schulz hoffmann koch bauer
    richter schroder neumann zimmermann hofmann hartmann kruger krause lehmann kohler
    dubois dupont durand moreau lefebvre leroy girard bonnet rossi russo ferrari
    esposito bianchi romano colombo ricci silva santos oliveira souza pereira ferreira
    rodrigues almeida nowak kowalski kowalska wisniewski ivanov ivanova petrov smirnov
    kuznetsov popov yilmaz kaya demir tanaka suzuki sato watanabe takahashi yamamoto
    nakamura kobayashi yamada hansen johansen olsen larsen andersson johansson karlsson
    nilsson jensen nielsen o'brien o'connor o'neill murphy jansen devries visser bakker
    janssen peeters
    ольга иван анна мария елена наталья сергей александр дмитрий алексей андрей михаил
    николай татьяна екатерина ирина светлана владимир юлия иванов петров смирнов
    γιωργος μαρια ελενη νικος ahn choi wei ming yusuf fatemeh hossein nguyen tran
    """
    )
    - KNOWN_WORDS
)
"""Common names of people, but for those that are ordinary words or places, too."""
