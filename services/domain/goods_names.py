"""Names of goods that mean the same: kettle, Wasserkocher, bouilloire. A word of two meanings is left out."""

from functools import lru_cache

# One line a thing; words are folded (no accents) and singular. ß is ss, œ is o.
_LINES = """
lamp lampe lampara lampada lantern leuchte luminaire flos headlight
headlamp stirnlampe frontale hoofdlamp frontal
kettle wasserkocher bouilloire hervidor bollitore waterkoker
teapot teekanne theiere tetera teiera theepot
toaster grille-pain tostadora tostapane broodrooster
blender mixer standmixer mixeur batidora frullatore licuadora
mug becher tasse taza tazza mok cup kaffeetasse beker
plate teller assiette plato piatto bord
bowl schale schussel bol cuenco ciotola kom saladier
vase vaso florero jarron vaas
mirror spiegel miroir espejo specchio
chair stuhl chaise silla sedia stoel burostuhl
armchair sessel fauteuil sillon poltrona
stool hocker tabouret taburete sgabello kruk
table tisch mesa tavolo tafel couchtisch
desk schreibtisch escritorio scrivania bureautafel
sofa couch canape divano bank_sofa zitbank
bed bett lit cama letto
mattress matratze matelas colchon materasso matras
pillow cushion kissen oreiller coussin almohada cojin cuscino kussen
blanket decke couverture manta coperta deken plaid
duvet bettdecke couette edredon piumone dekbed
rug carpet teppich tapis alfombra tappeto vloerkleed tapijt
curtain vorhang rideau cortina tenda gordijn
clock wanduhr horloge reloj orologio wandklok
shelf bookshelf regal etagere estante estanteria scaffale boekenkast
wardrobe kleiderschrank armoire armario armadio kledingkast
pan pfanne poele sarten padella koekenpan
knife messer couteau cuchillo coltello
spoon loffel cuillere cuchara cucchiaio lepel
oven backofen four horno forno
fridge refrigerator kuhlschrank refrigerateur frigo nevera frigorifero koelkast
vacuum staubsauger aspirateur aspiradora aspirapolvere stofzuiger
microwave mikrowelle micro-ondes microondas microonde magnetron
headphones headphone kopfhorer casque auriculares cuffie koptelefoon
earbuds earbud ohrhorer ecouteurs oortjes
speaker lautsprecher enceinte altavoz altoparlante luidspreker haut-parleur
keyboard tastatur clavier teclado tastiera toetsenbord
monitor bildschirm ecran pantalla schermo beeldscherm
laptop notebook ordinateur portatil portatile
tablet tablette tableta
camera kamera fotocamera
printer drucker imprimante impresora stampante
router modem
smartphone handy telefono-movil cellulare
drone drohne
bicycle bike fahrrad velo bicicleta bici fiets
helmet helm casco
scooter roller trottinette patinete monopattino step
tent zelt tente tienda_de_campana tenda_campeggio
sleeping-bag schlafsack sac-de-couchage slaapzak
backpack rucksack sac-a-dos mochila zaino rugzak
suitcase koffer valise maleta valigia
wallet purse geldborse portemonnaie cartera portafoglio portemonnee brieftasche
belt gurtel ceinture cinturon cintura riem
jacket jacke veste chaqueta giacca jas blouson regenjacke
coat mantel manteau abrigo cappotto overcoat
scarf schal echarpe bufanda sciarpa sjaal foulard
hat beanie mutze chapeau sombrero gorro cappello muts hut bonnet
glove handschuh gant guante guanto handschoen
dress kleid robe vestido vestito jurk
skirt rock_kleidung jupe falda gonna rok
shirt hemd chemise camisa camicia overhemd
t-shirt tee-shirt camiseta maglietta
sweater jumper pullover pull sueter jersey maglione trui hoodie
trousers pants hose pantalon pantalones pantaloni broek
jeans
leggings
sock socke chaussette calcetin calzino sok
boot stiefel botte bota stivale laars scarpone
shoe schuh chaussure zapato scarpa schoen
sandal sandale sandalia sandalo sandaal
sneaker trainer turnschuh basket_chaussure zapatilla
teddy teddybar peluche knuffel
doll puppe poupee muneca bambola
puzzle rompecabezas legpuzzel
stroller pram kinderwagen poussette cochecito passeggino
perfume parfum profumo
hairdryer fohn seche-cheveux secador asciugacapelli haardroger
toothbrush zahnburste cepillo-de-dientes spazzolino tandenborstel
razor rasierer rasoir maquinilla rasoio scheerapparaat
drill bohrmaschine perceuse taladro trapano boormachine
hammer marteau martillo martello hamer
ladder leiter echelle escalera scala
lawnmower rasenmaher tondeuse cortacesped tosaerba grasmaaier
grill barbecue parrilla
stove cooker kocher gaskocher herd cuisiniere fornello fornuis
guitar gitarre guitare guitarra chitarra gitaar
tray tablett plateau bandeja vassoio dienblad
teacup
bulb gluhbirne ampoule bombilla lampadina gloeilamp
bracelet armband pulsera braccialetto
necklace halskette collier collana ketting
earring ohrring pendiente orecchino oorbel
umbrella regenschirm parapluie paraguas ombrello paraplu
towel handtuch serviette toalla asciugamano handdoek
candle kerze bougie vela candela kaars
"""

CONCEPTS: dict[str, str] = {
    word: line.split()[0] for line in _LINES.strip().splitlines() for word in line.split() if "_" not in word
}
"""Word to the English name of the thing."""

_ENDINGS = ("s", "es", "n", "en", "e", "x", "er")
_LONGEST_FIRST = sorted((word for word in CONCEPTS if len(word) >= 5), key=len, reverse=True)


@lru_cache(maxsize=20_000)
def concept_of(word: str) -> str | None:
    """Return the thing that a folded word names: itself, a plural, or the end of a compound (Tischlampe)."""
    found = CONCEPTS.get(word)
    if found is not None:
        return found
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 3 and stem in CONCEPTS:
            return CONCEPTS[stem]
    if len(word) >= 8:
        for base in (word, *(word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending))):
            for name in _LONGEST_FIRST:
                if base.endswith(name) and len(base) >= len(name) + 3:
                    return CONCEPTS[name]
    return None
