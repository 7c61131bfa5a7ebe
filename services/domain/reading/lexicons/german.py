"""German words of claims, and of what is no claim. Written with umlauts; folding and ae/oe/ue are added."""

# ruff: noqa: E501 - a table is read by the line

from services.domain.reading.lexicon import Lexicon
from services.domain.reading.tags import Deed, Tag, Thing

GERMAN = Lexicon(
    "de",
    {
        (Tag.SETTLED, ""): "das_wäre_erledigt damit_erledigt alles_erledigt alles_geregelt ist_erledigt schon_erledigt bereits_erledigt ist_geregelt"
        " alles_in_die_wege_geleitet wäre_das_erledigt alles_abgeschlossen alles_klar_gemacht alles_fertig"
        " ist_alles_geklärt alles_bereit erledigt_und fertig_für_sie alles_veranlasst sache_erledigt",
        (Tag.THING, Thing.REFUND): "erstattung rückerstattung rückzahlung erstattungen rückerstattungen kaufpreiserstattung"
        " teilerstattung vollerstattung rückbuchung rücküberweisung kaufpreisrückerstattung",
        (Tag.THING, Thing.MONEY): "geld betrag kaufpreis summe rechnungsbetrag differenzbetrag euro differenz gesamtbetrag",
        (Tag.THING, Thing.PAYMENT): "zahlung bezahlung",
        (Tag.THING, Thing.CREDIT): "gutschein gutscheincode guthaben gutschrift einkaufsgutschein shopguthaben gutscheine"
        " warengutschein kundenguthaben gutschriften geschenkgutschein",
        (Tag.THING, Thing.LABEL): "etikett label rücksendeetikett retourenlabel rücksendelabel retourenetikett"
        " versandetikett versandlabel retourenschein rücksendeschein paketmarke paketschein rücksendemarke qr-code"
        " retourenmarke etiketten rücksendeaufkleber versandmarke dhl-label retourenaufkleber",
        (Tag.THING, Thing.REPLACEMENT): "ersatz ersatzlieferung ersatzartikel ersatzgerät ersatzteil ersatzprodukt"
        " ersatzware nachlieferung ersatzexemplar ersatzsendung ersatzteile austauschgerät",
        (Tag.THING, Thing.EXCHANGE): "umtausch austausch",
        (Tag.THING, Thing.RETURN): "retoure rücksendung rückgabe retouren rücksendungen rückgabeantrag retourenantrag"
        " rücksendeauftrag retourenauftrag widerruf retourenanmeldung",
        (Tag.THING, Thing.CANCELLATION): "stornierung storno",
        (Tag.THING, Thing.ORDER): "bestellung auftrag bestellungen",
        (Tag.THING, Thing.ADDRESS): "adresse anschrift lieferadresse lieferanschrift versandadresse",
        (Tag.THING, Thing.EMAIL): "e-mail email mail nachricht sms e-mails mails",
        (Tag.THING, Thing.NOTICE): "bestätigung anleitung details informationen bestätigungsmail sendungsnummer link"
        " versandbestätigung unterlagen rechnung anweisungen infos hinweise",
        (Tag.THING, Thing.PHOTOS): "fotos foto bilder bild aufnahmen upload-link",
        (Tag.THING, Thing.PICKUP): "abholung abholtermin kurier",
        (Tag.THING, Thing.PARCEL): "artikel produkt ware paket sendung lieferung päckchen",
        (Tag.THING, Thing.NEW): "neue neues neuen neuer neugerät",
        (Tag.THING, Thing.CASE): "fall vorgang anliegen ticket reklamation anfrage beschwerde",
        (Tag.THING, Thing.DISCOUNT): "rabatt rabattcode preisnachlass entschädigung bonus",
        (Tag.THING, Thing.NEUTRAL): "prüfung untersuchung kontrolle begutachtung qualitätsprüfung kreditkarte rückgabefrist widerrufsfrist pflegeetikett e-mail-adresse rückgaberecht"
        " erstattungsrichtlinie waschetikett bestellnummer rücksendekosten rücksendeadresse lieferdatum rückgabebedingungen"
        " rückgaberichtlinie im_etikett etikett_im etikett_am etikett_auf label_auf label_im produktetikett versandkosten"
        " retourenzentrum auftragsnummer bestelldatum zahlungsmethode zahlungsart rückgabegrund",
        (Tag.DONE, Deed.REFUND): "erstattet rückerstattet zurückerstattet zurückgezahlt zurückbezahlt rückvergütet"
        " zurückgebucht",
        (Tag.DONE, Deed.PAY): "überwiesen zurücküberwiesen gutgeschrieben angewiesen ausgezahlt ausbezahlt rücküberwiesen",
        (Tag.DONE, Deed.PAID): "bezahlt gezahlt zurückgegeben zurückgesendet",
        (Tag.DONE, Deed.SEND): "gesendet geschickt zugesandt zugeschickt übermittelt verschickt versandt versendet"
        " zugestellt_per_mail zukommen_lassen übersandt nachgesendet hinausgeschickt rausgegangen herausgegangen rausgeschickt losgeschickt zugesendet"
        " übersendet nachgeschickt",
        (Tag.DONE, Deed.EMAIL): "gemailt zugemailt angeschrieben",
        (Tag.DONE, Deed.SHIP): "abgegangen auf_die_reise_geschickt abgeschickt abgesendet nachgeliefert aufgegeben losgegangen übergeben verpackt",
        (Tag.DONE, Deed.CREATE): "erstellt ausgestellt generiert angelegt erzeugt ausgedruckt gewährt erteilt freigegeben"
        " bereitgestellt",
        (Tag.DONE, Deed.START): "veranlasst eingeleitet gestartet beauftragt angestoßen initiiert eingereicht gebucht"
        " vereinbart organisiert registriert angemeldet erfasst geplant ausgelöst begonnen in_auftrag_gegeben"
        " in_die_wege_geleitet terminiert eröffnet vorgenommen eingetragen hinterlegt",
        (Tag.DONE, Deed.COMPLETE): "bearbeitet abgeschlossen durchgeführt erledigt abgewickelt ausgeführt verbucht"
        " fertiggestellt geregelt vollzogen getätigt erfolgt raus durch vollständig geklärt",
        (Tag.DONE, Deed.CANCEL): "storniert abgebrochen aufgehoben widerrufen annulliert zurückgezogen gestoppt",
        (Tag.DONE, Deed.CHANGE): "geändert aktualisiert angepasst korrigiert berichtigt umgestellt",
        (Tag.DONE, Deed.EXCHANGE): "umgetauscht ausgetauscht getauscht",
        (Tag.DONE, Deed.REPLACE): "ersetzt",
        (Tag.DONE, Deed.ADD): "hinzugefügt gutgebucht aufgebucht",
        (Tag.DONE, Deed.ESCALATE): "weitergeleitet eskaliert informiert gemeldet gelöscht benachrichtigt",
        (Tag.DONE, Deed.ASK): "gebeten angefordert",
        (Tag.DONE, Deed.ATTACH): "angehängt beigefügt anbei im_anhang",
        (Tag.DONE, Deed.MARK): "markiert vorgemerkt",
        (Tag.PRESENT, Deed.REFUND): "erstatten erstatte",
        (Tag.PRESENT, Deed.PAY): "überweisen überweise",
        (Tag.PRESENT, Deed.SEND): "schicken schicke senden sende versenden verschicken",
        (Tag.PRESENT, Deed.CREATE): "erstellen erstelle",
        (Tag.PRESENT, Deed.COMPLETE): "bearbeiten bearbeite veranlassen veranlasse stornieren storniere",
        (Tag.PAST_SAFE, ""): "geprüft gesehen erhalten gelesen angesehen genehmigt akzeptiert angenommen abgelehnt verstanden"
        " bestätigt gefunden geliefert bestellt gekauft beschädigt eingegangen angekommen festgestellt begutachtet notiert"
        " überprüft gescheitert fehlgeschlagen bewilligt anerkannt berechtigt möglich zurückgelegt entschieden bekommen"
        " betrachtet untersucht zugelassen zugestimmt gebraucht gemacht gegangen gewesen gewünscht gesagt geschrieben"
        " kaputtgegangen gesprochen gewartet geholfen gefreut eingetroffen zugestellt weitergeholfen gedauert geklappt"
        " abgelaufen vorgelegen",
        (Tag.HAVE, ""): "haben habe hat hatten hatte hab",
        (Tag.BE, ""): "ist sind bin liegt befindet befinden steht",
        (Tag.WAS, ""): "wurde wurden war waren",
        (Tag.BEEN, ""): "worden",
        (Tag.FUTURE, ""): "hätten_wir hätte_ich wird werden werde würden würde erhalten_sie bekommen_sie erhältst",
        (Tag.MODAL, ""): "versucht versuchte kann können könnten könnte muss müssen soll sollen sollte sollten möchten möchte darf dürfen will"
        " wollen lässt lassen gern gerne bitte",
        (Tag.TO, ""): "zu um_zu",
        (Tag.NOT, ""): "nicht kein keine keinen keiner keinerlei nie weder ohne leider_nicht noch_nicht niemand nichts"
        " keines keinem",
        (Tag.IF, ""): "wenn falls sobald sofern ob bevor bis soweit vorausgesetzt unter_der_voraussetzung im_falle"
        " wann sollten_sie nach_eingang nach_erhalt nach_prüfung erst ehe solange vor",
        (Tag.WHEN, ""): "nachdem",
        (Tag.THAT, ""): "dass das die der den welches welche",
        (Tag.ASSERT, ""): "dass bestätigen bestätige mitteilen",
        (Tag.RECORDS, ""): "laut_unseren laut_unserer laut_system unserer_unterlagen ich_sehe wir_sehen im_system_sehe"
        " offenbar anscheinend laut_sendungsverfolgung laut_bestellhistorie wie_ich_sehe es_scheint",
        (Tag.SAID, ""): "sie_schreiben_wir sie_schreiben sie_schrieben sie_sagten ihrer_aussage ihren_worten sie_erwähnten sie_geben_an"
        " sie_berichten ihnen_wurde_gesagt sie_behaupten laut_ihrer",
        (Tag.US, ""): "wir ich unser_team unser_lager unsere_buchhaltung mein_kollege meine_kollegin unser_versand",
        (Tag.YOU, ""): "sie du kunden kunde",
        (Tag.IT, ""): "es dies diese dieser alles beides sie_ist",
        (Tag.NOW, ""): "soeben bereits schon gerade jetzt hiermit heute eben derzeit momentan aktuell im_moment nun gestern"
        " zur_zeit zurzeit umgehend sofort augenblicklich gleich direkt",
        (Tag.ADVERB, ""): "auch daher dann ebenfalls natürlich selbstverständlich gern_geschehen zusätzlich außerdem"
        " vollständig nicht_nur erfolgreich kein_problem keine_sorge ohne_weiteres keine_angst",
        (Tag.LATER, ""): "morgen bald demnächst innerhalb in_kürze binnen nächste nächsten später spätestens kommenden"
        " montag dienstag mittwoch donnerstag freitag",
        (Tag.BEFORE, ""): "letzte letzten vorher damals vergangene vergangenen",
        (Tag.PREPOSITION, ""): "neben außer zusätzlich_zu für von mit bei nach über an auf zum zur per aus im in am gemäß laut wegen bezüglich"
        " hinsichtlich ihrem",
        (Tag.DET, ""): "ein eine einen einem einer dem des",
        (Tag.POSSESSIVE, ""): "ihre ihr ihren ihrer ihnen dein deine unsere unser unseren unserem",
        (Tag.ANY, ""): "üblicherweise normalerweise grundsätzlich generell richtlinie bedingungen klausel regel stets immer"
        " jede jeder jedes alle allgemein",
        (Tag.AND, ""): "und sowie & oder",
        (Tag.BUT, ""): "aber jedoch während weil da obwohl denn sondern damit",
        (Tag.PLACE, ""): "in_ihrem_posteingang in_ihrem_postfach unterwegs auf_dem_weg in_ihrem_e-mail-postfach"
        " in_bearbeitung auf_ihrem_konto in_deinem_postfach in_ihrer_mailbox in_der_post auf_dem_weg_zu"
        " auf_ihrer_karte bereit im_posteingang wieder_auf_ihrem_konto auf_deinem_konto in_ihrem_kundenkonto"
        " in_ihren_mails in_ihrer_inbox in_deinem_posteingang im_gange weiter_unten in_arbeit",
        (Tag.FIND, ""): "finden findest sehen abrufen herunterladen ausdrucken entnehmen",
        (Tag.WHAT, ""): "was wie warum wo wer welcher haben_sie ist_ihnen hast_du wurde_ihnen",
        (Tag.TICK, ""): "✔ urllink ok",
        (Tag.CROSS, ""): "✘ ⌛ ausstehend offen ausgeblieben fehlgeschlagen",
    },
    stems=[
        (r"\w*(?:rucksende|ruecksende|retouren|versand|return|paket)\w*(?:etikett|label|schein|marke|aufkleber)\w*", (Tag.THING, Thing.LABEL)),
        (r"(?:kaufpreis)?(?:ruck|rueck)?erstattung\w*", (Tag.THING, Thing.REFUND)),
        (r"(?:ersatz|austausch)\w+", (Tag.THING, Thing.REPLACEMENT)),
        (r"\w*gutschein\w*", (Tag.THING, Thing.CREDIT)),
    ],
    hints="der die das und ist sind haben wir ihnen ihre ihr sie nicht ein eine wurde für mit auf bitte ich den dem zu im"
    " werden wird bereits guten tag es uns von an des bei noch auch dass alles unsere mein dein schon herr frau sehr geehrte",
    known="erstattete erstatten erstellen bearbeiten geprüft bestellt gestellt erhalten enthalten",
    number_words={
        "ein": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "funf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9,
        "zehn": 10, "zwanzig": 20, "dreissig": 30, "vierzig": 40, "fünfzig": 50, "funfzig": 50, "hundert": 100,
    },
    currencies={"euro": "EUR", "franken": "CHF", "dollar": "$", "pfund": "GBP"},
    verb_last=True,
)  # fmt: skip
