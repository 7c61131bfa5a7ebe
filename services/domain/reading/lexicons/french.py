"""French words of claims, and of what is no claim. Elisions (l', n', j') are words of their own."""

# ruff: noqa: E501 - a table is read by the line

from services.domain.reading.lexicon import Lexicon
from services.domain.reading.tags import Deed, Tag, Thing

FRENCH = Lexicon(
    "fr",
    {
        (Tag.SETTLED, ""): "c'_est_fait c'_est_réglé tout_est_réglé tout_est_fait tout_est_en_ordre c'_est_chose_faite"
        " voilà_qui_est_fait tout_est_bon c'_est_bon_pour_vous tout_a_été_fait tout_est_prêt c'_est_arrangé"
        " tout_est_arrangé le_nécessaire_a_été_fait fait_le_nécessaire tout_est_finalisé considérez_que_c'_est_fait",
        (Tag.THING, Thing.REFUND): "remboursement remboursements demande_de_remboursement",
        (Tag.THING, Thing.MONEY): "argent montant somme euros prix_d'_achat différence_de_prix",
        (Tag.THING, Thing.PAYMENT): "paiement",
        (Tag.THING, Thing.CREDIT): "avoir_de bon_d'_achat avoir_d'_un avoir_sur bon_cadeau carte_cadeau code_promo crédit un_avoir"
        " votre_avoir l'_avoir bons_d'_achat",
        (Tag.THING, Thing.LABEL): "étiquette étiquettes étiquette_de_retour bon_de_retour bordereau étiquette_retour"
        " bordereau_de_retour qr_code étiquette_prépayée étiquette_d'_expédition étiquette_de_renvoi bon_de_renvoi",
        (Tag.THING, Thing.REPLACEMENT): "remplacement article_de_remplacement produit_de_remplacement pièce_de_rechange"
        " colis_de_remplacement",
        (Tag.THING, Thing.EXCHANGE): "échange",
        (Tag.THING, Thing.RETURN): "retour demande_de_retour dossier_de_retour retours",
        (Tag.THING, Thing.CANCELLATION): "annulation",
        (Tag.THING, Thing.ORDER): "commande commandes",
        (Tag.THING, Thing.ADDRESS): "adresse adresse_de_livraison",
        (Tag.THING, Thing.EMAIL): "e-mail email mail courriel message sms",
        (Tag.THING, Thing.NOTICE): "confirmation instructions informations détails lien facture numéro_de_suivi"
        " e-mail_de_confirmation",
        (Tag.THING, Thing.PHOTOS): "photos photo images clichés",
        (Tag.THING, Thing.PICKUP): "enlèvement ramassage coursier",
        (Tag.THING, Thing.PARCEL): "article produit colis livraison envoi",
        (Tag.THING, Thing.NEW): "nouvelle nouveau nouvel neuf neuve autre",
        (Tag.THING, Thing.CASE): "dossier demande réclamation cas ticket",
        (Tag.THING, Thing.DISCOUNT): "remise réduction dédommagement geste_commercial",
        (Tag.THING, Thing.NEUTRAL): "contrôle vérification inspection examen carte_bancaire carte_de_crédit adresse_e-mail adresse_mail politique_de_retour"
        " politique_de_remboursement délai_de_retour étiquette_du_produit numéro_de_commande frais_de_retour"
        " étiquette_sur_le étiquette_dans_le adresse_de_retour conditions_de_retour date_de_livraison de_retour_au"
        " mode_de_paiement moyen_de_paiement étiquette_de_lavage suis_de_retour motif_du_retour étiquette_sur",
        (Tag.DONE, Deed.REFUND): "remboursé remboursée remboursés remboursées reversé reversée",
        (Tag.DONE, Deed.PAY): "crédité créditée viré virée recrédité recréditée versé versée restitué restituée",
        (Tag.DONE, Deed.PAID): "payé rendu",
        (Tag.DONE, Deed.SEND): "envoyé envoyée envoyés envoyées transmis transmise adressé adressée expédié expédiée renvoyé"
        " renvoyée fait_parvenir expédiés",
        (Tag.DONE, Deed.SHIP): "réexpédié réexpédiée remis_au_transporteur remis_à_la_poste parti partie",
        (Tag.DONE, Deed.CREATE): "créé créée généré générée émis émise établi établie préparé préparée édité éditée accordé"
        " accordée offert",
        (Tag.DONE, Deed.START): "lancé lancée initié initiée enregistré enregistrée ouvert ouverte programmé programmée planifié"
        " planifiée organisé organisée demandé_le_remboursement déclenché déclenchée réservé réservée procédé engagé engagée"
        " commandé_pour_vous ordonné",
        (Tag.DONE, Deed.COMPLETE): "effectué effectuée traité traitée finalisé finalisée réalisé réalisée exécuté exécutée"
        " terminé terminée validé_et_effectué réglé réglée clôturé résolu fait faite",
        (Tag.DONE, Deed.CANCEL): "annulé annulée annulés annulées interrompu",
        (Tag.DONE, Deed.CHANGE): "modifié modifiée changé changée mis_à_jour mise_à_jour corrigé corrigée rectifié",
        (Tag.DONE, Deed.EXCHANGE): "échangé échangée",
        (Tag.DONE, Deed.REPLACE): "remplacé remplacée",
        (Tag.DONE, Deed.ADD): "ajouté ajoutée appliqué",
        (Tag.DONE, Deed.ESCALATE): "transféré_votre transmis_votre_dossier escaladé signalé supprimé informé",
        (Tag.DONE, Deed.ATTACH): "joint jointe ci-joint ci-jointe en_pièce_jointe",
        (Tag.DONE, Deed.MARK): "marqué",
        (Tag.ING, Deed.REFUND): "remboursons rembourse",
        (Tag.ING, Deed.SEND): "envoyons envoie expédions",
        (Tag.ING, Deed.COMPLETE): "traitons procédons effectuons",
        (Tag.PAST_SAFE, ""): "examiné reçu vérifié consulté lu vu accepté acceptée approuvé approuvée refusé refusée"
        " constaté compris regardé noté livré livrée commandé acheté endommagé validé validée étudié analysé échoué pris"
        " éligible possible arrivé trouvé demandé écrit dit indiqué mentionné contacté cassé retourné bien_reçu été_livré"
        " conforme disponible soumis autorisé rencontré eu pu retournés retournée retournées endommagés",
        (Tag.HAVE, ""): "avons ai a ont avez avait",
        (Tag.BE, ""): "se_trouve se_trouvent vous_attend est sont suis",
        (Tag.WAS, ""): "était étaient fut vient_d'_être viennent_d'_être venons_de",
        (Tag.BEEN, ""): "été",
        (Tag.FUTURE, ""): "sera seront serez va_être vont_être allons vais va recevrez recevra sommes_en_train_de_vérifier"
        " serait aurait aurions aurais auraient seraient pourra",
        (Tag.MODAL, ""): "pouvons peut peuvent pouvez pourrons pourrez pourriez doit devez devons souhaitez voulez veuillez"
        " tente_de essayé_de tenté_de pouvoir devrait devrions voudrions serions pourrait",
        (Tag.TO, ""): "pour afin_de",
        (Tag.NOT, ""): "pas ne n' jamais aucun aucune ni sans rien personne",
        (Tag.IF, ""): "si dès lorsque quand avant dès_que une_fois à_condition sous_réserve au_cas_où jusqu'_à dès_réception"
        " à_réception s'_il à_moins lorsqu' après_réception",
        (Tag.WHEN, ""): "après",
        (Tag.THAT, ""): "que qu' qui",
        (Tag.ASSERT, ""): "confirmons confirme que_nous informons informe_que noter_que confirmer informer plaisir_de_vous",
        (Tag.RECORDS, ""): "selon_nos d'_après_nos je_vois nous_voyons il_semble il_apparaît nos_registres selon_notre_système"
        " d'_après_notre",
        (Tag.SAID, ""): "vous_dites vous_avez_écrit vous_écrivez vous_mentionnez vous_indiquez selon_vous vous_avez_dit"
        " vous_ecriviez vous_pensez vous_avez_lu vous_disiez vous_affirmez vous_avez_mentionné vous_avez_indiqué vous_demandez",
        (Tag.US, ""): "nous je j'",
        (Tag.YOU, ""): "clients client tu",
        (Tag.THEY, ""): "équipe entrepôt collègue service logistique comptabilité",
        (Tag.IT, ""): "cela ça ceci tout il elle",
        (Tag.NOW, ""): "déjà maintenant aujourd'_hui à_l'_instant ce_matin actuellement en_ce_moment tout_de_suite"
        " immédiatement par_la_présente bien désormais aujourd'hui à_présent venons hier",
        (Tag.ADVERB, ""): "vous également aussi donc encore te y entièrement intégralement le_cas_échéant automatiquement"
        " directement pas_de_souci pas_de_problème sans_problème lui l' non_seulement ainsi enfin toujours pas_d'_inquiétude",
        (Tag.LATER, ""): "demain bientôt prochainement sous dans_les_prochains d'_ici prochaine prochains lundi mardi mercredi"
        " jeudi vendredi dans_quelques",
        (Tag.BEFORE, ""): "dernier dernière précédemment auparavant",
        (Tag.PREPOSITION, ""): "de du des d' à au aux par avec sur dans en concernant suite_à selon chez",
        (Tag.DET, ""): "le la les un une",
        (Tag.POSSESSIVE, ""): "votre vos notre nos ton ta tes mon ma ce cet cette",
        (Tag.ANY, ""): "généralement habituellement toujours_remboursés politique conditions clause règle tout_article chaque"
        " normalement en_général",
        (Tag.AND, ""): "et & ainsi_que ou",
        (Tag.BUT, ""): "mais cependant toutefois car puisque comme parce tandis alors_que",
        (Tag.PLACE, ""): "dans_votre_boîte dans_votre_messagerie en_route en_chemin en_cours dans_votre_boîte_mail"
        " sur_votre_compte sur_votre_carte dans_votre_boîte_de_réception en_attente_dans_votre prêt prête"
        " dans_vos_mails dans_vos_e-mails dans_votre_espace ci-dessous à_votre_disposition",
        (Tag.FIND, ""): "trouverez retrouverez trouvez voir télécharger imprimer trouver",
        (Tag.WHAT, ""): "est-ce avez-vous quel quelle comment pourquoi où souhaitez-vous a-t-il a-t-elle",
        (Tag.TICK, ""): "✔ urllink ok",
        (Tag.CROSS, ""): "à_venir ✘ ⌛ en_attente",
    },
    hints="le la les des nous vous votre vos avons est et que pour dans une un pas sur bonjour madame monsieur merci je ai"
    " été sera au du ce cette qui ne par avec en tout cordialement c' l' d' n' j' de",
    known="remboursement rembourser envoyer traiter modifier demande demandes",
    number_words={
        "un": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9, "dix": 10,
        "vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60, "cent": 100,
    },
    currencies={"euros": "EUR", "euro": "EUR", "dollars": "$", "francs": "CHF", "livres": "GBP"},
)  # fmt: skip
