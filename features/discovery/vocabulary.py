"""What columns, tables and statuses are called, in the languages of the exports that people have.

Plain data: every phrase is in plain words (`leadcast.features.inspection.wording.plain_words`), in
English, German, French, Spanish, Portuguese, Italian and Dutch. Phrases are parted by a bar.
"""

from collections.abc import Mapping

from leadcast.features.inspection.wording import phrases

FIELDS: Mapping[str, tuple[str, ...]] = {
    name: phrases(text)
    for name, text in {
        "lead_id": """lead id|leadid|lead|lead number|lead no|lead nr|prospect id|prospect
            |contact id|record id|customer id|client id|lead key|lead code|lead uuid|case id
            |application id|interessent|interessenten id|interessentennummer|lead nummer
            |kontakt id|kontakt nr|kundennummer|id del lead|id lead|id prospecto|id cliente
            |id contacto|identifiant|id prospect|numero de prospect|id contato|id do lead
            |codigo do lead|id contatto|id klant|lead id nummer|leadnummer|relatienummer
            |external id|id|do not modify lead|record id contact
            |record id lead""",
        "account_id": """account id|company id|organization id|organisation id|organisations id
            |account|accountid|parent account id|firma id|firmen id|firmennummer|unternehmen id
            |id empresa|id compte|id entreprise|id azienda|bedrijf id|associated company ids
            |associated company id|associatedcompanyid|household id|account number
            |record id company""",
        "deal_id": """deal id|opportunity id|opportunityid|converted opportunity id
            |verkaufschance|verkaufschance id|angebot id|angebotsnummer|id oportunidad
            |id opportunite|id affaire|id negocio|id oportunidade|id opportunita|kans id
            |associated deal ids|associated deal|qualifying opportunity id|record id deal""",
        "contact_id": """contact id|converted contact id|associated contact ids
            |associated contact|person id|kontakt id""",
        "created_at": """created|created at|created on|created date|created time|create date
            |create time|createdate|creation date|creation time|date created|date entered
            |date added|add time|added on|registered at|registration time|registration date
            |sign up date|signup date|signup at|sign up at|signup time|sign up time|signed up at
            |signed up on|registered on|joined at|joined on|date joined|join date|opted in at
            |opted in on|opt in at|opt in date|opt in time|subscribed at|subscribed on
            |inquiry date|lead created|lead date|lead created date
            |received|received at|date received|engage date|engaged on|first contact date
            |first contact|date of first contact|contact date|opened|opened at|open date
            |date opened|submitted|submitted at|submission date|request date|application date
            |start date|delivered|delivered at|delivered on
            |posted at|inquired at|inquired on|inquiry time|enquiry date|submit date|submit time
            |entry date|entered on|erstellt|erstellt am|erstelldatum|erstellungsdatum|angelegt
            |angelegt am
            |anlagedatum|anlage am|eingang|eingangsdatum|eingegangen am|anfragedatum
            |fecha de creacion|fecha creacion|fecha alta|fecha de alta|creado|creado el
            |fecha de entrada|date de creation|cree le|date creation|creation|date d entree
            |data de criacao|data criacao|criado em|data de cadastro|data cadastro
            |data di creazione|data creazione|creato il|data inserimento|aangemaakt
            |aangemaakt op|aanmaakdatum|datum aangemaakt|ingevoerd op|signed up|registered|joined
            |opted in""",
        "won_at": """won at|won time|won date|won on|date won|deal won time
            |became a customer date|customer since|conversion date|converted at|converted date
            |converted time|converted date time|date converted|purchase date
            |purchased at|signed at|enrolled at|enrolled on|enrollment date|funded at|funded on
            |funded date|funding date|date funded|contract date|closed won date|gewonnen am
            |abschluss am
            |vertragsdatum|kunde seit|kaufdatum|fecha de ganado|ganado el|fecha ganada
            |fecha de compra|fecha de cierre ganado|gagne le|date de gain|date de signature
            |date d achat|ganho em|data de ganho|data da compra|vinto il|data vincita
            |data di acquisto|gewonnen op|klant sinds|datum gewonnen""",
        "lost_at": """lost at|lost time|lost date|lost on|date lost|deal lost time
            |closed lost date|disqualified at|disqualified date|verloren am|abgesagt am
            |absage am|perdido el|fecha de perdida|fecha perdida|perdu le|date de perte
            |perdido em|data de perda|perso il|data perdita|verloren op|datum verloren""",
        "closed_at": """closed at|closed|closed on|closed date|close date|close time
            |closing date|date closed|actual close date|deal close time|deal closed on
            |outcome date|outcome time|closed time|date of outcome|end date|ended at|decided at
            |decided on|decision date|date of decision|status date|status time|status changed at
            |status changed on|status change date|disposition date|entschieden am
            |entscheidungsdatum|statusdatum|date de decision|fecha de decision
            |abgeschlossen am|abgeschlossen|abschlussdatum|abschluss|geschlossen am|enddatum
            |fecha de cierre|fecha cierre|cerrado el|date de cloture|date cloture|cloture le
            |date de fermeture|data de fechamento|data fechamento|fechado em|data di chiusura
            |data chiusura|chiuso il|sluitingsdatum|afgesloten op|gesloten op|afsluitdatum""",
        "amount": """amount|deal value|value|actual value|actual revenue|deal amount
            |contract value|order value|umsatz|auftragswert|betrag|wert|vertragswert|importe
            |valor|valor del negocio|montant|valeur|valor do negocio|importo|valore|bedrag
            |waarde|ordersum|expected revenue""",
        "occurred_at": """occurred at|time|timestamp|event time|event date|date|datetime
            |activity date|activity time|happened at|at|marked as done time|done time|completed at
            |completed on|completed date|completed time|date completed|created at|created date
            |created time|start time|started|date start|actual end|due date|zeit|zeitpunkt
            |zeitstempel|datum
            |fecha|fecha y hora|hora|quando|date heure|data|data e ora|data hora|tijd|tijdstip
            |erstellt am""",
        "event_type": """event type|type|event|event name|activity|activity type|action|kind
            |task subtype|activity type code|channel|typ|art|ereignis|aktivitat|aktion|tipo
            |evento|accion|type d evenement|evenement|acao|tipo de evento|azione|soort
            |gebeurtenis|activiteit""",
        "value": "value|duration|seconds|quantity|dauer|wert|valor|duree|durata|duur",
        "deleted": "deleted|is deleted|isdeleted|geloscht|eliminado|supprime|excluido|eliminato",
    }.items()
}
"""Columns with a meaning of their own, by field."""
RECURRING = phrases("acv|tcv|arr|mrr|new arr|new mrr")
"""What a deal is worth where it is a subscription; elsewhere it may be an attribute."""

ROLES: Mapping[str, tuple[str, ...]] = {
    name: phrases(text)
    for name, text in {
        "job_title": """job title|title|jobtitle|position|job position|function|role
            |job function|contact title|position title|berufsbezeichnung|jobtitel|funktion
            |stellenbezeichnung|cargo|puesto|poste|fonction|intitule du poste|cargo funcao
            |funcao|ruolo|qualifica|posizione|functie|functietitel""",
        "company_size": """company size|employees|number of employees|no of employees
            |num employees|numberofemployees|numemployees|employee count|employee range
            |headcount|mitarbeiter|mitarbeiterzahl|anzahl mitarbeiter|anzahl der mitarbeiter
            |empleados|numero de empleados|effectif|nombre d employes|nombre de salaries
            |tamano de la empresa|funcionarios|numero de funcionarios|dipendenti
            |numero dipendenti|numero di dipendenti|medewerkers|aantal medewerkers|people count
            |unternehmensgrosse|firmengrosse""",
        "revenue": """annual revenue|annualrevenue|revenue|company revenue|turnover|jahresumsatz
            |umsatz im jahr|ingresos anuales|facturacion|facturacion anual|chiffre d affaires
            |ca annuel|receita anual|faturamento|faturamento anual|fatturato|fatturato annuo
            |jaaromzet|omzet""",
        "industry": """industry|industry id|industry code|industrycode|sector|branch|branche
            |wirtschaftszweig|industria|sector de actividad|secteur|secteur d activite|setor
            |ramo|settore|bedrijfstak|industrie""",
        "country": """country|country code|country region|mailing country|billing country
            |address1 country|address country|primary address country|land|pais|pays|paese
            |nazione|country id|ip country""",
        "email": """email|e mail|email address|e mail address|emailaddress1|email from
            |work email|primary email|email1|e mail adresse|mail|mailadresse|correo
            |correo electronico|courriel|adresse e mail|adresse mail|indirizzo email
            |posta elettronica|e mailadres|person email""",
        "phone": """phone|phone number|telephone|telephone1|business phone|mobile|mobile phone
            |phone work|phone mobile|telefon|telefonnummer|handy|mobil|telefono|movil
            |numero de telefono|numero de telephone|telefone|celular|cellulare|telefoon
            |telefoonnummer|person phone""",
        "source": """lead source|source|leadsource|lead source code|leadsourcecode
            |original source|original traffic source|hs analytics source|channel|lead channel
            |source channel|utm source|traffic source|source id|quelle|leadquelle|lead quelle
            |herkunft|kanal|fuente|origen|fuente del lead|origen del lead|canal
            |source du prospect|origine|provenance|origem|fonte|fonte del lead|canale
            |provenienza|bron|leadbron|herkomst|kanaal""",
        "vendor": "vendor|lead vendor|supplier|provider|lead provider|anbieter|lieferant"
        "|proveedor|fournisseur|fornecedor|fornitore|leverancier|partner",
        "campaign": """campaign|campaign name|utm campaign|campaign id|primary campaign|kampagne
            |campana|campagne|campanha|campagna|hs analytics source data 1""",
        "cost": "cost|lead cost|cost per lead|price|kosten|leadkosten|coste|cout|custo|costo",
    }.items()
}
"""Attributes whose name has a meaning to Leadcast."""

TABLES: Mapping[str, tuple[str, ...]] = {
    name: phrases(text)
    for name, text in {
        "leads": """lead|leads|prospect|prospects|inquiry|inquiries|enquiry|enquiries|crm lead
            |interessent|interessenten|anfragen|prospecto|prospectos|prospectus|prospecten
            |potenciales|cases|applications|leads export""",
        "contacts": """contact|contacts|person|persons|people|kontakt|kontakte|contacto
            |contactos|contato|contatos|contatto|contatti|contacten|personen|customers|clients
            |kunden|clientes|clienti|klanten""",
        "deals": """deal|deals|opportunity|opportunities|verkaufschance|verkaufschancen|angebote
            |geschafte|oportunidad|oportunidades|negocios|opportunite|opportunites|affaires
            |opportunita|trattative|kansen|outcomes|outcome|results|orders|sales|won|auftrage
            |ergebnisse|resultados|ventas|resultats|ventes|vendas|esiti|vendite|verkopen""",
        "accounts": """account|accounts|company|companies|organization|organizations
            |organisation|organisations|firma|firmen|unternehmen|empresa|empresas|cuentas
            |entreprise|entreprises|comptes|contas|azienda|aziende|bedrijf|bedrijven
            |res partner""",
        "events": """event|events|activity|activities|touch|touches|interactions|visits|clicks
            |engagements|calls|emails|meetings|tasks|task|history|log|logs|web events|timeline
            |aktivitat|aktivitaten|ereignisse|kontakthistorie|anrufe|besuche|actividades|eventos
            |llamadas|visitas|activites|evenements|appels|visites|atividades|chamadas|attivita
            |eventi|chiamate|activiteiten|gebeurtenissen|campaign member|campaign members""",
    }.items()
}
"""What tables are called."""

STATUS_NAMES = phrases(
    """status|lead status|deal status|state|statecode|state code|stage|stage name|deal stage
        |sales stage|stage id|outcome|result|won status|lifecycle stage|lead state|phase|stufe
        |ergebnis|leadstatus|verkaufsphase|estado|etapa|fase|resultado|estado del lead|statut
        |etape|resultat|situacao|stato|esito|stadio|uitkomst|resultaat|verkoopfase
        |status do lead|opportunity stage"""
)
"""Columns that name how a lead stands."""
NOT_OF_EVENTS = phrases(
    """bound|invalid|spam|fake|deposited|bad number|wrong number|invalid number|do not call
        |do not contact"""
)
"""Words that say how a lead ended where they are its status, and of an event something else: an
inbound call, a message that was called spam."""
OTHER_STATUSES = phrases(
    """email|e mail|mail|phone|mobile|telephone|address|consent|subscription|marital|employment
        |telefon|adresse|telefono|direccion|indirizzo"""
)
"""In the name of a status that is not the lead's."""
FLAG_NAMES = phrases(
    """converted|is converted|won|is won|iswon|is closed won|closed won|customer|is customer
        |sold|bought|purchased|conversion|y|target|label|deal won|gewonnen|kunde|ist kunde
        |konvertiert|ganado|ganada|convertido|cliente|es cliente|gagne|converti|client
        |est client|ganho|e cliente|vinto|convertito|geconverteerd|klant|is klant|abgeschlossen"""
)
"""Columns that say yes or no to the question whether a lead was won."""

SCORES = phrases(
    """lead score|score|hubspot score|hubspotscore|leadscore|points|lead points|rules score
        |rating score|lead scoring|total score|fit score|engagement score|punkte|leadpunkte
        |bewertung|puntos|puntuacion|puntaje|points du lead|pontos|pontuacao|punti|punteggio
        |punten|activity score|profile score|behavior score|demographic score"""
)
"""Points that marketing has today."""

LOST_WORDS = phrases(
    """lost|not converted|unqualified|disqualified|not qualified|dead|junk|rejected|declined
        |cancelled|canceled|not interested|no interest|abandoned|closed lost|duplicate
        |bad timing|bad fit|unresponsive|no response|bad number|wrong number|invalid number
        |invalid|spam|fake|do not call|do not contact|does not qualify|did not qualify|ineligible
        |not eligible|denied|withdrawn|withdrew|not enrolled|did not enroll|out of area
        |bought elsewhere|a declined|a cancelled|churned|verloren
        |nicht gewonnen|abgelehnt|abgesagt|disqualifiziert|kein interesse|unqualifiziert
        |storniert|absage|tot|perdido|perdida|perdidos|descartado|descartada|no calificado
        |rechazado|rechazada|no interesado|cancelado|cancelada|perdu|perdue|refuse|refusee
        |abandonne|abandonnee|non qualifie|disqualifie|sans suite|annule|desqualificado
        |desqualificada|nao qualificado|rejeitado|recusado|perso|persa|rifiutato|rifiutata
        |scartato|non qualificato|non interessato|annullato|afgewezen|afgevallen
        |gediskwalificeerd|geen interesse|niet gewonnen|geannuleerd"""
)
"""Read first: "not converted" is no "converted"."""
WON_WORDS = phrases(
    """won|closed won|closedwon|converted|customer|client won|signed|sold|purchased|accepted
        |success|successful|enrolled|paid|active customer|contract signed|approved|bought
        |funded|closed funded|loan funded|bound|policy issued|policy sold|matriculated|deposited
        |gewonnen|kunde|abgeschlossen|auftrag|beauftragt|verkauft|erfolgreich|unterschrieben
        |konvertiert|ganado|ganada|ganadas|cliente|vendido|vendida|cerrado ganado|cerrada ganada
        |convertido|firmado|gagne|gagnee|client|vendu|vendue|signe|signee|converti|conclu
        |remporte|ganho|ganha|fechado ganho|vinto|vinta|venduto|acquisito|firmato|convertito
        |chiuso vinto|klant|verkocht|getekend|geconverteerd"""
)
OPEN_WORDS = phrases(
    """new|open|attempting|no answer|left message|voicemail|call back|callback|engaging|engaged
        |working|in progress|contacted|attempted|attempted to contact
        |nurture|nurturing|qualified|assigned|in process|proposal|negotiation|meeting|demo
        |pending|follow up|connected|prospecting|qualification|needs analysis|value proposition
        |id decision makers|perception analysis|proposal price quote|negotiation review|lead
        |subscriber|marketing qualified lead|sales qualified lead|opportunity|evangelist|other
        |recycled|lead in|contact made|demo scheduled|proposal made|negotiations started
        |pre qualified|contact in future|not contacted|open deal|in negotiation|proposition
        |appointment scheduled|qualified to buy|presentation scheduled|decision maker bought in
        |contract sent|develop|propose|close|qualify|warm|hot|cold|identify decision makers
        |proposal quote|on hold|marketingqualifiedlead|salesqualifiedlead|appointmentscheduled
        |qualifiedtobuy|presentationscheduled|decisionmakerboughtin|contractsent|neu|offen
        |in bearbeitung|kontaktiert|angebot|verhandlung|qualifiziert|in arbeit|termin|nuevo
        |zu kontaktieren|nueva|abierto|abierta|en curso|en proceso|contactado|contactada
        |propuesta|negociacion
        |calificado|calificada|nouveau|nouvelle|a contacter|a relancer|a rappeler|ouvert
        |ouverte|en cours|contacte|contactee
        |proposition|negociation|qualifie|novo|nova|aberto|aberta|em andamento|contatado
        |proposta|negociacao|qualificado|nuovo|nuova|aperto|aperta|in corso|contattato
        |contattata|trattativa|qualificato|nieuw|in behandeling|gecontacteerd|voorstel
        |onderhandeling|gekwalificeerd"""
)

AFTERWARDS: Mapping[str, tuple[str, ...]] = {
    reason: phrases(text)
    for reason, text in {
        "says why or how the lead ended": """close reason|closed reason|lost reason|loss reason
            |win reason|won reason|closed won reason|closed lost reason|reason for loss
            |status reason|statuscode|disqualification reason|unqualified reason|verlustgrund
            |grund|absagegrund|motivo de perdida|motivo de cierre|raison de perte|motif de perte
            |motivo de perda|motivo da perda|motivo di perdita|motivo perdita|reden verlies
            |verliesreden|lost reason id|competitor""",
        "moves on as the lead does, and tells how far it came": """stage|sales stage|deal stage
            |lifecycle stage|lead status|status|state|statecode|state code|stage name|stage id
            |phase|probability|automated probability|forecast|forecast category
            |wahrscheinlichkeit|probabilidad|probabilite|probabilidade|probabilita
            |kans op succes|pipeline stage|verkaufsphase|etapa|fase|etape|stadio|priority stage
            |last notable activity|status detail|won status|is closed|isclosed|is won|iswon
            |active|etat|estado|statut|stato|stufe|last stage|days in stage""",
        "comes with the deal, so only leads that got so far have it": """amount|deal value
            |deal amount|expected revenue|actual revenue|actual value|estimated value
            |weighted value|contract value|order value|auftragswert|betrag|importe|montant
            |importo|bedrag|valor del negocio|valor do negocio|converted|converted date
            |converted time|converted account id|converted account|converted contact id
            |converted contact|converted opportunity id|converted opportunity|converted deal
            |is converted|converted at|converted by|conversion time|lead conversion time
            |qualifying opportunity id|contact id converted|opportunity id|opportunity amount
            |opportunity name|associated deal|associated deal ids|number of associated deals
            |num associated deals|recent deal amount|recent deal close date
            |first deal created date|total revenue|became a customer date
            |became an opportunity date|days to close|time to close|close date|closed date
            |closing date|date closed|won time|lost time|close time|expected close date
            |date conversion|abschlussdatum|fecha de cierre|date de cloture|data de fechamento
            |data di chiusura|sluitingsdatum|order number|contract number|vertragsnummer
            |customer number|invoice number|outcome|outcome time|outcome date|converted deal id
            |archive time|product amount|product quantity|became a lead date
            |became a subscriber date|became a marketing qualified lead date
            |became a sales qualified lead date|became an evangelist date|next step
            |date last stage update""",
        "is known only once somebody has spoken with the lead": """duration|call duration
            |talk time|gesprachsdauer|dauer|duracion|duree de l appel|duracao|durata|duur""",
        "changes with every edit of the record": """last modified|last modified date
            |last modified by|last modified by id|last modified time|modified|modified on
            |modified by|modified time|date modified|update time|updated|updated at|updated on
            |last updated|last update|lastmodifieddate|system modstamp|write date|write uid
            |modified user id|geandert am|zuletzt geandert|anderungsdatum|geandert
            |fecha de modificacion|ultima modificacion|modificado el|date de modification
            |modifie le|data de modificacao|ultima modifica|data modifica|gewijzigd op
            |laatst gewijzigd|last viewed date|row checksum|change log time|locked
            |last enriched time|enrich status|is unread by owner|email bounced date
            |email bounced reason|archive status|last referenced date|last updated on
            |last transfer date""",
        "goes on until the day of the export": """last activity|last activity date
            |last activity time|last contacted|last contact|last event time|last event|n events
            |number of events|activities to do|done activities|total activities
            |next activity date|next activity|email messages count|next activity status
            |notes last contacted|notes last updated|num notes|num contacted notes
            |number of times contacted|number of sales activities|number of pageviews
            |number of sessions|number of form submissions|number of unique forms submitted
            |number of associated deals|last engagement date|last touch|letzte aktivitat
            |letzter kontakt|ultima actividad|ultimo contacto|derniere activite|dernier contact
            |ultima atividade|ultimo contato|ultima attivita|laatste activiteit|last touchpoint
            |time in status|last email|last call|deal activities|days since|activity count
            |first response time|number of calls|last stage change|stage change time
            |last email received|last email sent|most recent visit|days visited|number of chats
            |average time spent minutes|follow up date|call back date|next follow up
            |unsubscribed time|unsubscribed mode""",
        "is the seller's own judgement, written after contact": """rating|lead rating|tags|tag
            |lead quality|lead profile|quality|lead quality code|leadqualitycode|notes|remarks
            |comments|temperature|lead grade|grade|qualification|disposition|label|labels
            |bewertung|bemerkung|bemerkungen|notizen|calificacion|notas|comentarios|remarques
            |commentaires|observacoes|note|opmerkingen|feedback|sales notes|call result
            |budget confirmed|decision maker""",
        "is who works on it, which sales decides and which changes": """owner|owner id
            |lead owner|contact owner|hubspot owner id|assigned user id|assigned to
            |assigned user|user id|salesperson|sales rep|account manager|resource|agent|team id
            |last modified by user|created by id|created by|inhaber|besitzer|zustandig
            |zustandiger|verkaufer|betreuer|propietario|responsable|vendedor|proprietaire
            |commercial|proprietario|responsavel|responsabile|venditore|eigenaar|verkoper
            |deal owner|hubspot team""",
    }.items()
}
"""Columns that are filled in or changed after the lead was scored, by the reason."""

PERSONAL = phrases(
    """name|first name|last name|full name|middle name|salutation|firstname|lastname|surname
        |given name|contact name|person name|lead name|street|address|postal code|zip|zip code
        |postcode|birthdate|birthday|vorname|nachname|anrede|ansprechpartner
        |ansprechpartnerin|kontaktperson|contact person|strasse|plz|geburtsdatum|nombre
        |apellido|apellidos|direccion|codigo postal|prenom|nom|adresse|code postal|nome
        |sobrenome|endereco|cep|cognome|indirizzo|cap|voornaam|achternaam|adres|description
        |website|subject|fax|linkedin|twitter|photo url|hs linkedin url|beschreibung|descripcion
        |descricao|descrizione|omschrijving|deal name|deal title|deal name|date of birth|dob
        |photo|folder url|opportunity"""
)
"""Names, addresses and free text of a person, which tell little and should not be copied around."""
