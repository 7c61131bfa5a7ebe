"""Dutch words of claims, and of what is no claim."""

# ruff: noqa: E501 - a table is read by the line

from services.domain.reading.lexicon import Lexicon
from services.domain.reading.tags import Deed, Tag, Thing

DUTCH = Lexicon(
    "nl",
    {
        (Tag.SETTLED, ""): "alles_is_geregeld alles_geregeld is_geregeld alles_in_orde_gemaakt helemaal_geregeld"
        " geregeld_voor_u alles_afgerond komt_in_orde_gemaakt het_is_gebeurd alles_gedaan alles_is_in_orde is_gepiept",
        (Tag.THING, Thing.REFUND): "terugbetaling restitutie terugstorting terugbetalingen geld_terug teruggave"
        " terugboeking",
        (Tag.THING, Thing.MONEY): "geld bedrag aankoopbedrag euro som verschil aankoopprijs totaalbedrag",
        (Tag.THING, Thing.PAYMENT): "betaling",
        (Tag.THING, Thing.CREDIT): "tegoed tegoedbon cadeaubon voucher waardebon winkeltegoed creditnota kortingsbon",
        (Tag.THING, Thing.LABEL): "label retourlabel verzendlabel retouretiket etiket retourformulier verzendetiket labels"
        " retourbon qr-code",
        (Tag.THING, Thing.REPLACEMENT): "vervanging vervangend vervangende vervangproduct vervangexemplaar vervangstuk"
        " reserveonderdeel vervangingsproduct",
        (Tag.THING, Thing.EXCHANGE): "omruiling ruiling omruil",
        (Tag.THING, Thing.RETURN): "retour retouraanvraag retourzending retourmelding retourverzoek retouraanmelding",
        (Tag.THING, Thing.CANCELLATION): "annulering",
        (Tag.THING, Thing.ORDER): "bestelling order bestellingen",
        (Tag.THING, Thing.ADDRESS): "adres bezorgadres afleveradres adresgegevens",
        (Tag.THING, Thing.EMAIL): "e-mail email mail bericht mailtje sms",
        (Tag.THING, Thing.NOTICE): "bevestiging instructies informatie details bevestigingsmail trackingcode link factuur"
        " gegevens",
        (Tag.THING, Thing.PHOTOS): "foto's foto fotos afbeeldingen uploadlink",
        (Tag.THING, Thing.PICKUP): "ophaling ophaalafspraak koerier afhaling",
        (Tag.THING, Thing.PARCEL): "artikel product pakket zending levering pakketje exemplaar",
        (Tag.THING, Thing.NEW): "nieuwe nieuw",
        (Tag.THING, Thing.CASE): "zaak dossier klacht ticket verzoek melding",
        (Tag.THING, Thing.DISCOUNT): "korting kortingscode compensatie",
        (Tag.THING, Thing.NEUTRAL): "controle inspectie keuring creditcard e-mailadres retourtermijn bedenktijd retourbeleid bestelnummer wasetiket"
        " retourkosten retouradres verzendkosten ordernummer label_in_de label_op_de retourvoorwaarden retourreden",
        (Tag.DONE, Deed.REFUND): "terugbetaald gerestitueerd vergoed teruggestort teruggeboekt",
        (Tag.DONE, Deed.PAY): "overgemaakt gestort bijgeschreven uitbetaald gecrediteerd",
        (Tag.DONE, Deed.PAID): "betaald teruggegeven",
        (Tag.DONE, Deed.SEND): "gestuurd verstuurd verzonden toegestuurd gezonden doorgestuurd_naar_u opgestuurd nagestuurd"
        " toegezonden naar_je_verstuurd stuurde stuurden",
        (Tag.DONE, Deed.EMAIL): "gemaild",
        (Tag.DONE, Deed.SHIP): "de_deur_uit vertrokken nageleverd meegegeven ingepakt verscheept",
        (Tag.DONE, Deed.CREATE): "aangemaakt gemaakt gegenereerd opgesteld uitgegeven toegekend vrijgegeven uitgeschreven"
        " klaargezet",
        (Tag.DONE, Deed.START): "gestart ingediend aangevraagd geboekt ingepland geregistreerd opgestart geopend"
        " in_gang_gezet ingezet aangemeld gepland afgesproken geregeld besteld_voor_u in_werking_gezet doorgegeven ingevoerd",
        (Tag.DONE, Deed.COMPLETE): "verwerkt uitgevoerd afgerond voltooid gedaan afgehandeld gelukt doorgevoerd voldaan"
        " opgelost",
        (Tag.DONE, Deed.CANCEL): "geannuleerd ingetrokken stopgezet afgezegd",
        (Tag.DONE, Deed.CHANGE): "gewijzigd aangepast bijgewerkt veranderd gecorrigeerd",
        (Tag.DONE, Deed.EXCHANGE): "geruild omgeruild",
        (Tag.DONE, Deed.REPLACE): "vervangen",
        (Tag.DONE, Deed.ADD): "toegevoegd bijgeboekt gezet",
        (Tag.DONE, Deed.ESCALATE): "doorgestuurd geëscaleerd ingelicht gemeld verwijderd",
        (Tag.DONE, Deed.ASK): "gevraagd",
        (Tag.DONE, Deed.ATTACH): "bijgevoegd bijgesloten in_de_bijlage",
        (Tag.DONE, Deed.MARK): "gemarkeerd",
        (Tag.PRESENT, Deed.SEND): "sturen stuur verzenden verstuur versturen",
        (Tag.PRESENT, Deed.REFUND): "betalen betaal vergoeden terugbetalen",
        (Tag.PRESENT, Deed.COMPLETE): "verwerken verwerk annuleren annuleer",
        (Tag.PAST_SAFE, ""): "bekeken gecontroleerd ontvangen gelezen gezien goedgekeurd geaccepteerd afgewezen begrepen"
        " beoordeeld nagekeken gevonden geleverd besteld gekocht beschadigd gezegd geschreven onderzocht bezorgd mislukt"
        " akkoord genoteerd aangekomen geweest gehad mogelijk gegaan gehoord vastgesteld bevestigd gewild geholpen"
        " verlopen geretourneerd aangetroffen",
        (Tag.HAVE, ""): "heb hebben heeft hebt had hadden",
        (Tag.BE, ""): "is zijn staat staan ligt zit bent",
        (Tag.WAS, ""): "werd werden was waren",
        (Tag.BEEN, ""): "geworden",
        (Tag.FUTURE, ""): "hadden_we hadden_wij had_ik zal zullen gaan wordt worden zou zouden gaat ontvangt krijgt",
        (Tag.MODAL, ""): "geprobeerd probeerde kan kunnen kunt mag moet moeten wil willen graag zouden_we laten",
        (Tag.TO, ""): "te om",
        (Tag.NOT, ""): "niet geen nooit nog_niet zonder noch niemand niets helaas_niet",
        (Tag.IF, ""): "als indien zodra wanneer mits tenzij voordat totdat na_ontvangst mocht of tot",
        (Tag.WHEN, ""): "nadat toen",
        (Tag.THAT, ""): "dat die welke",
        (Tag.ASSERT, ""): "bevestigen bevestig laten_weten meedelen",
        (Tag.RECORDS, ""): "volgens_onze volgens_ons ik_zie we_zien het_lijkt blijkbaar volgens_het_systeem",
        (Tag.SAID, ""): "u_schreef u_schrijft u_zegt u_zei u_gaf_aan u_vermeldt je_schreef je_schrijft je_zegt je_zei je_geeft_aan jij_schrijft je_vermeldt je_denkt volgens_u",
        (Tag.US, ""): "we wij ik ons_team ons_magazijn mijn_collega onze_collega",
        (Tag.YOU, ""): "u jij je klanten klant",
        (Tag.IT, ""): "het dit deze alles beide",
        (Tag.NOW, ""): "zojuist al reeds net nu vandaag inmiddels op_dit_moment momenteel bij_deze hierbij gisteren meteen"
        " direct intussen onmiddellijk",
        (Tag.ADVERB, ""): "ook dus dan natuurlijk daarnaast eveneens geen_probleem geen_zorgen niet_alleen volledig",
        (Tag.LATER, ""): "morgen binnenkort straks binnen spoedig later volgende over_enkele maandag dinsdag woensdag"
        " donderdag vrijdag",
        (Tag.BEFORE, ""): "vorige destijds eerder",
        (Tag.PREPOSITION, ""): "voor van met naar aan op in bij over via per uit volgens wegens",
        (Tag.DET, ""): "de een",
        (Tag.POSSESSIVE, ""): "uw jouw onze ons mijn",
        (Tag.ANY, ""): "meestal normaliter altijd beleid voorwaarden regel gewoonlijk elke iedere alle doorgaans",
        (Tag.AND, ""): "en & alsook",
        (Tag.BUT, ""): "maar echter terwijl omdat want hoewel zodat",
        (Tag.PLACE, ""): "in_uw_inbox in_je_inbox in_uw_mailbox onderweg in_behandeling op_weg op_uw_rekening in_uw_mail"
        " op_je_rekening in_je_mailbox klaar in_uw_postvak terug_op_uw_rekening in_uw_e-mail op_uw_kaart onderaan_deze",
        (Tag.FIND, ""): "vindt vinden zien downloaden printen bekijken ziet",
        (Tag.WHAT, ""): "wat hoe waarom waar wie welk heeft_u hebt_u heb_je is_uw",
        (Tag.TICK, ""): "✔ urllink ok",
        (Tag.CROSS, ""): "✘ ⌛ openstaand",
    },
    stems=[(r"(?:retour|verzend)\w*(?:label|etiket)\w*", (Tag.THING, Thing.LABEL)), (r"terugbetaling\w*", (Tag.THING, Thing.REFUND))],
    hints="de het een en is zijn we u uw niet van voor met aan op ik heb hebben heeft dat die al ook nog wordt worden"
    " goedemiddag goedendag beste wij ons onze er naar bij je geachte te om maar als",
    known="",
    number_words={
        "een": 1, "twee": 2, "drie": 3, "vier": 4, "vijf": 5, "zes": 6, "zeven": 7, "acht": 8, "negen": 9, "tien": 10,
        "twintig": 20, "dertig": 30, "veertig": 40, "vijftig": 50, "honderd": 100,
    },
    currencies={"euro": "EUR", "dollar": "$", "pond": "GBP"},
    verb_last=True,
)  # fmt: skip
