"""Italian words of claims, and of what is no claim."""

# ruff: noqa: E501 - a table is read by the line

from services.domain.reading.lexicon import Lexicon
from services.domain.reading.tags import Deed, Tag, Thing

ITALIAN = Lexicon(
    "it",
    {
        (Tag.SETTLED, ""): "tutto_fatto è_tutto_a_posto tutto_a_posto tutto_sistemato è_tutto_sistemato tutto_risolto"
        " è_fatta tutto_in_ordine consideri_fatto tutto_pronto è_tutto_fatto già_fatto fatto_tutto è_tutto_risolto"
        " tutto_concluso lo_consideri_fatto",
        (Tag.THING, Thing.REFUND): "rimborso rimborsi richiesta_di_rimborso",
        (Tag.THING, Thing.MONEY): "importo denaro somma soldi euro cifra differenza",
        (Tag.THING, Thing.PAYMENT): "pagamento",
        (Tag.THING, Thing.CREDIT): "buono buono_acquisto credito voucher coupon carta_regalo buono_sconto nota_di_credito"
        " buono_regalo",
        (Tag.THING, Thing.LABEL): "etichetta etichette etichetta_di_reso etichetta_di_spedizione etichetta_per_il_reso"
        " codice_qr modulo_di_reso etichetta_prepagata lettera_di_vettura",
        (Tag.THING, Thing.REPLACEMENT): "sostituzione prodotto_sostitutivo articolo_sostitutivo ricambio pezzo_di_ricambio"
        " sostituto prodotto_in_sostituzione sostitutivo sostitutiva",
        (Tag.THING, Thing.EXCHANGE): "cambio scambio",
        (Tag.THING, Thing.RETURN): "reso resi richiesta_di_reso pratica_di_reso restituzione",
        (Tag.THING, Thing.CANCELLATION): "annullamento cancellazione",
        (Tag.THING, Thing.ORDER): "ordine ordini acquisto",
        (Tag.THING, Thing.ADDRESS): "indirizzo indirizzo_di_consegna indirizzo_di_spedizione",
        (Tag.THING, Thing.EMAIL): "e-mail email mail messaggio",
        (Tag.THING, Thing.NOTICE): "conferma istruzioni informazioni dettagli link fattura codice_di_tracciamento",
        (Tag.THING, Thing.PHOTOS): "foto immagini fotografie",
        (Tag.THING, Thing.PICKUP): "ritiro corriere",
        (Tag.THING, Thing.PARCEL): "articolo prodotto pacco spedizione consegna",
        (Tag.THING, Thing.NEW): "nuovo nuova altro altra",
        (Tag.THING, Thing.CASE): "pratica caso richiesta reclamo segnalazione",
        (Tag.THING, Thing.DISCOUNT): "sconto codice_sconto risarcimento",
        (Tag.THING, Thing.NEUTRAL): "verifica controllo ispezione carta_di_credito indirizzo_e-mail politica_di_reso politica_di_rimborso numero_d'_ordine"
        " etichetta_del_prodotto etichetta_sul spese_di_spedizione spese_di_reso data_di_consegna metodo_di_pagamento"
        " etichetta_nel numero_ordine condizioni_di_reso motivo_del_reso etichetta_sulla",
        (Tag.DONE, Deed.REFUND): "rimborsato rimborsata rimborsati rimborsate risarcito",
        (Tag.DONE, Deed.PAY): "accreditato accreditata bonificato versato riaccreditato versata",
        (Tag.DONE, Deed.PAID): "pagato restituito",
        (Tag.DONE, Deed.SEND): "inviato inviata inviati spedito spedita mandato mandata trasmesso inoltrato_a_lei rispedito"
        " recapitato rispedita",
        (Tag.DONE, Deed.SHIP): "partito partita affidato_al_corriere",
        (Tag.DONE, Deed.CREATE): "creato creata generato generata emesso emessa preparato preparata concesso predisposto"
        " predisposta",
        (Tag.DONE, Deed.START): "avviato avviata aperto aperta registrato registrata prenotato prenotata programmato"
        " programmata richiesto_il_rimborso disposto attivato organizzato disposta attivata proceduto inserito inserita",
        (Tag.DONE, Deed.COMPLETE): "effettuato effettuata elaborato elaborata completato completata eseguito eseguita"
        " processato concluso finalizzato sistemato fatto risolto evaso gestito",
        (Tag.DONE, Deed.CANCEL): "annullato annullata cancellato cancellata",
        (Tag.DONE, Deed.CHANGE): "modificato aggiornato cambiato_l' corretto aggiornata modificata",
        (Tag.DONE, Deed.EXCHANGE): "cambiato scambiato",
        (Tag.DONE, Deed.REPLACE): "sostituito sostituita",
        (Tag.DONE, Deed.ADD): "aggiunto applicato caricato",
        (Tag.DONE, Deed.ESCALATE): "inoltrato segnalato_il informato eliminato",
        (Tag.DONE, Deed.ATTACH): "allegato allegata in_allegato",
        (Tag.DONE, Deed.MARK): "contrassegnato",
        (Tag.ING, Deed.REFUND): "rimborsando",
        (Tag.ING, Deed.SEND): "inviando spedendo mandando",
        (Tag.ING, Deed.COMPLETE): "elaborando gestendo processando effettuando",
        (Tag.ING, Deed.CREATE): "generando preparando",
        (Tag.ING, Deed.CANCEL): "annullando",
        (Tag.PAST_SAFE, ""): "esaminato ricevuto controllato verificato visto letto accettato accettata approvato approvata"
        " rifiutato rifiutata consegnato consegnata ordinato acquistato danneggiato confermato richiesto notato capito"
        " fallito arrivato idoneo possibile constatato scritto detto indicato segnalato rotto ricevuta resi_entro"
        " autorizzato autorizzata analizzato avuto stato_consegnato disponibile",
        (Tag.HAVE, ""): "abbiamo ho ha hanno aveva",
        (Tag.BE, ""): "si_trova si_trovano la_aspetta è sono stiamo sto risulta",
        (Tag.WAS, ""): "era erano fu viene_ora abbiamo_appena",
        (Tag.BEEN, ""): "stato stata stati state",
        (Tag.FUTURE, ""): "sarà saranno verrà verranno riceverà sarebbe potrà riceverai avremmo avrei avrebbe avrebbero saremmo",
        (Tag.MODAL, ""): "possiamo può possono posso deve devono desidera vuole potrebbe vorremmo potremmo poter prego provato_a cercato_di tentato_di provato"
        " possa",
        (Tag.TO, ""): "per_poter al_fine",
        (Tag.NOT, ""): "non mai nessun nessuna alcun senza né niente nessuno nulla",
        (Tag.IF, ""): "se quando appena non_appena una_volta prima finché qualora dopo_aver_ricevuto purché salvo"
        " in_attesa a_condizione al_ricevimento",
        (Tag.WHEN, ""): "dopo",
        (Tag.THAT, ""): "che",
        (Tag.ASSERT, ""): "confermiamo confermo informiamo comunichiamo comunico confermarle informarla sappia dirle",
        (Tag.RECORDS, ""): "secondo_i_nostri vedo_che vediamo_che sembra_che dai_nostri_registri secondo_il_sistema"
        " risulta_che",
        (Tag.SAID, ""): "lei_dice lei_scrive ha_scritto lei_menziona secondo_lei lei_indica ci_scrive ci_dice lei_afferma"
        " ha_detto scrive_che dice_che lei_sostiene",
        (Tag.US, ""): "noi io",
        (Tag.YOU, ""): "clienti cliente tu",
        (Tag.THEY, ""): "magazzino collega reparto team ufficio",
        (Tag.IT, ""): "lo questo tutto ciò",
        (Tag.NOW, ""): "già ora oggi appena_ora in_questo_momento attualmente stamattina subito adesso appena_adesso"
        " contestualmente ieri immediatamente",
        (Tag.ADVERB, ""): "anche inoltre le ti vi quindi ancora ce gliel' glielo nessun_problema non_si_preoccupi"
        " non_solo regolarmente correttamente interamente senza_problemi la appena l' automaticamente così",
        (Tag.LATER, ""): "domani presto prossimamente a_breve entro prossimi prossimo lunedì martedì mercoledì giovedì"
        " venerdì nei_prossimi",
        (Tag.BEFORE, ""): "scorso scorsa precedentemente precedente",
        (Tag.PREPOSITION, ""): "di del della dell' a al alla all' da per con su sul sulla in nel nella tramite secondo dello",
        (Tag.DET, ""): "il i gli un una uno lo_stesso un'",
        (Tag.POSSESSIVE, ""): "suo sua suoi sue tuo tua nostro nostra vostro mio questa",
        (Tag.ANY, ""): "generalmente normalmente sempre politica condizioni clausola regola ogni solitamente qualsiasi",
        (Tag.AND, ""): "e ed & o",
        (Tag.BUT, ""): "ma però tuttavia mentre perché poiché anche_se siccome",
        (Tag.PLACE, ""): "nella_sua_casella nella_tua_casella in_arrivo in_viaggio in_corso sul_suo_conto sulla_sua_carta"
        " nella_sua_posta in_lavorazione nella_sua_email nella_sua_e-mail in_consegna sul_tuo_conto pronta pronto"
        " in_spedizione nella_tua_posta qui_sotto",
        (Tag.FIND, ""): "trova trovi troverà troverai vedere scaricare stampare trovare",
        (Tag.WHAT, ""): "cosa come dove perché_mai ha_già ha_ricevuto quale quali",
        (Tag.TICK, ""): "✔ urllink ok",
        (Tag.CROSS, ""): "✘ ⌛ in_sospeso",
    },
    hints="il la le gli di che e abbiamo è stato stata per con un una non si del della suo sua buongiorno grazie ho ha al nel"
    " già anche sono questo come se più ma gentile cordiali saluti lei i l' dell' all' un' tutto le",
    known="rimborsare inviare elaborare",
    number_words={
        "uno": 1, "due": 2, "tre": 3, "quattro": 4, "cinque": 5, "sei": 6, "sette": 7, "otto": 8, "nove": 9, "dieci": 10,
        "venti": 20, "trenta": 30, "quaranta": 40, "cinquanta": 50, "cento": 100,
    },
    currencies={"euro": "EUR", "dollari": "$", "sterline": "GBP"},
)  # fmt: skip
