"""Spanish words of claims, and of what is no claim."""

# ruff: noqa: E501 - a table is read by the line

from services.domain.reading.lexicon import Lexicon
from services.domain.reading.tags import Deed, Tag, Thing

SPANISH = Lexicon(
    "es",
    {
        (Tag.SETTLED, ""): "todo_listo ya_está_hecho todo_solucionado todo_resuelto ya_está_todo está_todo_solucionado"
        " asunto_resuelto todo_está_listo todo_arreglado ya_está_listo está_hecho todo_en_orden está_solucionado"
        " delo_por_hecho todo_ha_quedado_resuelto ya_quedó todo_hecho ya_está_arreglado",
        (Tag.THING, Thing.REFUND): "reembolso reembolsos devolución_del_importe devolución_del_dinero reintegro"
        " devolución_de_su_dinero solicitud_de_reembolso devolución_del_pago",
        (Tag.THING, Thing.MONEY): "pesos dinero importe cantidad suma euros monto diferencia",
        (Tag.THING, Thing.PAYMENT): "pago",
        (Tag.THING, Thing.CREDIT): "vale cupón saldo tarjeta_regalo crédito_en_tienda vale_de_compra crédito bono",
        (Tag.THING, Thing.LABEL): "etiqueta etiquetas etiqueta_de_devolución etiqueta_de_envío código_qr"
        " etiqueta_prepagada",
        (Tag.THING, Thing.REPLACEMENT): "reemplazo repuesto producto_de_reemplazo sustitución sustituto recambio reposición"
        " artículo_de_reemplazo",
        (Tag.THING, Thing.EXCHANGE): "cambio intercambio",
        (Tag.THING, Thing.RETURN): "devolución devoluciones solicitud_de_devolución recogida_de_la_devolución",
        (Tag.THING, Thing.CANCELLATION): "cancelación anulación",
        (Tag.THING, Thing.ORDER): "pedido pedidos compra",
        (Tag.THING, Thing.ADDRESS): "dirección dirección_de_entrega dirección_de_envío",
        (Tag.THING, Thing.EMAIL): "correo e-mail email mensaje correo_electrónico",
        (Tag.THING, Thing.NOTICE): "confirmación instrucciones información detalles enlace factura número_de_seguimiento",
        (Tag.THING, Thing.PHOTOS): "fotos foto imágenes fotografías",
        (Tag.THING, Thing.PICKUP): "recogida mensajero",
        (Tag.THING, Thing.PARCEL): "artículo producto paquete envío entrega",
        (Tag.THING, Thing.NEW): "nuevo nueva otro otra",
        (Tag.THING, Thing.CASE): "caso solicitud reclamación incidencia",
        (Tag.THING, Thing.DISCOUNT): "descuento código_de_descuento compensación",
        (Tag.THING, Thing.NEUTRAL): "revisión inspección comprobación tarjeta_de_crédito política_de_devoluciones política_de_devolución plazo_de_devolución"
        " número_de_pedido etiqueta_del_producto etiqueta_de_la gastos_de_envío gastos_de_devolución en_cambio"
        " dirección_de_correo fecha_de_entrega método_de_pago etiqueta_en_la motivo_de_la_devolución",
        (Tag.DONE, Deed.REFUND): "reembolsado reembolsada reembolsamos reembolsé le_reembolse reintegrado reembolsados",
        (Tag.DONE, Deed.PAY): "abonado ingresado transferido acreditado abonada transferida abonamos",
        (Tag.DONE, Deed.PAID): "pagado devuelto devuelta",
        (Tag.DONE, Deed.SEND): "enviado enviada enviados remitido mandado mandada le_envie te_envie les_envie le_enviamos"
        " te_enviamos envió le_mande le_mandamos reenviado reenviada hecho_llegar",
        (Tag.DONE, Deed.SHIP): "despachado despachada expedido salido",
        (Tag.DONE, Deed.CREATE): "creado creada generado generada emitido emitida preparado concedido expedida elaborado",
        (Tag.DONE, Deed.START): "iniciado iniciada solicitado_el_reembolso abierto abierta registrado registrada programado"
        " programada reservado gestionado gestionada puesto_en_marcha ordenado cursado cursada agendado concertado",
        (Tag.DONE, Deed.COMPLETE): "procesado procesada realizado realizada completado completada tramitado tramitada"
        " efectuado efectuada ejecutado finalizado resuelto hecho solucionado concluido",
        (Tag.DONE, Deed.CANCEL): "cancelado cancelada anulado anulada",
        (Tag.DONE, Deed.CHANGE): "modificado actualizado actualizada cambiado_la corregido modificada corregida",
        (Tag.DONE, Deed.EXCHANGE): "cambiado canjeado",
        (Tag.DONE, Deed.REPLACE): "sustituido reemplazado",
        (Tag.DONE, Deed.ADD): "añadido aplicado agregado",
        (Tag.DONE, Deed.ESCALATE): "escalado derivado remitido_su_caso informado eliminado",
        (Tag.DONE, Deed.ATTACH): "adjunto adjunta adjuntado",
        (Tag.DONE, Deed.MARK): "marcado",
        (Tag.ING, Deed.REFUND): "reembolsando",
        (Tag.ING, Deed.SEND): "enviando mandando",
        (Tag.ING, Deed.COMPLETE): "tramitando procesando gestionando realizando",
        (Tag.ING, Deed.CREATE): "generando preparando",
        (Tag.ING, Deed.CANCEL): "cancelando",
        (Tag.PAST_SAFE, ""): "revisado recibido comprobado visto leído aprobado aprobada aceptado aceptada rechazado"
        " rechazada entregado entregada comprado dañado verificado examinado confirmado solicitado analizado comprendido"
        " notado fallado llegado elegible posible encontrado indicado mencionado escrito dicho pedido_usted roto autorizado"
        " autorizada consultado estado tenido podido disponible recibida",
        (Tag.HAVE, ""): "hemos he ha han había",
        (Tag.BE, ""): "se_encuentra se_encuentran le_espera es está son están va van estamos estoy queda",
        (Tag.WAS, ""): "fue fueron quedó acabamos_de acaba_de",
        (Tag.BEEN, ""): "sido",
        (Tag.FUTURE, ""): "será serán vamos_a va_a voy_a van_a recibirá recibirás sería estará podrá habríamos habría habrían habríais hubiéramos hubiera",
        (Tag.MODAL, ""): "podemos puede pueden puedo debe deben quiere desea podría podríamos quisiera intentado_hacer intenté intentado intentamos poder por_favor deseamos",
        (Tag.TO, ""): "para a_fin_de",
        (Tag.NOT, ""): "no nunca ningún ninguna sin ni todavía_no aún_no nadie nada jamás",
        (Tag.IF, ""): "si cuando en_cuanto una_vez siempre_que antes hasta tan_pronto salvo a_la_espera",
        (Tag.WHEN, ""): "después tras",
        (Tag.THAT, ""): "que",
        (Tag.ASSERT, ""): "confirmamos confirmo informamos_que le_informo comunicamos le_comunico confirmarle informarle"
        " decirle sepa",
        (Tag.RECORDS, ""): "según_nuestros veo_que vemos_que parece_que nuestros_registros según_el_sistema"
        " según_nuestro",
        (Tag.SAID, ""): "usted_dice usted_escribió usted_menciona según_usted usted_indica nos_dice nos_indica"
        " usted_escribe escribe_que usted_cree usted_afirma me_dice me_comenta usted_comenta nos_comenta dice_que",
        (Tag.US, ""): "nosotros yo",
        (Tag.YOU, ""): "usted ustedes clientes cliente tú",
        (Tag.THEY, ""): "equipo almacén compañero compañera departamento colega",
        (Tag.IT, ""): "lo esto eso todo ella",
        (Tag.NOW, ""): "ya ahora hoy acabo en_este_momento actualmente por_la_presente esta_mañana inmediatamente mismo ayer"
        " recién",
        (Tag.ADVERB, ""): "se le les te también además además nos no_se_preocupe sin_problema no_solo correctamente sin_más"
        " íntegramente totalmente automáticamente me así",
        (Tag.LATER, ""): "mañana pronto próximamente en_breve dentro próximo próximos lunes martes miércoles jueves viernes"
        " en_un_plazo",
        (Tag.BEFORE, ""): "pasado pasada anteriormente anterior",
        (Tag.PREPOSITION, ""): "de del a al por con en sobre desde según mediante",
        (Tag.DET, ""): "el la los las un una",
        (Tag.POSSESSIVE, ""): "su sus tu tus nuestro nuestra mi este esta",
        (Tag.ANY, ""): "generalmente normalmente siempre política condiciones cláusula norma cada habitualmente cualquier",
        (Tag.AND, ""): "y e & o",
        (Tag.BUT, ""): "pero aunque sin_embargo mientras porque ya_que puesto",
        (Tag.PLACE, ""): "en_su_bandeja en_su_correo en_camino en_curso en_tu_bandeja en_tu_correo en_su_cuenta"
        " en_su_tarjeta de_camino en_trámite en_su_bandeja_de_entrada en_tu_cuenta listo lista en_su_buzón en_proceso"
        " disponible_en_su más_abajo",
        (Tag.FIND, ""): "encontrará encontrarás encuentra ver descargar imprimir tiene hallará encontrar",
        (Tag.WHAT, ""): "qué cómo por_qué dónde cuándo ha_recibido cuál",
        (Tag.TICK, ""): "✔ urllink ok",
        (Tag.CROSS, ""): "✘ ⌛ pendiente",
    },
    hints="el la los las de que y en su sus hemos ha para por con una un no se le del al ya está es hola gracias usted nuestro"
    " lo como si más pero este esta señor señora estimado estimada saludos todo",
    known="reembolsar enviar tramitar",
    number_words={
        "un": 1, "uno": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8, "nueve": 9,
        "diez": 10, "veinte": 20, "treinta": 30, "cuarenta": 40, "cincuenta": 50, "cien": 100,
    },
    currencies={"euros": "EUR", "euro": "EUR", "dólares": "$", "libras": "GBP"},
)  # fmt: skip
